//! The loop: waits for something to happen, and lets the parts act on it.
//!
//! One thread. Everything that takes long runs in a task and reports into the channel of
//! [`crate::wire`]; this loop is the only place that decides and the only one that reads clocks.

use std::time::Duration;

use launcher_control::{Control, Limits};
use shared_handover::exit::Exit;
use shared_handover::layout::{Component, StateDir};
use shared_logfile::{LogFile, MOST_BYTES};
use shared_slots::{Digest, Slot, Store};
use tracing::{error, info, warn};

use crate::perform::{Host, Own};
use crate::settings::Settings;
use crate::trust::{Trust, TrustError};
use crate::wire::{Happening, Happenings, Reports, happenings};
use crate::{lock, os};

/// How long nothing happens before this process makes itself small for the wait.
const QUIET: Duration = Duration::from_secs(5);

/// Turns that all tasks together get before this process ends; a reply needs three or four.
const LAST_TURNS: usize = 32;

/// How much later than planned a wake-up is more than chance.
const OVERSLEPT: Duration = Duration::from_secs(1);

/// `launcher run`: sets up, runs until stopped, and says how it ended.
pub(crate) fn start(settings: &Settings, stamp: &'static str) -> Exit {
    let state = StateDir::new(&settings.state_dir);
    // Sockets, records of jobs and logs are nobody else's business.
    let log = os::create_private_dir(state.root())
        .and_then(|()| os::create_private_dir(&state.logs()))
        .and_then(|()| LogFile::open(state.log("launcher"), MOST_BYTES));
    let (log, no_log) = match log {
        Ok(log) => (Some(log), None),
        Err(error) => (None, Some(error)),
    };
    let _ = shared_telemetry::init(settings.log_level, log);
    if let Some(error) = no_log {
        error!(
            folder = %state.root().display(), %error,
            "cannot write in the state folder; is it there, and does it belong to this user?"
        );
        return Exit::StateDirUnusable;
    }
    end_on_panic();
    let _lock = match lock::take(&state) {
        Ok(lock) => lock,
        Err(reason) => {
            error!(%reason, "another launcher runs on this state folder");
            return Exit::LockHeld;
        }
    };
    match prepare(settings, &state, stamp) {
        Ok(parts) => run(settings, state, parts),
        Err(exit) => exit,
    }
}

/// A task that panics would leave a step for ever unfinished. A launcher that ends is started again,
/// and adopts what runs.
fn end_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        error!(%panic, "this is a defect of the launcher; ending, to be started again");
        std::process::abort();
    }));
}

/// What is read from disk before the loop begins.
struct Parts {
    store: Store,
    slots: [Slot; 2],
    trust: Option<Trust>,
    own: Own,
}

fn prepare(settings: &Settings, state: &StateDir, stamp: &'static str) -> Result<Parts, Exit> {
    let store = Store::new(state.store());
    let slots = Component::ALL.map(|component| Slot::new(state.pages(component)));
    let created = store
        .create()
        .and_then(|()| slots.iter().try_for_each(Slot::create))
        .and_then(|()| os::create_private_dir(&state.run()));
    if let Err(error) = created {
        error!(folder = %state.root().display(), %error, "cannot write in the state folder");
        return Err(Exit::StateDirUnusable);
    }
    let reading = slots[1].read();
    if reading.is_lost() {
        error!(damage = ?reading.damage, "the agent's slot cannot be read");
    }
    let installed = !reading.page.named().is_empty();
    let given = settings.trust_root.as_deref();
    let trust = match Trust::load(state, given, &settings.channel) {
        Ok(trust) => Some(trust),
        Err(reason) if installed => {
            error!(%reason, "no upgrades until this is mended; the installed agent runs");
            None
        }
        Err(reason) => {
            error!(%reason, "nothing can be installed");
            return Err(match reason {
                TrustError::NotKept { .. } => Exit::StateDirUnusable,
                _ => Exit::Config,
            });
        }
    };
    let own = own(stamp);
    info!(
        version = stamp,
        pid = std::process::id(),
        state_dir = %state.root().display(),
        server = %settings.server_url,
        "launcher started"
    );
    if own.rescue {
        // Its agents serve all the same: they are not what failed, and a host that waits for a
        // release may wait for days.
        warn!(
            "no other launcher runs on this host; the next release of it is taken, whatever the rules"
        );
    }
    Ok(Parts {
        store,
        slots,
        trust,
        own,
    })
}

/// Which launcher this is. One from the store lies in a folder named by its digest.
fn own(stamp: &'static str) -> Own {
    let path = std::env::current_exe().ok();
    let folder = path.as_deref().and_then(std::path::Path::parent);
    let digest: Option<Digest> = folder
        .and_then(|folder| folder.file_name()?.to_str())
        .and_then(|name| name.parse().ok());
    let pid = std::env::var("TRIREME_BOOTSTRAPPER_PID").ok();
    let version = std::env::var("TRIREME_BOOTSTRAPPER_VERSION").unwrap_or_default();
    Own {
        stamp,
        digest,
        rescue: std::env::var("TRIREME_RESCUE").is_ok_and(|rescue| rescue == "1"),
        has_bootstrapper: pid.is_some(),
        bootstrapper: pid.and_then(|pid| Some((pid.parse().ok()?, version))),
        program: path.unwrap_or_else(|| Component::Launcher.name().into()),
    }
}

fn run(settings: &Settings, state: StateDir, parts: Parts) -> Exit {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            error!(%error, "cannot set up the event loop");
            return Exit::Failure;
        }
    };
    let exit = runtime.block_on(async {
        let (reports, mut happened) = happenings();
        if let Err(error) = listen(&reports) {
            error!(%error, "cannot listen for signals");
            return Exit::Failure;
        }
        let reports_of_control = reports.clone();
        let Parts {
            store,
            slots,
            trust,
            own,
        } = parts;
        let mut host = match Host::new(settings, state, store, slots, trust, own, reports) {
            Ok(host) => host,
            Err(error) => {
                error!(%error, "cannot set up HTTP");
                return Exit::Failure;
            }
        };
        open_control(&host.state, &reports_of_control);
        go_on(&mut host, &mut happened).await
    });
    // A name that is still being looked up must not keep this process.
    runtime.shutdown_background();
    info!(
        exit = exit.code(),
        meaning = exit.meaning().trim(),
        "launcher ended"
    );
    exit
}

/// Lets the tasks that answer operators and agents write what they were just given.
async fn last_words() {
    for _ in 0..LAST_TURNS {
        tokio::task::yield_now().await;
    }
}

/// Lets operators ask. What fails once is tried again: nobody could ask until the next start. A
/// launcher that cannot be asked still does its work.
fn open_control(state: &StateDir, reports: &Reports) {
    let open = || Control::open(state, Limits::default());
    match open().or_else(|_| open()) {
        Ok(control) => {
            let reports = reports.clone();
            tokio::spawn(control.serve(move |asked| {
                let _ = reports.send(Happening::Asked(asked));
            }));
        }
        Err(error) => warn!(%error, "operators cannot ask this launcher"),
    }
}

/// The loop itself, until this process is to end.
async fn go_on(host: &mut Host<'_>, happened: &mut Happenings) -> Exit {
    let mut begun = host.now();
    loop {
        if let Some(exit) = host.act() {
            last_words().await;
            return exit;
        }
        let wake = host.next_wake();
        let happening = wait(happened, wake).await;
        let took = host.now().saturating_sub(begun);
        let late = wake.map_or(Duration::ZERO, |wake| took.saturating_sub(wake));
        if late >= OVERSLEPT {
            warn!(
                late_ms = late.as_millis(),
                "this process was not let run; that time does not count"
            );
            host.overslept(late);
        }
        begun = host.now();
        if let Some(happening) = happening {
            host.take(happening);
        }
    }
}

/// The next happening, if one comes before it is time to `wake`. A long wait is spent small.
async fn wait(happened: &mut Happenings, mut wake: Option<Duration>) -> Option<Happening> {
    if wake.is_none_or(|wake| wake > QUIET) {
        tokio::select! {
            happening = happened.recv() => return happening,
            () = tokio::time::sleep(QUIET) => shared_supervise::release_code(),
        }
        wake = wake.map(|wake| wake.saturating_sub(QUIET));
    }
    tokio::select! {
        happening = happened.recv() => happening,
        () = until(wake) => None,
    }
}

async fn until(wake: Option<Duration>) {
    match wake {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

/// Starts the tasks that report wishes that this process ends, and the end of the bootstrapper.
fn listen(reports: &Reports) -> std::io::Result<()> {
    let mut stops = os::Stops::listen()?;
    let of_stops = reports.clone();
    tokio::spawn(async move {
        while stops.next().await.is_some() {
            let _ = of_stops.send(Happening::AskedToStop);
        }
    });
    match os::Lifeline::of_stdin() {
        Ok(None) => {}
        Ok(Some(lifeline)) => {
            let reports = reports.clone();
            tokio::spawn(async move {
                lifeline.cut().await;
                let _ = reports.send(Happening::BootstrapperGone);
            });
        }
        Err(error) => warn!(%error, "cannot notice the end of the bootstrapper"),
    }
    Ok(())
}

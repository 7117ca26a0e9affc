//! `agent start`: settings in, the running agent out.

mod checks;
mod conceal;
mod credentials;
mod ending;
pub(crate) mod environ;
mod log;
mod parts;
mod tell;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use shared_handover::layout::StateDir;
use shared_protocol::env;
use shared_supervise::release_code;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::Instant;

use self::checks::checks;
use self::credentials::{Credentials, credentials};
use self::environ::{Environ, place, settings};
use self::log::{PLAIN, open_log, style};
use self::parts::{Process, parts};
use self::tell::tell_start;
use crate::config::raw::Raw;
use crate::config::resolve::{Config, resolve};
use crate::config::values::Values;
use crate::locks;
use crate::profile;
use crate::wire;

/// How long the end of the agent waits for the collector of its metrics.
const LAST_METRICS: Duration = Duration::from_secs(3);

/// An error that ends the program; its text is all anybody needs.
type Fatal = Box<dyn std::error::Error>;

/// How long the end of the agent waits for whoever reads its log.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Runs `agent start` with the arguments after that word.
pub fn main(stamp: &'static str, args: &[OsString]) -> ExitCode {
    let ended = start_with(stamp, args);
    shared_telemetry::finish(LAST_LINES);
    ended
}

fn start_with(stamp: &'static str, args: &[OsString]) -> ExitCode {
    let exposed = conceal::conceal(args).err();
    let environ = Environ::read();
    let state = environ.get(env::TRIREME_STATE_DIR).map(StateDir::new);
    let raw = match read_and_open_log(args, &environ, state.as_ref()) {
        Ok(raw) => raw,
        Err(error) => return end_early(&*error, state.as_ref()),
    };
    if let Some(cause) = exposed {
        tracing::warn!(
            "the token can be seen in the list of processes: {cause}; keep it in a file and set \
             --token=file://PATH"
        );
    }
    match start(stamp, &raw, &environ, state.as_ref()) {
        Ok(status) => status,
        Err(error) => end_with(&*error),
    }
}

fn read_and_open_log(
    args: &[OsString],
    environ: &Environ,
    state: Option<&StateDir>,
) -> Result<Raw, Fatal> {
    let raw = settings(args, environ)?;
    let around = environ.surroundings();
    open_log(style(&Values::new(&raw, &around), state.is_some())?, state)?;
    Ok(raw)
}

/// Settings that make no sense leave their line in the log, too, where there is one: nobody may be
/// watching standard error.
fn end_early(error: &dyn std::error::Error, state: Option<&StateDir>) -> ExitCode {
    if state.is_some() && open_log(PLAIN, state).is_ok() {
        return end_with(error);
    }
    crate::fatal(error)
}

fn end_with(error: &dyn std::error::Error) -> ExitCode {
    tracing::error!("{error}");
    ExitCode::FAILURE
}

fn start(
    stamp: &'static str,
    raw: &Raw,
    environ: &Environ,
    state: Option<&StateDir>,
) -> Result<ExitCode, Fatal> {
    let executable = std::env::current_exe()
        .map_err(|error| format!("cannot find this program's own file: {error}; it needs /proc"))?;
    let place = place(raw, environ, &executable, state);
    let config = resolve(raw, &place)?;
    let credentials = credentials(stamp, &config, environ, state)?;
    tell_start(stamp, raw, &config);
    let profile = profile::begin(config.profile.as_deref(), &place.temporary);
    let ended = run(stamp, config, credentials, environ, state, executable);
    profile::end(profile);
    ended
}

/// Runs workers until all has ended.
fn run(
    stamp: &'static str,
    config: Config,
    credentials: Credentials,
    environ: &Environ,
    state: Option<&StateDir>,
    executable: PathBuf,
) -> Result<ExitCode, Fatal> {
    let reflect = config.workers.reflect_exit_status;
    let process = Process {
        stamp,
        executable,
        began: Instant::now(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, async {
        let locks = locks::open(&config.experiments, config.sockets.clone())?;
        let checks = checks(&config, environ).await?;
        let mut parts = parts(process, config, checks, credentials, environ, state)?;
        let sending = parts.observers.last_words();
        // What ran until now seldom runs again.
        release_code();
        // As a task: what is waited for here itself is looked at whenever any task has something to
        // do, and with it all that it waits for.
        let ending = match spawn_local(wire::run(parts)).await {
            Ok(ending) => ending,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        if let Some(sending) = sending {
            sending.finish(LAST_METRICS).await;
        }
        if let Some(locks) = locks {
            locks.close().await;
        }
        Ok(ending::tell(&ending, reflect))
    })
}

//! The host as the bootstrapper holds it: its folder, locked, with log, slot and store.

use std::fmt::Arguments;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use shared_handover::exit::Exit;
use shared_handover::layout::{Component, StateDir};
use shared_logfile::{LogFile, MOST_BYTES};
use shared_slots::{Digest, Fs as _, Moment, OsFs, Page, Slot, Store, WriteError};
use shared_supervise::{
    Event, Events, Lock, LockError, Signal, Watched, become_subreaper, is_shortage,
};

use crate::args::Options;
use crate::back_off::{BackOff, Ending};
use crate::clock;
use crate::crash_loop::CrashLoop;
use crate::log::{Log, complain};
use crate::try_record::TryRecord;

/// How often a page is judged anew because the launcher wrote another one meanwhile.
const RACES: u32 = 3;

/// How often a state folder is tried that looks as if it will never work.
const LAST_TRY: u32 = 3;

/// All that a bootstrapper has, for its life.
pub(crate) struct Host {
    pub(crate) options: Options,
    /// Version of this bootstrapper.
    pub(crate) stamp: &'static str,
    pub(crate) state: StateDir,
    pub(crate) slot: Slot,
    pub(crate) store: Store,
    pub(crate) tries: TryRecord,
    pub(crate) log: Log,
    pub(crate) events: Events,
    /// When this bootstrapper began; crash loops are measured from here.
    pub(crate) begun: Instant,
    pub(crate) row: CrashLoop,
    /// The committed version that crashed, while the one before it stands in on trial.
    pub(crate) crashed: Option<Digest>,
    /// A trial that reported that it is healthy while the page could not be written.
    pub(crate) proven: Option<Digest>,
    /// A launcher that stands in for a committed one, none of which there is, while the page could
    /// not be written.
    pub(crate) unadopted: Option<Digest>,
    /// Held until the end, so that there is no second tree on this folder.
    _lock: Lock,
}

/// Why it does not begin.
pub(crate) struct Refusal {
    /// What is wrong and what to do, for a person.
    pub(crate) text: String,
    pub(crate) exit: Exit,
    /// Whether the same may work a while later.
    passes: bool,
}

/// What became of a judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judged {
    /// It changed the page, durably.
    Written,
    /// The page stays as it is.
    Unchanged,
    /// It should have changed the page, which cannot be written now.
    Failed,
}

impl Host {
    /// Makes the folder what it must be, and takes it. An error that may pass is waited out.
    pub(crate) fn open(options: Options, stamp: &'static str) -> Result<Self, Refusal> {
        let path = std::path::absolute(&options.state_dir)
            .map_err(|error| unusable(&options.state_dir, &error))?;
        let state = StateDir::new(path);
        let mut back_off = BackOff::new(options.restart_delay);
        let mut tries = 0;
        let (events, lock) = loop {
            let refusal = match begin(&state) {
                Ok(begun) => break begun,
                Err(refusal) => refusal,
            };
            tries += 1;
            let last = options.once || !refusal.passes;
            if refusal.exit == Exit::LockHeld || (last && tries >= LAST_TRY) {
                return Err(refusal);
            }
            if refusal.passes {
                complain(&format!("{}; trying again\n", refusal.text));
            }
            let (next, delay) = back_off.after(Ending::Ended, Duration::ZERO, clock::noise());
            back_off = next;
            shared_supervise::pause(delay);
        };
        let slot = Slot::new(state.pages(Component::Launcher));
        let log = Log(LogFile::closed(state.log("bootstrapper"), MOST_BYTES));
        let mut host = Self {
            stamp,
            slot,
            store: Store::new(state.store()),
            tries: TryRecord::new(&state),
            log,
            events,
            begun: clock::now(),
            row: CrashLoop::new(options.restart_delay),
            crashed: None,
            proven: None,
            unadopted: None,
            _lock: lock,
            state,
            options,
        };
        host.furnish();
        Ok(host)
    }

    /// Makes what is missing in the folder. What cannot be made now is made when it is needed.
    fn furnish(&mut self) {
        if let Err(error) = become_subreaper() {
            self.say(format_args!("cannot become the parent of orphans: {error}"));
        }
        for (what, made) in [
            ("the store", self.store.create()),
            ("the launcher's slot", self.slot.create()),
        ] {
            if let Err(error) = made {
                self.say(format_args!("cannot make {what}: {error}"));
            }
        }
    }

    pub(crate) fn say(&mut self, what: Arguments<'_>) {
        self.log.say(what);
    }

    /// Time since this bootstrapper began.
    pub(crate) fn time(&self) -> Duration {
        clock::now().saturating_duration_since(self.begun)
    }

    /// Waits for the next event. Where the system cannot wait, this rests a little instead and
    /// reports what is the reason to look at everything.
    pub(crate) fn wait(&mut self, watched: &[Watched<'_>], limit: Option<Duration>) -> Event {
        match self.events.wait(watched, limit) {
            Ok(event) => event,
            Err(error) => {
                self.say(format_args!("cannot wait for events: {error}"));
                let rest = self.options.restart_delay;
                shared_supervise::pause(limit.map_or(rest, |limit| limit.min(rest)));
                Event::ChildExited
            }
        }
    }

    /// Makes a page durable; whether it is.
    pub(crate) fn write(&mut self, page: Page) -> Result<(), WriteError> {
        let written = self.slot.write(page).map(drop);
        if let Err(error) = &written {
            self.say(format_args!("cannot write the launcher's slot: {error}"));
        }
        written
    }

    /// Changes the slot if `judged` says so. Where the launcher was faster, the page it wrote is
    /// judged.
    pub(crate) fn judge(&mut self, judged: &dyn Fn(Page, Moment) -> Option<Page>) -> Judged {
        for _ in 0..RACES {
            let page = self.slot.read().page;
            let Some(page) = judged(page, Moment::read(&OsFs)) else {
                return Judged::Unchanged;
            };
            match self.write(page) {
                Ok(()) => return Judged::Written,
                Err(WriteError::Stale { .. }) => {}
                Err(WriteError::Io(_)) => return Judged::Failed,
            }
        }
        Judged::Failed
    }
}

/// What there is no bootstrapper without.
fn begin(state: &StateDir) -> Result<(Events, Lock), Refusal> {
    let signals = [Signal::Terminate, Signal::Interrupt, Signal::Hangup];
    let events = Events::listen(&signals).map_err(|error| Refusal {
        text: format!("cannot listen for signals: {error}"),
        exit: Exit::Failure,
        passes: true,
    })?;
    OsFs.create_private_dir("host.create-state", state.root())
        .map_err(|error| unusable(state.root(), &error))?;
    Ok((events, lock(state)?))
}

fn lock(state: &StateDir) -> Result<Lock, Refusal> {
    Lock::take(&state.bootstrapper_lock(), Duration::ZERO).map_err(|error| match error {
        LockError::Held { .. } => Refusal {
            text: format!(
                "another bootstrapper runs on {}: {error} ({}); stop that one or use another \
                 --state-dir",
                state.root().display(),
                state.bootstrapper_lock().display(),
            ),
            exit: Exit::LockHeld,
            passes: false,
        },
        LockError::Io(error) => unusable(state.root(), &error),
    })
}

fn unusable(path: &Path, error: &io::Error) -> Refusal {
    Refusal {
        text: format!(
            "cannot use the state folder {}: {error}; --state-dir must name a folder that this \
             user can make or write",
            path.display()
        ),
        exit: Exit::StateDirUnusable,
        passes: !matches!(
            error.kind(),
            io::ErrorKind::AlreadyExists | io::ErrorKind::ReadOnlyFilesystem
        ) && is_shortage(error),
    }
}

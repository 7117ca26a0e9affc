//! The host as the bootstrapper holds it: its folder, locked, with log, slot and store.

use std::io;
use std::path::Path;
use std::time::Duration;

use shared_handover::exit::Exit;
use shared_handover::layout::{Component, StateDir};
use shared_logfile::{LogFile, MOST_BYTES};
use shared_slots::{Moment, OsFs, Page, Slot, Store, WriteError};
use shared_supervise::{Events, Lock, LockError, Signal, become_subreaper};

use crate::args::Options;
use crate::log::Log;
use crate::os;

/// How often a page is judged anew because the launcher wrote another one meanwhile.
const RACES: u32 = 3;

/// All that a bootstrapper has, for its life.
pub(crate) struct Host {
    pub(crate) options: Options,
    /// Version of this bootstrapper.
    pub(crate) stamp: &'static str,
    pub(crate) state: StateDir,
    pub(crate) slot: Slot,
    pub(crate) store: Store,
    pub(crate) log: Log,
    pub(crate) events: Events,
    /// Held until the end, so that there is no second tree on this folder.
    _lock: Lock,
}

/// Why it does not begin.
pub(crate) struct Refusal {
    /// What is wrong and what to do, for a person.
    pub(crate) text: String,
    pub(crate) exit: Exit,
}

impl Host {
    /// Makes the folder what it must be, and takes it.
    pub(crate) fn open(options: Options, stamp: &'static str) -> Result<Self, Refusal> {
        let here = std::env::current_dir().map_err(|error| unusable(Path::new("."), &error))?;
        let state = StateDir::new(here.join(&options.state_dir));
        let unusable = |error: io::Error| unusable(state.root(), &error);
        os::create_private_dir(state.root()).map_err(unusable)?;
        let lock = lock(&state)?;
        os::create_private_dir(&state.logs()).map_err(unusable)?;
        let log = LogFile::open(state.log("bootstrapper"), MOST_BYTES).map_err(unusable)?;
        let store = Store::new(state.store());
        store.create().map_err(unusable)?;
        let slot = Slot::new(state.pages(Component::Launcher));
        slot.create().map_err(unusable)?;
        let events = Events::listen(&[Signal::Terminate, Signal::Interrupt, Signal::Hangup])
            .and_then(|events| become_subreaper().map(|()| events))
            .map_err(|error| Refusal {
                text: format!("cannot listen for signals: {error}"),
                exit: Exit::Failure,
            })?;
        Ok(Self {
            options,
            stamp,
            slot,
            store,
            log: Log(log),
            events,
            _lock: lock,
            state,
        })
    }

    /// Makes a page durable; whether it is.
    pub(crate) fn write(&mut self, page: Page) -> Result<(), WriteError> {
        let written = self.slot.write(page).map(drop);
        if let Err(error) = &written {
            self.log
                .say(format_args!("cannot write the launcher's slot: {error}"));
        }
        written
    }

    /// Changes the slot if `judged` says so; whether the change is durable. Where the launcher was
    /// faster, the page it wrote is judged.
    pub(crate) fn judge(&mut self, judged: &dyn Fn(Page, Moment) -> Option<Page>) -> bool {
        for _ in 0..RACES {
            let page = self.slot.read().page;
            let Some(page) = judged(page, Moment::read(&OsFs)) else {
                return false;
            };
            match self.write(page) {
                Err(WriteError::Stale { .. }) => {}
                written => return written.is_ok(),
            }
        }
        false
    }
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
    }
}

//! All that can happen to this process, in one channel.
//!
//! Tasks and threads report; only the loop in [`crate::run`] decides. The channel has no bound: what
//! comes in is a handful of reports per step and one line per message of a local agent.

use launcher_control::Asked;
use shared_fetch::{FetchError, Obtained};
use shared_handover::message::{ToAgent, ToLauncher};
use shared_slots::{Digest, SealError};
use tokio::sync::mpsc;

use crate::step_check::{Found, Trouble};

/// Something that happened.
#[derive(Debug)]
pub(crate) enum Happening {
    /// The question for the manifest with this number came to an end.
    Answered(u64, Result<Found, Trouble>),
    /// So many bytes of a version have come, of so many.
    Received(Digest, u64, u64),
    /// The download of a version ended.
    Downloaded(Digest, Result<Obtained, FetchError>),
    /// The sealing of a version ended.
    Sealed(Digest, Result<(), SealError>),
    /// There is a connection to the agent with this process id; messages go in here. Dropping the
    /// sender ends the connection.
    Linked(u32, mpsc::UnboundedSender<ToAgent>),
    /// An agent said something.
    Said(u32, ToLauncher),
    /// The connection to an agent ended.
    Unlinked(u32),
    /// An agent ended.
    Ended(u32, End),
    /// An operator asks or orders.
    Asked(Asked),
    /// Somebody asked this process to end, with SIGTERM or SIGINT.
    AskedToStop,
    /// The bootstrapper is gone: standard input ended.
    BootstrapperGone,
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct End {
    /// Whether it says that all went well.
    pub(crate) success: bool,
    /// The same for people.
    pub(crate) how: String,
}

impl End {
    /// Nobody could tell how, because of `reason`.
    pub(crate) fn unknown(reason: &str) -> Self {
        Self {
            success: false,
            how: format!("unknown: {reason}"),
        }
    }
}

/// Where happenings are reported.
pub(crate) type Reports = mpsc::UnboundedSender<Happening>;

/// Where they come out.
pub(crate) type Happenings = mpsc::UnboundedReceiver<Happening>;

/// The channel of happenings.
pub(crate) fn happenings() -> (Reports, Happenings) {
    mpsc::unbounded_channel()
}

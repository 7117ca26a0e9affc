//! Why a job ends before its command decided it, and with which status.

use std::io;

use agent_process::Exit;

use crate::checkout::error::CheckoutError;
use crate::hook::error::HookError;
use crate::plugin::error::PluginError;

/// A job that ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Something needed before the job's own work is missing. The agent reports it as a job that
    /// could not be run.
    #[error("{0}")]
    SetUp(String),
    /// There is no checkout to work in.
    #[error("{0}")]
    Checkout(#[from] CheckoutError),
    /// A hook decided it.
    #[error("{0}")]
    Hook(#[from] HookError),
    /// Something failed with this status, and the log says so already.
    #[error("it ended with status {0}")]
    Told(i32),
    /// The step's plugins cannot be had.
    #[error("{0}")]
    Plugin(#[from] PluginError),
    /// A signal ended it; it is already known to whoever sent it.
    #[error("the job was canceled")]
    Canceled,
    /// Nobody takes the log any more.
    #[error("write the log: {0}")]
    Log(#[source] io::Error),
}

impl Failure {
    /// The executor's exit status.
    pub(crate) fn status(&self) -> i32 {
        match self {
            Self::SetUp(_) => 125,
            Self::Checkout(error) => error.status(),
            Self::Hook(error) => error.status(),
            Self::Told(status) => *status,
            Self::Plugin(error) => error.status(),
            Self::Canceled | Self::Log(_) => 1,
        }
    }
}

/// An exit status as a process can have it: the lowest byte, so that −1 becomes 255.
pub(crate) fn exit_byte(status: i32) -> u8 {
    status.to_le_bytes()[0]
}

/// The status of a child's end as the job reports it.
pub(crate) fn status_text(exit: Exit) -> String {
    exit.status().to_string()
}

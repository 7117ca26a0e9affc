//! Why a child of the job, or other work that can be canceled, did not come to its end.

use std::io;

use agent_process::StartError;

/// A child that did not come to an end of its own.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// The job is canceled: the child was stopped, or never started.
    #[error("the job was canceled")]
    Canceled,
    /// The time for this attempt is over: the child was stopped, or never started.
    #[error("it took longer than the time limit")]
    TimedOut,
    /// It could not be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Its output could not be read, or the log not be written.
    #[error("pass on its output: {0}")]
    Io(#[from] io::Error),
}

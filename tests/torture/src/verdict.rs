//! What a case can end in.

use std::fmt;
use std::io;
use std::time::Duration;

/// Why a case failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The pointer found no whole committed version.
    Brick(String),
    /// It did not come to the newest release, or does not work.
    Stuck(String),
    /// So many jobs did not run to their end, though no fault struck their agent.
    JobsLost(u64),
    /// So many jobs ran more than once.
    JobsTwice(u64),
    /// Processes or files that should not be there any more.
    Leftover(String),
    /// The sweep itself has a problem.
    Rig(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Brick(what) => write!(f, "BRICK: {what}"),
            Self::Stuck(what) => write!(f, "stuck: {what}"),
            Self::JobsLost(n) => write!(f, "{n} jobs lost"),
            Self::JobsTwice(n) => write!(f, "{n} jobs ran twice"),
            Self::Leftover(what) => write!(f, "left over: {what}"),
            Self::Rig(what) => write!(f, "the sweep could not go on: {what}"),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Rig(error.to_string())
    }
}

/// What a case that survived took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Survived {
    /// Whether the fault struck at all.
    pub(crate) struck: bool,
    /// From publishing to the newest release at work, at worst.
    pub(crate) converged: Duration,
    /// Jobs that ran.
    pub(crate) jobs: u64,
}

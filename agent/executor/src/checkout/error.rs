//! What can go wrong in a checkout.

use std::fmt;
use std::io;
use std::path::PathBuf;

use agent_process::{Exit, StartError};

use crate::failure::RunError;

/// What git was asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Clone,
    Remote,
    Clean,
    Fetch,
    Checkout,
    Submodules,
    Resolve,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clone => "git clone",
            Self::Remote => "finding out the repository of the existing checkout",
            Self::Clean => "git clean",
            Self::Fetch => "git fetch",
            Self::Checkout => "git checkout",
            Self::Submodules => "git submodule",
            Self::Resolve => "git rev-parse",
        })
    }
}

/// A checkout that did not come about.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckoutError {
    /// git ran and failed.
    #[error("{step} {exit}")]
    Git { step: Step, exit: Exit },
    /// git failed again and again where one tries again at once.
    #[error("{step} {exit}, also when tried again")]
    Persistent { step: Step, exit: Exit },
    /// There is no git.
    #[error(
        "git is not installed or not in PATH; install git on this host, or set BUILDKITE_SKIP_CHECKOUT=true for jobs without a repository"
    )]
    NoGit,
    /// git is there but cannot be started.
    #[error(transparent)]
    Start(StartError),
    /// The commit's name is none that may be given to git.
    #[error("{0:?} is not the name of a commit, branch or tag")]
    BadRef(String),
    /// The commit was proven not to be where the job says it is.
    #[error("commit {commit} is not on branch {branch}, and verification is strict")]
    OffBranch { commit: String, branch: String },
    /// The folder cannot be made or removed.
    #[error("prepare the folder {0:?}: {1}; check its owner and the free space")]
    Directory(PathBuf, #[source] io::Error),
    /// The job was canceled.
    #[error("the job was canceled")]
    Canceled,
    /// This attempt took too long.
    #[error("it took longer than the time limit")]
    TimedOut,
    /// The log cannot be written.
    #[error("pass on git's output: {0}")]
    Log(#[source] io::Error),
}

impl CheckoutError {
    /// The job's exit status: git's own where it had one.
    pub(crate) fn status(&self) -> i32 {
        match self {
            Self::Git { exit, .. } | Self::Persistent { exit, .. } => exit.status(),
            Self::TimedOut => -1,
            _ => 1,
        }
    }
}

impl From<RunError> for CheckoutError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Canceled => Self::Canceled,
            RunError::TimedOut => Self::TimedOut,
            RunError::Start(StartError::NotFound(_)) => Self::NoGit,
            RunError::Start(error) => Self::Start(error),
            RunError::Io(error) => Self::Log(error),
        }
    }
}

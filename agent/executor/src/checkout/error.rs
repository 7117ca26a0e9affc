//! What can go wrong in a checkout.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use agent_process::{Exit, StartError};

use crate::job::Tail;
use crate::run_error::RunError;

/// What git was asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Credentials,
    Clone,
    Remote,
    Clean,
    LfsInstall,
    Fetch,
    Sparse,
    Checkout,
    Submodules,
    Lfs,
    Repack,
    Resolve,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Credentials => "git config for the provider's credentials",
            Self::Clone => "git clone",
            Self::Remote => "finding out or setting the address of an existing repository",
            Self::Clean => "git clean",
            Self::LfsInstall => "git lfs install",
            Self::Fetch => "git fetch",
            Self::Sparse => "git sparse-checkout",
            Self::Checkout => "git checkout",
            Self::Submodules => "git submodule",
            Self::Lfs => "git lfs",
            Self::Repack => "git repack",
            Self::Resolve => "git rev-parse",
        })
    }
}

/// Why git failed, as far as its output tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The server has no ref of this name, or does not give a commit by a short name.
    MissingRef,
    /// An object is broken, or missing from what the repository borrows.
    BadObject,
    /// The server has the object not, or keeps it to itself.
    NotOnServer,
    /// There is no such commit.
    NoTree,
    Unknown,
}

impl Cause {
    /// What the last part of git's output tells. The texts are git's own, of all versions.
    pub(super) fn of(tail: &Tail) -> Self {
        const TEXTS: [(&str, Cause); 5] = [
            ("ouldn't find remote ref", Cause::MissingRef),
            ("fatal: bad object", Cause::BadObject),
            ("not our ref", Cause::NotOnServer),
            (
                "Server does not allow request for unadvertised object",
                Cause::NotOnServer,
            ),
            ("fatal: reference is not a tree", Cause::NoTree),
        ];
        let found = TEXTS.into_iter().find(|(text, _)| tail.contains(text));
        found.map_or(Self::Unknown, |(_, cause)| cause)
    }
}

/// What a lock of a mirror is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lock {
    /// Making the mirror.
    Clone,
    /// Fetching into it.
    Update,
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clone => "clone",
            Self::Update => "update",
        })
    }
}

/// A checkout that did not come about.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckoutError {
    /// git ran and failed.
    #[error("{step} {exit}")]
    Git {
        step: Step,
        exit: Exit,
        cause: Cause,
    },
    /// git failed again and again where one tries again at once.
    #[error("{step} {exit}, also when tried again")]
    Persistent { step: Step, exit: Exit },
    /// git cannot do what the job needs.
    #[error(
        "git lfs version {0}: install git-lfs on this host, or unset BUILDKITE_GIT_LFS_ENABLED"
    )]
    NoLfs(Exit),
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
    /// The address is none that may be given to git.
    #[error("{0:?} is not the address of a repository")]
    BadAddress(String),
    /// The commit was proven not to be where the job says it is.
    #[error("commit {commit} is not on branch {branch}, and verification is strict")]
    OffBranch { commit: String, branch: String },
    /// Another job worked on the mirror for too long.
    #[error(
        "the {lock} lock of the mirror was not free within {} seconds; raise BUILDKITE_GIT_MIRRORS_LOCK_TIMEOUT if its repository is that large",
        waited.as_secs()
    )]
    Locked { lock: Lock, waited: Duration },
    /// A hook set something to what it cannot be.
    #[error("a hook changed a setting: {0}")]
    Setting(String),
    /// Nobody says where the checkout goes.
    #[error("BUILDKITE_BUILD_CHECKOUT_PATH is empty; hooks may change it, but not empty it")]
    NoPlace,
    /// A file or folder cannot be made, written or removed.
    #[error("prepare the folder {0:?}: {1}; check its owner and the free space")]
    Directory(PathBuf, #[source] io::Error),
    /// The program that runs cannot be named.
    #[error("find the agent's own program: {0}")]
    Own(#[source] io::Error),
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

/// The status of a job whose mirror stayed locked, by the peer's choice.
const LOCKED: i32 = 94;

impl CheckoutError {
    /// The job's exit status: git's own where it had one.
    pub(crate) fn status(&self) -> i32 {
        match self {
            Self::Git { exit, .. } | Self::Persistent { exit, .. } | Self::NoLfs(exit) => {
                exit.status()
            }
            Self::Locked { .. } => LOCKED,
            Self::TimedOut => -1,
            _ => 1,
        }
    }

    /// Whether the job is over, and nothing may be started any more.
    pub(super) fn ends_the_job(&self) -> bool {
        matches!(self, Self::Canceled | Self::Log(_))
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

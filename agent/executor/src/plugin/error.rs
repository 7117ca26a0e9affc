//! Why a job has no plugins, or not all of them.

use std::io;
use std::path::PathBuf;

use agent_process::{Exit, StartError};
use agent_step_plugins::{ArchiveError, DefinitionError, ListError, ReferenceError};

use crate::checkout::error::CheckoutError;
use crate::run_error::RunError;

/// The step's plugins cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PluginError {
    /// This agent runs none.
    #[error("plugins have been disabled on this agent with `{0}`")]
    Disabled(&'static str),
    /// The step's list is not what it should be.
    #[error("the step's list of plugins cannot be used: {0}")]
    List(#[from] ListError),
    /// One of them cannot be had.
    #[error("plugin {0}: {1}")]
    One(String, #[source] Trouble),
}

/// What is wrong with one plugin, or with the place for it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// It cannot be got by what the step calls it.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// There is no folder for plugins.
    #[error("there is no place for it; set --plugins-path or BUILDKITE_PLUGINS_PATH")]
    NoPlace,
    /// The agent's name leads out of the folder for plugins.
    #[error("the agent's name {0:?} cannot be the name of a folder; name the agent anew")]
    AgentName(String),
    /// Names of folders are plainer than references, so two of them may become the same one.
    #[error(
        "another plugin of the step lies in {0:?} already; give one of them another version or place"
    )]
    Taken(PathBuf),
    /// git ran and failed.
    #[error("git {step}: {exit}")]
    Git {
        /// The subcommand.
        step: &'static str,
        /// How it ended.
        exit: Exit,
    },
    /// git could not be started.
    #[error("git cannot be run: {0}")]
    Start(StartError),
    /// A file or folder cannot be handled.
    #[error("failed to {doing} {path:?}: {cause}")]
    File {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// It is there, but is no plugin.
    #[error("{0:?} is no folder inside of it; a plugin keeps its hooks there")]
    NoHooks(PathBuf),
    /// It is not in the checkout.
    #[error("{0:?} is no folder of the checked-out repository")]
    NotVendored(PathBuf),
    /// A switch is off.
    #[error(
        "archives as plugins are an experiment; turn on zip-plugins on this agent, or name a repository"
    )]
    NoArchives,
    /// The archive cannot be had.
    #[error("failed to download it: {0}")]
    Download(String),
    /// The archive is another one than the step wants.
    #[error("its sha256 is {found}, and the step wants {wanted}")]
    Digest {
        /// As the step says.
        wanted: String,
        /// As it is.
        found: String,
    },
    /// The archive cannot be unpacked.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Its own definition says nothing that can be read.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// It does not fit to its own definition.
    #[error("it cannot run like this: {0}")]
    Invalid(String),
    /// The job was canceled.
    #[error("the job was canceled")]
    Canceled,
    /// The log cannot be written.
    #[error("write the log: {0}")]
    Log(io::Error),
}

impl PluginError {
    /// The job's exit status: git's own where it had one.
    pub(crate) fn status(&self) -> i32 {
        match self {
            Self::One(_, Trouble::Git { exit, .. }) => exit.status(),
            _ => 1,
        }
    }
}

impl Trouble {
    /// For `map_err`.
    pub(super) fn file(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |cause| Self::File { doing, path, cause }
    }
}

impl From<RunError> for Trouble {
    fn from(error: RunError) -> Self {
        match error {
            // No time limit is set while plugins are prepared.
            RunError::Canceled | RunError::TimedOut => Self::Canceled,
            RunError::Start(error) => Self::Start(error),
            RunError::Io(error) => Self::Log(error),
        }
    }
}

/// Of the steps that the checkout lends.
impl From<CheckoutError> for Trouble {
    fn from(error: CheckoutError) -> Self {
        match error {
            CheckoutError::Log(error) => Self::Log(error),
            _ => Self::Canceled,
        }
    }
}

//! How a hook ends the job.

use std::io;
use std::path::PathBuf;

use agent_hooks::FindError;
use agent_process::Exit;

use crate::run_error::RunError;

/// Why a hook ends the job.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HookError {
    /// It ended with another status than 0.
    #[error("the {hook} {exit}")]
    Ended { hook: String, exit: Exit },
    /// Nobody can tell whether there is one.
    #[error(transparent)]
    Find(#[from] FindError),
    /// Its file cannot be read.
    #[error("read the {hook} {}: {error}; let the agent's user read it", path.display())]
    Unreadable {
        hook: String,
        path: PathBuf,
        error: io::Error,
    },
    /// What is needed to run it could not be made.
    #[error("prepare the {hook}: {error}")]
    Prepare { hook: String, error: io::Error },
    /// What it did to its environment cannot be read.
    #[error("read what the {hook} left: {error}")]
    Left { hook: String, error: io::Error },
    /// It could not be run.
    #[error("run the {hook}: {error}")]
    Run { hook: String, error: RunError },
    /// No program to run it with.
    #[error("run the {hook}: neither {0} nor {1} is in PATH; install one of them", names[0], names[1])]
    NoShell {
        hook: String,
        names: [&'static str; 2],
    },
    /// The system cannot tell what interprets it.
    #[error(
        "run the {0}: Windows does not read the first line of a script; use a batch or PowerShell hook"
    )]
    NoInterpreter(String),
    /// A batch file that no other one can call.
    #[error("run {}: no batch file can call a path with one of %^\" in it; name the folder anew", .0.display())]
    BatchPath(PathBuf),
    /// The repository has one, and this agent does not run them.
    #[error("refusing to run {}: local hooks are disabled on this agent", .0.display())]
    LocalHooksOff(PathBuf),
}

impl HookError {
    /// How the hook's process ended, if it ran.
    pub(crate) fn exit(&self) -> Option<Exit> {
        match self {
            Self::Ended { exit, .. } => Some(*exit),
            _ => None,
        }
    }

    /// The status that the job ends with.
    pub(crate) fn status(&self) -> i32 {
        self.exit().map_or(1, Exit::status)
    }
}

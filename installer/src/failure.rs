//! Why a command could not be carried out, in words, and as an exit code.

use std::io;
use std::path::PathBuf;

use shared_control::{PolicyError, RefusedFor};
use shared_handover::exit::Exit;

/// A command that was not carried out. The texts stand alone on a line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("no state folder: there is no /var/lib/trireme; give --state-dir DIR")]
    NoStateDir,
    #[error("{} is not a state folder of Trireme; give the folder of the bootstrapper's --state-dir", .0.display())]
    NotAStateDir(PathBuf),
    #[error("{what} {}: {cause}{}", path.display(), hint(cause))]
    File {
        what: &'static str,
        path: PathBuf,
        cause: io::Error,
    },
    #[error("the launcher does not run; {0}")]
    NotRunning(&'static str),
    #[error("the launcher does not answer: {0}; look into logs/launcher.log")]
    NotAnswering(String),
    #[error("a launcher runs (process {}) and cannot be asked through its socket; stop it or wait for it to be replaced", pid.map_or("unknown".into(), |pid| pid.to_string()))]
    LockHeld { pid: Option<u32> },
    #[error("not done: {}", detail_of(*reason, detail))]
    Refused { reason: RefusedFor, detail: String },
    #[error("{0}")]
    Nothing(String),
    #[error("policy.json: {0}")]
    Policy(#[from] PolicyError),
    #[error("{0}")]
    Corrupt(String),
    #[error("{}: {why}", path.display())]
    Bundle { path: PathBuf, why: String },
    #[error("{0}")]
    NoTrust(String),
}

impl Failure {
    /// A failed access to a file: `what` is like "cannot read".
    pub(crate) fn file(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |cause| Self::File { what, path, cause }
    }

    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::NoStateDir | Self::NotAStateDir(_) => Exit::StateDirUnusable,
            Self::NotRunning(_) | Self::NotAnswering(_) => Exit::Unavailable,
            Self::LockHeld { .. } => Exit::LockHeld,
            Self::Policy(_) | Self::NoTrust(_) => Exit::Config,
            Self::Corrupt(_) | Self::Bundle { .. } => Exit::Corrupt,
            Self::File { .. } | Self::Refused { .. } | Self::Nothing(_) => Exit::Failure,
        }
    }

    /// One word for programs.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::NoStateDir => "no-state-dir",
            Self::NotAStateDir(_) => "not-a-state-dir",
            Self::File { .. } => "file",
            Self::NotRunning(_) => "not-running",
            Self::NotAnswering(_) => "not-answering",
            Self::LockHeld { .. } => "lock-held",
            Self::Refused { .. } => "refused",
            Self::Nothing(_) => "nothing",
            Self::Policy(_) => "policy",
            Self::Corrupt(_) => "corrupt",
            Self::Bundle { .. } => "bundle",
            Self::NoTrust(_) => "no-trust",
        }
    }
}

fn hint(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::PermissionDenied => "; run as root, or as the user who owns the folder",
        io::ErrorKind::StorageFull => "; make room on that disk",
        _ => "",
    }
}

/// A refusal always says something, also when an older or newer launcher gave no detail.
fn detail_of(reason: RefusedFor, detail: &str) -> String {
    if !detail.is_empty() {
        return detail.to_owned();
    }
    match reason {
        RefusedFor::Busy => "something else is under way; try again later",
        RefusedFor::Nothing => "there is nothing it could be done to",
        RefusedFor::Policy => "the policy stands against it",
        RefusedFor::Marked => "the version failed here; `trireme update retry` takes that back",
        RefusedFor::Server => "the server cannot be reached",
        RefusedFor::Trust => "what the server sent is not trusted",
        RefusedFor::Disk => "the disk is full or not writable",
        RefusedFor::Rejected => "the version did not prove itself; the one before runs again",
        RefusedFor::Unable => "this launcher cannot do that",
        RefusedFor::Stopping => "the launcher is ending",
        RefusedFor::NotUnderstood => "this launcher does not know the request; it is older",
        RefusedFor::TooMany => "too many clients are connected; try again later",
        RefusedFor::Failed | RefusedFor::Unknown => "look into logs/launcher.log",
    }
    .to_owned()
}

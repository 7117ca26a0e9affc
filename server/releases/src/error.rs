//! Why a release could not be published or read.

use std::io;
use std::path::{Path, PathBuf};

use shared_release::Role;
use thiserror::Error;

/// A publication that did not happen. What hosts see is as it was before. Each text is complete:
/// causes are part of it, not behind it.
#[derive(Debug, Error)]
pub enum PublishError {
    /// A file could not be read or written.
    #[error("cannot {action} {}: {cause}", path.display())]
    File {
        /// What was tried: `read`, `write` and the like.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        cause: io::Error,
    },
    /// A file of the tree is not what it should be.
    #[error("{}: {cause}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The cause.
        cause: shared_release::Error,
    },
    /// The list of keys cannot be used.
    #[error("{}: {detail}", path.display())]
    KeyList {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// What was asked for makes no release.
    #[error("this makes no release: {0}")]
    Senseless(shared_release::Error),
    /// What was asked for makes no trust root.
    #[error("this makes no trust root: {0}")]
    NoRoot(shared_release::Error),
    /// What was asked for cannot be done with what is there.
    #[error("{0}")]
    Refused(String),
    /// The platform is not of the form `os-arch`.
    #[error("{0:?} is no platform; write it as os-arch, such as linux-x86_64")]
    Platform(String),
    /// Too few keys could sign.
    #[error("{have} of the {needed} {role} signatures could be made: {trouble}")]
    Unsigned {
        /// The role whose keys were asked.
        role: Role,
        /// Signatures that were made.
        have: usize,
        /// How many are needed.
        needed: usize,
        /// What each of the others said.
        trouble: String,
    },
    /// The operating system gave no random bytes for a key.
    #[error("no random bytes from the operating system: {0}")]
    Random(getrandom::Error),
}

impl PublishError {
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::File {
            action,
            path,
            cause,
        }
    }

    pub(crate) fn damaged(path: &Path) -> impl FnOnce(shared_release::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::Damaged { path, cause }
    }

    pub(crate) fn channel(channel: &str) -> Self {
        Self::Refused(format!(
            "{channel:?} is no channel; a name has lower-case letters, digits, - and _, and is \
             neither blobs nor roots"
        ))
    }
}

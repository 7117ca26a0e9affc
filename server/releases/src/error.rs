//! Why a release could not be published or read.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A publication that did not happen. The tree is as it was before. Each text is complete: causes
/// are part of it, not behind it.
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
    /// What was asked for makes no release.
    #[error("this makes no release: {0}")]
    Senseless(shared_release::Error),
    /// The platform is not of the form `os-arch`.
    #[error("{0:?} is no platform; write it as os-arch, such as linux-x86_64")]
    Platform(String),
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
}

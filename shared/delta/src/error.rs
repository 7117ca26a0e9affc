//! What can go wrong with a patch.

use std::io;
use std::path::{Path, PathBuf};

/// Why a patch gave no file. The texts fit after "… failed: ".
#[derive(Debug, thiserror::Error)]
pub enum DeltaError {
    /// The patch is not what it should be, or was not made for this old file.
    #[error("the patch does not fit: {0}")]
    Patch(&'static str),
    /// The patch makes more bytes than were promised.
    #[error("the patch makes more than the promised {size} bytes")]
    TooLong {
        /// The size that was promised.
        size: u64,
    },
    /// The patch ends before all bytes are made.
    #[error("the patch makes {made} bytes of the promised {size}")]
    TooShort {
        /// Bytes that it made.
        made: u64,
        /// The size that was promised.
        size: u64,
    },
    /// A file cannot be read or written.
    #[error("cannot {action} {}: {cause}", path.display())]
    Disk {
        /// What was tried, such as `read`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        cause: io::Error,
    },
    /// There is not enough memory for it.
    #[error("not enough memory to apply the patch")]
    Memory,
    /// What another process reported that applied the patch; see [`crate::child`].
    #[error("{text}")]
    Child {
        /// What kind of trouble it was.
        kind: Kind,
        /// Its last line on standard error.
        text: String,
    },
}

/// Where the trouble lies, for a caller that decides what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// In the patch: the same bytes would fail again.
    Patch,
    /// In the disk.
    Disk,
    /// In the process: too little memory, killed, or started wrongly.
    Process,
}

impl DeltaError {
    /// Where the trouble lies.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Patch(_) | Self::TooLong { .. } | Self::TooShort { .. } => Kind::Patch,
            Self::Disk { .. } => Kind::Disk,
            Self::Memory => Kind::Process,
            Self::Child { kind, .. } => *kind,
        }
    }

    pub(crate) fn disk(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |cause| match cause.kind() {
            io::ErrorKind::OutOfMemory => Self::Memory,
            _ => Self::Disk {
                action,
                path,
                cause,
            },
        }
    }
}

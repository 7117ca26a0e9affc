//! A snapshot of a mirror that the job borrows from.

use std::fs::File;
use std::path::PathBuf;

/// Where it lies, and the lock that says that somebody needs it.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) folder: PathBuf,
    /// Locked until this is dropped.
    #[expect(dead_code, reason = "held, never read")]
    pub(crate) held: File,
}

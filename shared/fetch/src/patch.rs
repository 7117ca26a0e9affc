//! Making the plain file from what was fetched, by whoever the caller wants to do it.

use std::ffi::OsString;
use std::future::Future;
use std::path::Path;

use shared_delta::DeltaError;
use shared_delta::child::{self, Work};

/// A file to be made.
#[derive(Debug, Clone, Copy)]
pub struct Patch<'a> {
    /// What is to be done, and with which old file.
    pub work: Work<'a>,
    /// The fetched file; its digest was compared.
    pub patch: &'a Path,
    /// The file to be made.
    pub out: &'a Path,
    /// Its length in bytes.
    pub size: u64,
}

impl Patch<'_> {
    /// The arguments with which [`shared_delta::child::main`] makes the file in another process.
    pub fn arguments(&self) -> Vec<OsString> {
        child::arguments(self.work, self.patch, self.out, self.size)
    }
}

/// Somebody who makes files from patches. A launcher does it in a child process whose memory is
/// limited, because a patch comes from a stranger; see [`shared_delta::child`].
pub trait Patcher {
    /// Makes the file `patch.out`. Its digest is compared by the caller.
    fn apply(&self, patch: Patch<'_>) -> impl Future<Output = Result<(), DeltaError>> + Send;
}

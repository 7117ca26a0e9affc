//! A file that is there to be deleted: it makes room for state on a full disk.
//!
//! A page that says "this version failed" must be writable when a job has filled the disk. So the
//! first write of state that meets a full disk deletes the reserve and is repeated, here and only
//! here; the launcher lays the reserve down again when there is room.

use std::io;
use std::path::{Path, PathBuf};

use crate::{Fs, OsFs};

/// Size of the reserve in bytes: many pages and a few manifests.
pub const RESERVE_BYTES: u64 = 1 << 20;

/// Bytes that must be free, so that laying the reserve down does not itself fill the disk.
const ENOUGH: u64 = 16 * RESERVE_BYTES;

/// The name of the file, beside the pages.
const NAME: &str = "reserve";

/// The reserve of one state folder.
#[derive(Debug, Clone)]
pub struct Reserve<F = OsFs> {
    fs: F,
    path: PathBuf,
}

impl Reserve {
    /// Names the file in the state folder, which also holds the pages.
    pub fn new(folder: &Path) -> Self {
        Self::on(OsFs, folder)
    }
}

impl<F: Fs> Reserve<F> {
    /// The same on another disk.
    pub fn on(fs: F, folder: &Path) -> Self {
        let path = folder.join(NAME);
        Self { fs, path }
    }

    /// Lays the file down if it is not there whole and the volume has room to spare. Returns
    /// whether it is there. To be called at the start and after each clean-up.
    pub fn ensure(&self) -> io::Result<bool> {
        if matches!(self.fs.size("reserve.size", &self.path), Ok(RESERVE_BYTES)) {
            return Ok(true);
        }
        self.fs.remove_file("reserve.clear", &self.path)?;
        let folder = crate::fs::folder_of(&self.path);
        if self.fs.room("reserve.room", folder)?.free < ENOUGH {
            return Ok(false);
        }
        let laid = self
            .fs
            .allocate("reserve.allocate", &self.path, RESERVE_BYTES)
            .and_then(|()| self.fs.sync_file("reserve.sync", &self.path));
        if let Err(error) = laid {
            self.fs.remove_file("reserve.undo", &self.path)?;
            return Err(error);
        }
        Ok(true)
    }

    /// Deletes the file; whether it was there, so that there is more room now.
    pub fn release(&self) -> bool {
        self.fs.size("reserve.look", &self.path).is_ok()
            && self.fs.remove_file("reserve.release", &self.path).is_ok()
    }

    /// Writes state: if the disk is full, once more without the reserve.
    pub fn retried<T>(&self, mut write: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        match write() {
            Err(error) if is_full(&error) && self.release() => write(),
            written => written,
        }
    }
}

/// Whether there is no room for another byte, on the volume or for this user.
fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded)
}

//! Lock files beside a mirror. They stay when the lock is gone, so that all who wait, also other
//! users of other agents, wait for the same file.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::super::error::{CheckoutError, Lock};
use crate::job::Job;

/// How often a lock that somebody holds is tried.
const POLL: Duration = Duration::from_secs(1);
/// In the file while a clone is under way: who finds it knows that the clone was cut off.
const UNDER_WAY: &[u8] = b"cloning\n";

impl Lock {
    /// The peer's names, so that both keep out of each other's way.
    fn file(self, mirror: &Path) -> PathBuf {
        let mut name = OsString::from(mirror);
        name.push(match self {
            Self::Clone => ".clonelockf",
            Self::Update => ".updatelockf",
        });
        PathBuf::from(name)
    }
}

/// A lock that is held until this is dropped, or the process ends in whatever way.
#[derive(Debug)]
pub(super) struct Held {
    file: File,
}

impl Held {
    /// Whether whoever held it last never came to the end of its clone.
    pub(super) fn was_interrupted(&mut self) -> bool {
        let mut mark = Vec::new();
        self.file.read_to_end(&mut mark).is_ok() && mark == UNDER_WAY
    }

    /// Marks that a clone is under way.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        self.finish()?;
        self.file.write_all(UNDER_WAY)
    }

    /// Marks that the mirror is whole.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()
    }
}

/// Waits for the lock, at most `patience` long.
pub(super) async fn take(
    job: &mut Job,
    lock: Lock,
    mirror: &Path,
    patience: Duration,
) -> Result<Held, CheckoutError> {
    let path = lock.file(mirror);
    let failed = |error| CheckoutError::Directory(path.clone(), error);
    let file = open(&path).map_err(failed)?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Held { file }),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let waited = begun.elapsed();
        let left = patience.saturating_sub(waited);
        if left.is_zero() {
            return Err(CheckoutError::Locked { lock, waited });
        }
        if waited < POLL {
            let text = format!("Another job holds the {lock} lock of the mirror; waiting for it");
            job.log.comment(&text);
        }
        job.pause(POLL.min(left)).await?;
    }
}

fn open(path: &Path) -> io::Result<File> {
    File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}

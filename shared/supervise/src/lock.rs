//! One process per state folder: an operating system lock, which ends with its holder.
//!
//! The file stays for ever; that it exists means nothing. Its text names the holder for people.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::Duration;

use crate::os;

/// A lock that is held until this value is dropped or the process ends, however it ends. Children
/// do not inherit it.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// The lock was not taken.
#[derive(Debug)]
pub enum LockError {
    /// Another process has it.
    Held {
        /// That process, as it wrote itself into the file.
        pid: Option<u32>,
    },
    /// The file cannot be opened or locked.
    Io(io::Error),
}

impl Lock {
    /// Takes the lock on `path`, making the file if needed. If it is held, waits up to `patience`
    /// for the holder to end, then tries once more.
    pub fn take(path: &Path, patience: Duration) -> Result<Self, LockError> {
        shared_fault::point("lock.open").map_err(LockError::Io)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(LockError::Io)?;
        match try_lock(&mut file) {
            Err(LockError::Held { pid }) => {
                if patience.is_zero() {
                    return Err(LockError::Held { pid });
                }
                wait_for(pid, patience);
                try_lock(&mut file)?;
            }
            tried => tried?,
        }
        // Only for people: on a full disk there is a lock, too.
        let _ = introduce(&mut file);
        Ok(Self { _file: file })
    }
}

fn try_lock(file: &mut File) -> Result<(), LockError> {
    match os::try_lock(file) {
        Ok(true) => Ok(()),
        Ok(false) => Err(LockError::Held { pid: holder(file) }),
        Err(error) => Err(LockError::Io(error)),
    }
}

/// Reads `pid=N`, the text that [`introduce`] writes.
fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(64).read_to_string(&mut text).ok()?;
    text.strip_prefix("pid=")?.trim_end().parse().ok()
}

fn introduce(file: &mut File) -> io::Result<()> {
    let mut text = String::from("pid=");
    text.push_str(&std::process::id().to_string());
    text.push('\n');
    shared_fault::point("lock.introduce")?;
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.as_bytes())
}

fn wait_for(pid: Option<u32>, patience: Duration) {
    match pid.and_then(crate::ProcessId::of) {
        Some(holder) => {
            crate::wait_gone(&[holder], patience);
        }
        // It has not written its name yet, or it is just going.
        None => os::pause(patience),
    }
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { pid: Some(pid) } => {
                f.write_str("process ")?;
                pid.fmt(f)?;
                f.write_str(" holds it")
            }
            Self::Held { pid: None } => f.write_str("another process holds it"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LockError {}

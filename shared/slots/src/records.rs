//! Small records that are replaced as a whole: after a power cut, the old or the new one is there.
//!
//! Each record can be lost without harm, but for the trust root. One that makes no sense is put
//! aside, where a person can look at it; the folder for that never holds more than a few.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::fs::folder_of;
use crate::{Fs, OsFs, Reserve};

/// How many records of one name are kept aside, the newest without a number.
const KEPT_OF_ONE: usize = 3;

/// How many are kept aside altogether.
const KEPT_IN_ALL: usize = 32;

/// The records of one state folder.
#[derive(Debug, Clone)]
pub struct Records<F = OsFs> {
    fs: F,
    reserve: Reserve<F>,
    quarantine: PathBuf,
}

impl Records {
    /// Names the state folder, which holds the reserve, and the folder for what is put aside.
    pub fn new(state: &Path, quarantine: PathBuf) -> Self {
        Self::on(OsFs, state, quarantine)
    }
}

impl<F: Fs + Clone> Records<F> {
    /// The same on another disk.
    pub fn on(fs: F, state: &Path, quarantine: PathBuf) -> Self {
        let reserve = Reserve::on(fs.clone(), state);
        Self {
            fs,
            reserve,
            quarantine,
        }
    }

    /// Makes a private folder for records if it is not there, and makes its name durable. The
    /// folder above it must be there. To be called at each start, before the first `replace` in it.
    pub fn folder(&self, path: &Path) -> io::Result<()> {
        self.fs.create_private_dir("record.create-folder", path)?;
        self.fs.sync_dir("record.sync-parent", folder_of(path))
    }

    /// Puts `bytes` at `path`, durably, in a folder that is there.
    pub fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.reserve.retried(|| self.write(path, bytes))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let unfinished = with_suffix(path, ".tmp");
        self.fs.remove_file("record.clear", &unfinished)?;
        self.fs.write_new("record.write", &unfinished, bytes)?;
        self.fs.sync_file("record.sync", &unfinished)?;
        self.fs.rename("record.rename", &unfinished, path)?;
        self.fs.sync_dir("record.sync-folder", folder_of(path))
    }

    /// Moves a record that makes no sense into the quarantine; says where it is now. Older ones of
    /// its name move up, and the oldest goes.
    pub fn put_aside(&self, path: &Path) -> io::Result<PathBuf> {
        self.fs
            .create_private_dir("aside.create", &self.quarantine)?;
        let name = path.file_name().unwrap_or(path.as_os_str());
        let place = |number| match number {
            0 => self.quarantine.join(name),
            _ => with_suffix(&self.quarantine.join(name), &format!(".{number}")),
        };
        for number in (1..KEPT_OF_ONE).rev() {
            match self
                .fs
                .rename("aside.move-up", &place(number - 1), &place(number))
            {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let aside = place(0);
        self.fs.rename("aside.rename", path, &aside)?;
        self.make_room_beside(name)?;
        Ok(aside)
    }

    /// Removes what was put aside under other names while there is too much of it.
    fn make_room_beside(&self, newest: &std::ffi::OsStr) -> io::Result<()> {
        let mut names = self.fs.list("aside.list", &self.quarantine)?;
        names.sort();
        let too_many = names.len().saturating_sub(KEPT_IN_ALL);
        let others = names.iter().filter(|name| *name != newest);
        for name in others.take(too_many) {
            let path = self.quarantine.join(name);
            self.fs.remove_file("aside.remove", &path)?;
        }
        Ok(())
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path.into();
    name.push(suffix);
    name.into()
}

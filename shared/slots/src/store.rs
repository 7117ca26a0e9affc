//! The store: one folder per version, named by the sha256 of the file in it.
//!
//! A folder with such a name is complete, for it got the name last; [`crate::seal`] is the order
//! in which that happens. Names with a leading dot are unfinished or put aside, and are skipped.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::fs::folder_of;
use crate::{Digest, Fs, Meta, OsFs};

/// The file in an entry that describes it.
pub(crate) const META: &str = "meta";

/// Begins the name of a folder that is not sealed yet, or is about to go.
pub(crate) const UNFINISHED: &str = ".tmp-";

/// Begins the name of an entry that was found corrupt.
pub(crate) const CORRUPT: &str = ".bad-";

/// Longest `meta` that is read, in bytes.
const META_MOST: u64 = 4096;

/// The store of one host.
#[derive(Debug, Clone)]
pub struct Store<F = OsFs> {
    pub(crate) fs: F,
    pub(crate) root: PathBuf,
}

/// Why a version cannot be started from the store.
#[derive(Debug)]
pub enum EntryError {
    /// It is not there.
    Missing,
    /// It is there, and is not what its name says.
    Corrupt {
        /// The digest that the file has now.
        found: Digest,
    },
    /// It could not be read; it may be whole.
    Io(io::Error),
}

impl Store {
    /// Names the folder; nothing is created or read.
    pub const fn new(root: PathBuf) -> Self {
        Self::on(OsFs, root)
    }
}

impl<F: Fs> Store<F> {
    /// The same on another disk.
    pub const fn on(fs: F, root: PathBuf) -> Self {
        Self { fs, root }
    }

    /// Makes the folder if it is not there, and makes its name durable.
    pub fn create(&self) -> io::Result<()> {
        self.fs.create_dir("store.create", &self.root)?;
        self.fs.sync_dir("store.sync-parent", folder_of(&self.root))
    }

    /// The folder of a version, whether it is there or not.
    pub fn folder(&self, digest: Digest) -> PathBuf {
        self.root.join(digest.to_string())
    }

    /// Compares the file with its digest, now, and returns its path. To be called right before
    /// each start: what was whole when it was sealed may not be so any more.
    pub fn verified(&self, digest: Digest, name: &str) -> Result<PathBuf, EntryError> {
        let path = self.folder(digest).join(name);
        match self.fs.hash("store.verify", &path) {
            Ok(found) if found == digest => Ok(path),
            Ok(found) => Err(EntryError::Corrupt { found }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(EntryError::Missing),
            Err(error) => Err(EntryError::Io(error)),
        }
    }

    /// What the entry's `meta` says; an empty one where there is none, or none that can be read.
    pub fn meta(&self, digest: Digest) -> Meta {
        self.read_meta(digest).unwrap_or_default()
    }

    /// All entries with what their `meta` says. An entry that is listed may still be corrupt. An
    /// error if only one cannot be read: what it says may be what keeps another one.
    pub fn list(&self) -> io::Result<BTreeMap<Digest, Meta>> {
        self.names()?
            .iter()
            .filter_map(|name| name.parse().ok())
            .map(|digest| Ok((digest, self.read_meta(digest)?)))
            .collect()
    }

    fn read_meta(&self, digest: Digest) -> io::Result<Meta> {
        use io::ErrorKind::{IsADirectory, NotADirectory, NotFound};
        let path = self.folder(digest).join(META);
        match self.fs.read("store.read-meta", &path, META_MOST) {
            Ok(bytes) => Ok(Meta::decode(&String::from_utf8_lossy(&bytes))),
            Err(error) if matches!(error.kind(), NotFound | NotADirectory | IsADirectory) => {
                Ok(Meta::default())
            }
            Err(error) => Err(error),
        }
    }

    /// Removes an entry. What holds its files open keeps them.
    pub fn remove(&self, digest: Digest) -> io::Result<()> {
        let doomed = self.root.join(format!("{UNFINISHED}{digest}"));
        self.clear(&doomed)?;
        // First the name, at once; then the content, in any number of steps.
        match self
            .fs
            .rename("remove.rename", &self.folder(digest), &doomed)
        {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            renamed => renamed?,
        }
        self.clear(&doomed)
    }

    /// Puts a corrupt entry aside, so that the version can be sealed again. The clean-up removes
    /// it later; until then it can be looked at.
    pub fn quarantine(&self, digest: Digest) -> io::Result<()> {
        let aside = self.root.join(format!("{CORRUPT}{digest}"));
        self.clear(&aside)?;
        match self
            .fs
            .rename("quarantine.rename", &self.folder(digest), &aside)
        {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            renamed => renamed,
        }
    }

    /// Removes a folder that is no version, if it is there. It may have been one a moment ago, so
    /// its new name is made durable first: else a power cut gives half of it the old name back.
    pub(crate) fn clear(&self, folder: &Path) -> io::Result<()> {
        match self.fs.size("clear.look", folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            // Of a folder there may be no size.
            _ => {}
        }
        self.fs.sync_dir("clear.sync-store", &self.root)?;
        self.fs.remove_dir("clear.content", folder)
    }

    /// Names in the store's folder that are text; others are not ours.
    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        let names = self.fs.list("store.list", &self.root)?;
        Ok(names
            .into_iter()
            .filter_map(|name| name.into_string().ok())
            .collect())
    }
}

impl fmt::Display for EntryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("it is not in the store"),
            Self::Corrupt { found } => {
                f.write_str("its file has changed: its sha256 is now ")?;
                found.fmt(f)
            }
            Self::Io(error) => {
                f.write_str("it cannot be read: ")?;
                error.fmt(f)
            }
        }
    }
}

impl std::error::Error for EntryError {}

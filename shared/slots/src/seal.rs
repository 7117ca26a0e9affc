//! Sealing: a file becomes a version in the store, wholly or not at all.
//!
//! Content, description and the unfinished folder are synced before the folder gets its name, and
//! the name is synced before anybody is told. Each of these barriers is needed: without one, a
//! power cut can leave a page that names a version which is not there.

use std::fmt;
use std::io;
use std::path::Path;

use crate::store::{META, UNFINISHED};
use crate::{Digest, EntryError, Fs, Meta, Store};

/// Where the file to seal comes from.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// A file on the file system of the store, which moves into it.
    Move(&'a Path),
    /// A file anywhere, which stays where it is.
    Copy(&'a Path),
    /// Bytes within a file, such as a payload at the end of an executable.
    Part {
        /// The file.
        of: &'a Path,
        /// First byte.
        from: u64,
        /// Number of bytes.
        length: u64,
    },
}

/// Why a file was not sealed. The store is as it was before, but for unfinished folders.
#[derive(Debug)]
pub enum SealError {
    /// The file is not the one that was wanted.
    WrongDigest {
        /// The digest that the file has.
        found: Digest,
    },
    /// The operating system said no.
    Io {
        /// What was being done.
        step: &'static str,
        /// What it said.
        error: io::Error,
    },
}

impl<F: Fs> Store<F> {
    /// Puts a file into the store as version `digest` under `meta.component`, with further names
    /// for it in the same folder. One that is there and whole is left alone; one that is not is
    /// put aside first. When this returns, the version is durable.
    pub fn seal(
        &self,
        digest: Digest,
        source: Source<'_>,
        meta: &Meta,
        aliases: &[&str],
    ) -> Result<(), SealError> {
        match self.verified(digest, &meta.component) {
            // The process that sealed it may have been killed before the name was durable.
            Ok(_) => {
                return self
                    .fs
                    .sync_dir("seal.sync-present", &self.root)
                    .map_err(step("make its name durable"));
            }
            // It may be whole, and what a slot names: not to be touched because of one bad read.
            Err(EntryError::Io(error)) => return Err(step("compare what is there")(error)),
            Err(EntryError::Missing | EntryError::Corrupt { .. }) => {}
        }
        self.quarantine(digest)
            .map_err(step("put a corrupt version aside"))?;
        let unfinished = self.root.join(format!("{UNFINISHED}{digest}"));
        self.clear(&unfinished)
            .map_err(step("clear an unfinished folder"))?;
        self.fs
            .create_dir("seal.create", &unfinished)
            .map_err(step("create a folder"))?;
        let found = self
            .take(source, &unfinished.join(&meta.component))
            .map_err(step("take the file over"))?;
        if found != digest {
            return Err(SealError::WrongDigest { found });
        }
        self.finish(&unfinished, meta, aliases)
            .map_err(step("describe and sync it"))?;
        self.publish(&unfinished, digest)
            .map_err(step("give it its name"))
    }

    /// Brings the bytes in and says what they are.
    fn take(&self, source: Source<'_>, to: &Path) -> io::Result<Digest> {
        match source {
            Source::Copy(from) => self.fs.copy("seal.copy", from, 0..u64::MAX, to),
            Source::Part { of, from, length } => {
                let end = from.saturating_add(length);
                self.fs.copy("seal.copy-part", of, from..end, to)
            }
            Source::Move(from) => {
                self.fs.rename("seal.move", from, to)?;
                self.fs.hash("seal.hash", to)
            }
        }
    }

    fn finish(&self, folder: &Path, meta: &Meta, aliases: &[&str]) -> io::Result<()> {
        let file = folder.join(&meta.component);
        self.fs.set_executable("seal.set-executable", &file)?;
        self.fs.sync_file("seal.sync-file", &file)?;
        let described = folder.join(META);
        self.fs
            .write_new("seal.write-meta", &described, meta.encode().as_bytes())?;
        self.fs.sync_file("seal.sync-meta", &described)?;
        for alias in aliases {
            let link = folder.join(alias);
            self.fs.alias("seal.alias", &meta.component, &link)?;
        }
        self.fs.sync_dir("seal.sync-folder", folder)
    }

    fn publish(&self, folder: &Path, digest: Digest) -> io::Result<()> {
        self.fs
            .rename("seal.rename", folder, &self.folder(digest))?;
        self.fs.sync_dir("seal.sync-store", &self.root)
    }
}

fn step(step: &'static str) -> impl Fn(io::Error) -> SealError {
    move |error| SealError::Io { step, error }
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongDigest { found } => {
                f.write_str("it is not the file that was wanted: its sha256 is ")?;
                found.fmt(f)
            }
            Self::Io { step, error } => {
                f.write_str(step)?;
                f.write_str(": ")?;
                error.fmt(f)
            }
        }
    }
}

impl std::error::Error for SealError {}

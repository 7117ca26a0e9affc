//! The disk as this crate needs it.
//!
//! The first argument of every operation names the step it belongs to, such as `"seal.rename"`.
//! [`OsFs`] ignores it; a wrapper can fail, stall or kill the process there, and a simulated disk
//! can lose what was not synced. A new operation can therefore not be added without a name.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;

use crate::os;
use crate::{Digest, Hasher};

/// Operations on a disk. None is durable before the matching sync, unless it says so.
pub trait Fs {
    /// The first `most` bytes of a file.
    fn read(&self, at: &'static str, path: &Path, most: u64) -> io::Result<Vec<u8>>;

    /// The digest of a whole file.
    fn hash(&self, at: &'static str, path: &Path) -> io::Result<Digest>;

    /// Puts `bytes` at the start of an existing file, whose length stays.
    fn write_in_place(&self, at: &'static str, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Makes a file that is not there yet and fills it.
    fn write_new(&self, at: &'static str, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Copies a range of bytes into a file that is not there yet, and says what was copied. The
    /// range may end behind the end of `from`.
    fn copy(
        &self,
        at: &'static str,
        from: &Path,
        range: Range<u64>,
        to: &Path,
    ) -> io::Result<Digest>;

    /// Makes content and length of a file durable.
    fn sync_file(&self, at: &'static str, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_dir(&self, at: &'static str, path: &Path) -> io::Result<()>;

    /// Makes a folder and those above it; one that is there is fine.
    fn create_dir(&self, at: &'static str, path: &Path) -> io::Result<()>;

    /// Moves a file or folder within one file system. A file at `to` is replaced.
    fn rename(&self, at: &'static str, from: &Path, to: &Path) -> io::Result<()>;

    /// Lets everybody read and execute a file, and nobody write it.
    fn set_executable(&self, at: &'static str, path: &Path) -> io::Result<()>;

    /// Makes `link` another name of the file `target` in the same folder.
    fn alias(&self, at: &'static str, target: &str, link: &Path) -> io::Result<()>;

    /// Removes a folder with all it holds; one that is not there is fine.
    fn remove_dir(&self, at: &'static str, path: &Path) -> io::Result<()>;

    /// The names in a folder, in no order.
    fn list(&self, at: &'static str, path: &Path) -> io::Result<Vec<OsString>>;
}

/// The disk of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsFs;

impl Fs for OsFs {
    fn read(&self, _at: &'static str, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn hash(&self, _at: &'static str, path: &Path) -> io::Result<Digest> {
        pour(File::open(path)?, &mut io::sink())
    }

    fn write_in_place(&self, _at: &'static str, path: &Path, bytes: &[u8]) -> io::Result<()> {
        OpenOptions::new().write(true).open(path)?.write_all(bytes)
    }

    fn write_new(&self, _at: &'static str, path: &Path, bytes: &[u8]) -> io::Result<()> {
        File::create_new(path)?.write_all(bytes)
    }

    fn copy(
        &self,
        _at: &'static str,
        from: &Path,
        range: Range<u64>,
        to: &Path,
    ) -> io::Result<Digest> {
        let mut from = File::open(from)?;
        from.seek(SeekFrom::Start(range.start))?;
        let from = from.take(range.end.saturating_sub(range.start));
        pour(from, &mut File::create_new(to)?)
    }

    fn sync_file(&self, _at: &'static str, path: &Path) -> io::Result<()> {
        os::open_to_sync(path)?.sync_all()
    }

    fn sync_dir(&self, _at: &'static str, path: &Path) -> io::Result<()> {
        os::sync_dir(path)
    }

    fn create_dir(&self, _at: &'static str, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn rename(&self, _at: &'static str, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn set_executable(&self, _at: &'static str, path: &Path) -> io::Result<()> {
        os::set_executable(path)
    }

    fn alias(&self, _at: &'static str, target: &str, link: &Path) -> io::Result<()> {
        os::alias(target, link)
    }

    fn remove_dir(&self, _at: &'static str, path: &Path) -> io::Result<()> {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    fn list(&self, _at: &'static str, path: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(path)?
            .map(|entry| Ok(entry?.file_name()))
            .collect()
    }
}

/// The folder that a path lies in, also when the path is a bare name.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Reads to the end, hands all on, and says what it was.
fn pour(mut from: impl Read, to: &mut impl Write) -> io::Result<Digest> {
    // Small, because it lies on the stack of a process that should stay under a megabyte.
    let mut buffer = [0; 16 * 1024];
    let mut hasher = Hasher::default();
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(n) => {
                hasher.update(&buffer[..n]);
                to.write_all(&buffer[..n])?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

//! A zip archive to a folder. Nothing is written outside of the folder, no link is made, and no more
//! is unpacked than a plugin may have, whatever the archive says of itself.
//!
//! Unlike the archives of a release these come from strangers, made by any tool: comments, hidden
//! files and blanks in names are ordinary here, so the checks are others.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::{Component, Path, PathBuf};

use sha2::{Digest as _, Sha256};
use zip::ZipArchive;
use zip::result::ZipError;

/// Most that an archive may hold, and its own size, in bytes.
pub const ARCHIVE_BYTES: u64 = 100 << 20;

/// Most entries, folders included.
const MOST_ENTRIES: usize = 20_000;

/// The part of a mode that says what kind of thing an entry is, and two of the answers.
const MODE_KIND: u32 = 0o170_000;
const MODE_FILE: u32 = 0o100_000;
const MODE_FOLDER: u32 = 0o040_000;

/// Bytes hashed at once.
const BLOCK: usize = 64 * 1024;

/// Why an archive is refused. What was written until then is of no use.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It cannot be read to its end as an archive.
    #[error("it is no zip archive, or a damaged one: {0}")]
    Damaged(#[from] ZipError),
    /// More than [`ARCHIVE_BYTES`], or too many entries.
    #[error("it holds more than 100 MiB or {MOST_ENTRIES} entries")]
    TooMuch,
    /// A name that leads elsewhere or is no name.
    #[error("its entry {0:?} would not lie in its folder")]
    Name(String),
    /// A link, a device or an encrypted entry.
    #[error("its entry {0:?} is neither a plain file nor a folder")]
    Special(String),
    /// The disk did not do it.
    #[error("failed to unpack it: {0}")]
    Io(#[from] io::Error),
}

/// The sha256 of the whole file in hexadecimal digits; leaves the file at its start.
pub fn digest(file: &mut File) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut block = vec![0; BLOCK];
    file.rewind()?;
    loop {
        match file.read(&mut block)? {
            0 => break,
            count => hash.update(&block[..count]),
        }
    }
    file.rewind()?;
    let mut digits = String::new();
    for byte in hash.finalize() {
        let _ = write!(digits, "{byte:02x}"); // a String takes everything
    }
    Ok(digits)
}

/// Unpacks into a folder that is there and empty. `make_file` makes a new file with these
/// permissions (as in a mode of Unix) and fails where there is one.
pub fn unpack(
    archive: File,
    into: &Path,
    make_file: impl Fn(&Path, u32) -> io::Result<File>,
) -> Result<(), ArchiveError> {
    let mut zip = ZipArchive::new(archive)?;
    if zip.len() > MOST_ENTRIES {
        return Err(ArchiveError::TooMuch);
    }
    let mut left = ARCHIVE_BYTES;
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index)?;
        left = left
            .checked_sub(entry.size())
            .ok_or(ArchiveError::TooMuch)?;
    }
    for index in 0..zip.len() {
        let shown = String::from_utf8_lossy(zip.by_index_raw(index)?.name_raw()).into_owned();
        if zip.by_index_raw(index)?.encrypted() {
            return Err(ArchiveError::Special(shown));
        }
        let mut entry = zip.by_index(index)?;
        let Some(path) = inside(entry.name_raw()).map(|path| into.join(path)) else {
            return Err(ArchiveError::Name(shown));
        };
        let mode = entry.unix_mode();
        let is_folder = entry.is_dir();
        let plain = if is_folder { MODE_FOLDER } else { MODE_FILE };
        if ![0, plain].contains(&(mode.unwrap_or(0) & MODE_KIND)) {
            return Err(ArchiveError::Special(shown));
        }
        if is_folder {
            fs::create_dir_all(&path)?;
            continue;
        }
        fs::create_dir_all(path.parent().unwrap_or(into))?;
        let permissions = mode.map_or(0o666, |mode| mode & 0o777);
        let size = entry.size();
        let mut file = make_file(&path, permissions | 0o600)?;
        // What an entry says of its size counts; more than that is not taken.
        let copied = io::copy(&mut entry.by_ref().take(size + 1), &mut file)?;
        if copied > size {
            return Err(ArchiveError::TooMuch);
        }
    }
    Ok(())
}

/// The path of an entry below its folder, if it has one.
fn inside(name: &[u8]) -> Option<PathBuf> {
    let name = std::str::from_utf8(name).ok()?;
    if name.chars().any(char::is_control) {
        return None;
    }
    let mut path = PathBuf::new();
    for component in Path::new(name).components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::CurDir | Component::RootDir => {}
            Component::ParentDir | Component::Prefix(_) => return None,
        }
    }
    (path.components().count() > 0).then_some(path)
}

#[cfg(test)]
mod tests;

//! Whether a folder holds exactly what an archive holds, byte for byte.
//!
//! What is loaded is native code, so nothing is taken on trust because it was right once: a file
//! that was changed, cut off, left out or put beside the others makes the folder worthless.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use crate::archive::{Archive, FileEntry};

/// Compares; false if anything differs or cannot be read.
pub(crate) fn is_same(folder: &Path, archive: &mut Archive) -> bool {
    let mut found = BTreeSet::new();
    if list(folder, "", &mut found).is_err() {
        return false;
    }
    let files = archive.files.clone();
    files.len() == found.len()
        && files.iter().all(|file| {
            found.contains(&file.name) && matches(&folder.join(&file.name), archive, file).is_ok()
        })
}

/// Collects the names of all files below a folder; an error for anything that is neither file nor
/// folder, links first of all.
fn list(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string();
        let name = name.map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            list(&entry.path(), &format!("{prefix}{name}/"), found)?;
        } else if kind.is_file() {
            found.insert(format!("{prefix}{name}"));
        } else {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    Ok(())
}

fn matches(path: &Path, archive: &mut Archive, file: &FileEntry) -> io::Result<()> {
    let other = File::open(path)?;
    if other.metadata()?.len() != file.size {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let buffer = Vec::new();
    archive.copy(file, &mut Compared { other, buffer })
}

/// Takes what is written only as long as the other side reads the same.
struct Compared<R> {
    other: R,
    buffer: Vec<u8>,
}

impl<R: Read> Write for Compared<R> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.resize(bytes.len(), 0);
        self.other.read_exact(&mut self.buffer)?;
        if self.buffer != bytes {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

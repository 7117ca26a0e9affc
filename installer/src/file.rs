//! Writing files into a state folder: as a whole or not at all, and readable for its owner.

use std::io::{self, Read, Write as _};
use std::path::Path;

use shared_slots::{Fs as _, OsFs};
use tempfile::{NamedTempFile, TempPath};

use crate::os::give_to_owner_of;

/// Puts `bytes` at `path`, durably.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_with(path, &mut &*bytes)
}

/// Puts all that `from` has at `path`, durably.
pub(crate) fn replace_with(path: &Path, from: &mut impl Read) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder)?;
    io::copy(from, &mut file)?;
    file.flush()?;
    give_to_owner_of(folder, file.path())?;
    file.as_file().sync_all()?;
    put(file.into_temp_path(), path)?;
    OsFs.sync_dir("file.sync-folder", folder)
}

/// Gives a whole file its name. On Windows somebody may look at the one that has the name; the disk
/// waits until that is over.
fn put(from: TempPath, path: &Path) -> io::Result<()> {
    let from = from.keep().map_err(|error| error.error)?;
    let put = OsFs.rename("file.rename", &from, path);
    if put.is_err() {
        // Nothing is said of a left-over: that it was not put there is.
        let _ = std::fs::remove_file(&from);
    }
    put
}

/// Gives a file to the owner of its folder.
pub(crate) fn give_away(path: &Path) -> io::Result<()> {
    give_to_owner_of(path.parent().unwrap_or(Path::new(".")), path)
}

/// Makes an empty file, for the folder's owner, where there is none.
pub(crate) fn ensure(path: &Path) -> io::Result<()> {
    match std::fs::File::create_new(path) {
        Ok(_) => give_away(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes a folder in one that is there, for the same owner.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    if !folder.is_dir() {
        make_folder(folder)?;
    }
    std::fs::create_dir(path)?;
    give_to_owner_of(folder, path)
}

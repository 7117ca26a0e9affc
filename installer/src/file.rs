//! Writing files into a state folder: as a whole or not at all, and readable for its owner.

use std::io::{self, Read, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

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
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)
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

/// Root may run this command; the launcher must be able to read what it wrote.
#[cfg(unix)]
fn give_to_owner_of(folder: &Path, path: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let owner = std::fs::metadata(folder)?;
    std::os::unix::fs::chown(path, Some(owner.uid()), Some(owner.gid()))
}

#[cfg(not(unix))]
fn give_to_owner_of(_folder: &Path, _path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

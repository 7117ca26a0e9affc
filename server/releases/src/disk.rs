//! Writing files so that a reader sees the old or the new one, never a part.
//!
//! What is published may be read by everybody, as far as the umask allows: the tree may be served or
//! copied by another user than the publisher. Keys, and what says where they are, may not.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use shared_slots::{Digest, Hasher};
use tempfile::NamedTempFile;

use crate::PublishError;

/// Bytes that are copied at once.
const PIECE: usize = 128 << 10;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Its owner only.
    Owner,
    /// Everybody whom the folders above let in.
    Everybody,
}

/// Makes a folder and its parents, durable on return: what will lie in it must not be lost with it.
/// Who may look into it is decided by the data folder above.
pub(crate) fn make_folder(path: &Path) -> Result<(), PublishError> {
    if path.is_dir() {
        return Ok(());
    }
    let above = parent(path);
    make_folder(above)?;
    match std::fs::create_dir(path) {
        // Another publisher was quicker.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => {}
        made => made.map_err(PublishError::file("make the folder", path))?,
    }
    sync_folder(above)
}

/// The names in a folder, in order; none where there is no folder. Unfinished files of ours, which
/// begin with a dot, are left out, and so is what is no text.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>, PublishError> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(PublishError::file("list", folder))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(PublishError::file("list", folder))?;
        names.extend(entry.file_name().into_string().ok());
    }
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    Ok(names)
}

/// Reads a file that must be there.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, PublishError> {
    std::fs::read(path).map_err(PublishError::file("read", path))
}

/// Reads a file that need not be there.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, PublishError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(PublishError::file("read", path)(error)),
    }
}

/// Replaces `path` by these bytes, durable on return.
pub(crate) fn replace(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), PublishError> {
    let file = written(path, bytes, readers)?;
    file.persist(path)
        .map_err(|error| PublishError::file("write", path)(error.error))?;
    sync_folder(parent(path))
}

/// Writes a file that must not be there yet, readable by the owner only: no key is ever overwritten.
pub(crate) fn create(path: &Path, bytes: &[u8]) -> Result<(), PublishError> {
    let file = written(path, bytes, Readers::Owner)?;
    file.persist_noclobber(path)
        .map_err(|error| PublishError::file("write", path)(error.error))?;
    sync_folder(parent(path))
}

/// These bytes, durable, beside the place where they are to be.
fn written(path: &Path, bytes: &[u8], readers: Readers) -> Result<NamedTempFile, PublishError> {
    let folder = parent(path);
    make_folder(folder)?;
    let fail = |error| PublishError::file("write", path)(error);
    let mut file = unfinished(folder, readers).map_err(fail)?;
    file.write_all(bytes)
        .and_then(|()| file.as_file().sync_all())
        .map_err(fail)?;
    Ok(file)
}

/// Puts bytes into `folder` under the name of their digest. Those that are there already are kept.
pub(crate) fn put_by_digest(bytes: &[u8], folder: &Path) -> Result<Digest, PublishError> {
    let digest = Digest::of(bytes);
    let place = folder.join(digest.to_string());
    if !place.is_file() {
        replace(&place, bytes, Readers::Everybody)?;
    }
    Ok(digest)
}

/// Copies a file into `folder` under the name of its digest.
pub(crate) fn copy_by_digest(from: &Path, folder: &Path) -> Result<(Digest, u64), PublishError> {
    make_folder(folder)?;
    let read = |error| PublishError::file("read", from)(error);
    let write = |error| PublishError::file("write into", folder)(error);
    let mut source = File::open(from).map_err(read)?;
    let mut copy = unfinished(folder, Readers::Everybody).map_err(write)?;
    let mut hasher = Hasher::default();
    let mut size = 0;
    let mut piece = vec![0; PIECE];
    loop {
        let count = source.read(&mut piece).map_err(read)?;
        if count == 0 {
            break;
        }
        hasher.update(&piece[..count]);
        copy.write_all(&piece[..count]).map_err(write)?;
        size += count as u64;
    }
    copy.as_file().sync_all().map_err(write)?;
    let digest = hasher.finish();
    let place: PathBuf = folder.join(digest.to_string());
    copy.persist(&place).map_err(|error| write(error.error))?;
    sync_folder(folder)?;
    Ok((digest, size))
}

/// The digest and length of a file.
pub(crate) fn digest_of(path: &Path) -> Result<(Digest, u64), PublishError> {
    let fail = |error| PublishError::file("read", path)(error);
    let mut file = File::open(path).map_err(fail)?;
    let mut hasher = Hasher::default();
    let mut size = 0;
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece).map_err(fail)? {
            0 => return Ok((hasher.finish(), size)),
            count => {
                hasher.update(&piece[..count]);
                size += count as u64;
            }
        }
    }
}

/// Makes an empty file, readable by the owner only, unless it is there.
pub(crate) fn touch(path: &Path) -> Result<(), PublishError> {
    let folder = parent(path);
    make_folder(folder)?;
    let fail = |error| PublishError::file("make", path)(error);
    let file = unfinished(folder, Readers::Owner).map_err(fail)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(fail(error.error)),
    }
}

/// Removes a file that may be gone already.
pub(crate) fn remove(path: &Path) -> Result<(), PublishError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(PublishError::file("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// A file that is not there for anybody until it is given its name. Left over after a crash, it is
/// known by its dot.
pub(crate) fn unfinished(folder: &Path, readers: Readers) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".new-");
    #[cfg(unix)]
    if readers == Readers::Everybody {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o644));
    }
    // Elsewhere a file is for whom its folder is.
    #[cfg(not(unix))]
    let _ = readers;
    builder.tempfile_in(folder)
}

/// Makes names in a folder durable. Windows opens no folders, and does that by itself.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), PublishError> {
    if cfg!(windows) {
        return Ok(());
    }
    File::open(folder)
        .and_then(|handle| handle.sync_all())
        .map_err(PublishError::file("sync the folder", folder))
}

/// The folder of a file; the current one for a bare name.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

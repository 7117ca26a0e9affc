//! Writing files so that a reader sees the old or the new one, never a part.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use shared_slots::{Digest, Hasher};
use tempfile::NamedTempFile;

use crate::PublishError;

/// Bytes that are copied at once.
const PIECE: usize = 128 << 10;

/// Makes a folder and its parents. Who may look into it is decided by the data folder above.
pub(crate) fn make_folder(path: &Path) -> Result<(), PublishError> {
    std::fs::create_dir_all(path).map_err(PublishError::file("make the folder", path))
}

/// Replaces `path` by these bytes, readable by the owner only, durable on return.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), PublishError> {
    let folder = parent(path);
    make_folder(folder)?;
    let fail = |error| PublishError::file("write", path)(error);
    let mut file = NamedTempFile::new_in(folder).map_err(fail)?;
    file.write_all(bytes)
        .and_then(|()| file.as_file().sync_all())
        .map_err(fail)?;
    file.persist(path).map_err(|error| fail(error.error))?;
    sync_folder(folder)
}

/// Copies a file into `folder` under the name of its digest. One that is there already is kept.
pub(crate) fn copy_by_digest(from: &Path, folder: &Path) -> Result<(Digest, u64), PublishError> {
    make_folder(folder)?;
    let read = |error| PublishError::file("read", from)(error);
    let write = |error| PublishError::file("write into", folder)(error);
    let mut source = File::open(from).map_err(read)?;
    let mut copy = NamedTempFile::new_in(folder).map_err(write)?;
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

/// Makes an empty file, readable by the owner only, unless it is there.
pub(crate) fn touch(path: &Path) -> Result<(), PublishError> {
    let folder = parent(path);
    make_folder(folder)?;
    let fail = |error| PublishError::file("make", path)(error);
    let file = NamedTempFile::new_in(folder).map_err(fail)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(fail(error.error)),
    }
}

/// Makes names in a folder durable. Systems that cannot open a folder do that by themselves.
fn sync_folder(folder: &Path) -> Result<(), PublishError> {
    match File::open(folder) {
        Ok(handle) => handle
            .sync_all()
            .map_err(PublishError::file("sync the folder", folder)),
        Err(_) => Ok(()),
    }
}

fn parent(path: &Path) -> &Path {
    path.parent()
        .expect("every file of the tree lies in a folder")
}

//! Paths on a [`Disk`], and what operations do to the files and folders they lead to.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;

use shared_slots::Digest;

use crate::disk::{Content, Disk, File, Folder, Ino, Inode, ROOT};

pub(crate) fn rename(disk: &mut Disk, from: &Path, to: &Path, ino: Ino) -> io::Result<()> {
    if from.parent() == to.parent() {
        let names = (name_of(from).into(), name_of(to).into());
        folder_above(disk, from)?.rename(names.0, names.1, ino);
    } else {
        folder_above(disk, to)?.link(name_of(to).into(), ino);
        folder_above(disk, from)?.unlink(name_of(from));
    }
    Ok(())
}

pub(crate) fn find(disk: &Disk, path: &Path) -> io::Result<Ino> {
    let text = path.to_str().expect("paths here are text");
    text.split('/')
        .filter(|name| !name.is_empty())
        .try_fold(ROOT, |ino, name| match disk.get(ino) {
            Inode::Folder(folder) => folder.get(name),
            Inode::File(_) => None,
        })
        .ok_or_else(|| io::ErrorKind::NotFound.into())
}

pub(crate) fn folder_above<'a>(disk: &'a mut Disk, path: &Path) -> io::Result<&'a mut Folder> {
    let above = find(disk, path.parent().expect("a path below the root"))?;
    match disk.get_mut(above) {
        Inode::Folder(folder) => Ok(folder),
        Inode::File(_) => Err(io::ErrorKind::NotADirectory.into()),
    }
}

pub(crate) fn name_of(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .expect("paths here end with text")
}

pub(crate) fn names(disk: &Disk, path: &Path) -> io::Result<Vec<OsString>> {
    match disk.get(find(disk, path)?) {
        Inode::Folder(folder) => Ok(folder.names().map(|name| OsString::from(&**name)).collect()),
        Inode::File(_) => Err(io::ErrorKind::NotADirectory.into()),
    }
}

pub(crate) fn bytes(disk: &Disk, path: &Path) -> io::Result<Rc<[u8]>> {
    match disk.get(find(disk, path)?) {
        Inode::File(file) => Ok(file.now().bytes.clone()),
        Inode::Folder(_) => Err(io::ErrorKind::IsADirectory.into()),
    }
}

pub(crate) fn part(bytes: &[u8], range: Range<u64>) -> Vec<u8> {
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
    bytes[place(range.start)..place(range.end)].to_vec()
}

pub(crate) fn fill(disk: &mut Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    if find(disk, path).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let mut file = File::new();
    file.change_to(Content::new(bytes, false));
    let ino = disk.add(Inode::File(file));
    folder_above(disk, path)?.link(name_of(path).into(), ino);
    Ok(())
}

/// The digest of short contents, each computed once.
pub(crate) fn digest_of(bytes: &Rc<[u8]>) -> Digest {
    thread_local! {
        static KNOWN: RefCell<HashMap<Rc<[u8]>, Digest>> = RefCell::default();
    }
    KNOWN.with_borrow_mut(|known| {
        *known
            .entry(bytes.clone())
            .or_insert_with(|| Digest::of(bytes))
    })
}

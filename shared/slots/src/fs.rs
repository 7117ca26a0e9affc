//! The disk as the upgrade needs it.
//!
//! The first argument of every operation names the step it belongs to, such as `"seal.rename"`; each
//! name stands at one call only. [`OsFs`] makes a [fault point](shared_fault::point) of it; a
//! simulated disk can lose what was not synced. A new operation can therefore not be added without
//! a name. Bootstrapper and launcher do all their disk access through this trait, too.

use std::ffi::OsString;
use std::io;
use std::ops::Range;
use std::path::Path;

use crate::{Digest, Room};

/// Operations on a disk. None is durable before the matching sync, unless it says so.
pub trait Fs {
    /// The first `most` bytes of a file.
    fn read(&self, at: &'static str, path: &Path, most: u64) -> io::Result<Vec<u8>>;

    /// A range of a file, as much of it as there is.
    fn read_range(&self, at: &'static str, path: &Path, range: Range<u64>) -> io::Result<Vec<u8>>;

    /// The length of a file in bytes; of what `path` leads to, if it is a link.
    fn size(&self, at: &'static str, path: &Path) -> io::Result<u64>;

    /// The digest of a whole file.
    fn hash(&self, at: &'static str, path: &Path) -> io::Result<Digest>;

    /// Puts `bytes` at the start of an existing file, which does not become shorter.
    fn write_in_place(&self, at: &'static str, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Makes a file that is not there yet and fills it.
    fn write_new(&self, at: &'static str, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Makes a file that is not there yet and that really takes up `size` bytes of the disk.
    fn allocate(&self, at: &'static str, path: &Path, size: u64) -> io::Result<()>;

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

    /// The same, but for nobody else's eyes; one that is there stays as it is.
    fn create_private_dir(&self, at: &'static str, path: &Path) -> io::Result<()>;

    /// Moves a file or folder within one file system. A file at `to` is replaced.
    fn rename(&self, at: &'static str, from: &Path, to: &Path) -> io::Result<()>;

    /// Lets everybody read and execute a file, and nobody write it.
    fn set_executable(&self, at: &'static str, path: &Path) -> io::Result<()>;

    /// Makes `link` another name of the file `target` in the same folder.
    fn alias(&self, at: &'static str, target: &str, link: &Path) -> io::Result<()>;

    /// Removes a file; one that is not there is fine.
    fn remove_file(&self, at: &'static str, path: &Path) -> io::Result<()>;

    /// Removes a folder with all it holds; one that is not there is fine.
    fn remove_dir(&self, at: &'static str, path: &Path) -> io::Result<()>;

    /// The names in a folder, in no order.
    fn list(&self, at: &'static str, path: &Path) -> io::Result<Vec<OsString>>;

    /// The room on the volume that `path` lies on.
    fn room(&self, at: &'static str, path: &Path) -> io::Result<Room>;
}

/// The folder that a path lies in, also when the path is a bare name.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A disk can be lent to what works on it for a moment.
macro_rules! lent {
    ($($name:ident($($arg:ident: $type:ty),*) -> $result:ty;)*) => {
        impl<F: Fs> Fs for &F {
            $(fn $name(&self, at: &'static str, $($arg: $type),*) -> io::Result<$result> {
                (**self).$name(at, $($arg),*)
            })*
        }
    };
}

lent! {
    read(path: &Path, most: u64) -> Vec<u8>;
    read_range(path: &Path, range: Range<u64>) -> Vec<u8>;
    size(path: &Path) -> u64;
    hash(path: &Path) -> Digest;
    write_in_place(path: &Path, bytes: &[u8]) -> ();
    write_new(path: &Path, bytes: &[u8]) -> ();
    allocate(path: &Path, size: u64) -> ();
    copy(from: &Path, range: Range<u64>, to: &Path) -> Digest;
    sync_file(path: &Path) -> ();
    sync_dir(path: &Path) -> ();
    create_dir(path: &Path) -> ();
    create_private_dir(path: &Path) -> ();
    rename(from: &Path, to: &Path) -> ();
    set_executable(path: &Path) -> ();
    alias(target: &str, link: &Path) -> ();
    remove_file(path: &Path) -> ();
    remove_dir(path: &Path) -> ();
    list(path: &Path) -> Vec<OsString>;
    room(path: &Path) -> Room;
}

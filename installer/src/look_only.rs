//! The disk as it is, on which every change succeeds and none happens: what a clean-up says of its
//! work there is what it would do.

use std::ffi::OsString;
use std::io;
use std::ops::Range;
use std::path::Path;

use shared_slots::{Digest, Fs, OsFs, Room};

#[derive(Debug, Clone, Copy)]
pub(crate) struct LookOnly;

macro_rules! looks {
    ($($name:ident($($arg:ident: $type:ty),*) -> $result:ty;)*) => {
        $(fn $name(&self, at: &'static str, $($arg: $type),*) -> io::Result<$result> {
            OsFs.$name(at, $($arg),*)
        })*
    };
}

macro_rules! changes {
    ($($name:ident($($type:ty),*);)*) => {
        $(changes!(@ $name ($($type),*));)*
    };
    (@ $name:ident ($a:ty)) => {
        fn $name(&self, _at: &'static str, _: $a) -> io::Result<()> { Ok(()) }
    };
    (@ $name:ident ($a:ty, $b:ty)) => {
        fn $name(&self, _at: &'static str, _: $a, _: $b) -> io::Result<()> { Ok(()) }
    };
}

impl Fs for LookOnly {
    looks! {
        read(path: &Path, most: u64) -> Vec<u8>;
        read_range(path: &Path, range: Range<u64>) -> Vec<u8>;
        size(path: &Path) -> u64;
        hash(path: &Path) -> Digest;
        list(path: &Path) -> Vec<OsString>;
        room(path: &Path) -> Room;
    }

    changes! {
        write_in_place(&Path, &[u8]);
        write_new(&Path, &[u8]);
        allocate(&Path, u64);
        sync_file(&Path);
        sync_dir(&Path);
        create_dir(&Path);
        create_private_dir(&Path);
        rename(&Path, &Path);
        set_executable(&Path);
        alias(&str, &Path);
        remove_file(&Path);
        remove_dir(&Path);
    }

    /// Says what the copy would be.
    fn copy(
        &self,
        at: &'static str,
        from: &Path,
        range: Range<u64>,
        _to: &Path,
    ) -> io::Result<Digest> {
        Ok(Digest::of(&OsFs.read_range(at, from, range)?))
    }
}

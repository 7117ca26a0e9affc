//! Replacing a small file as a whole: a reader finds the old or the new one, never a half.
//!
//! Nothing is synced. What is written here is derived: after a power cut it is written anew.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use shared_fault::{point, write_point};

pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    point("replace.create")?;
    let mut file = File::create(&unfinished)?;
    let (half, _) = bytes.split_at(bytes.len() / 2);
    write_point("replace.write", || (&file).write_all(half))?;
    file.write_all(bytes)?;
    point("replace.rename")?;
    fs::rename(&unfinished, path)
}

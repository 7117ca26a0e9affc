//! Replacing a small file as a whole: a reader finds the old or the new one, never a half.
//!
//! Nothing is synced. What is written here is derived: after a power cut it is written anew.

use std::fs;
use std::io;
use std::path::Path;

use shared_fault::{point, write_point};

pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    write_point("replace.write", || {
        fs::write(&unfinished, &bytes[..bytes.len() / 2])
    })?;
    fs::write(&unfinished, bytes)?;
    point("replace.rename")?;
    fs::rename(&unfinished, path)
}

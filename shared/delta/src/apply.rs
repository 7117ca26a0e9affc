//! From files to a file: what a host does with a patch.

use std::fs;
use std::path::Path;

use shared_fault::point;

use crate::output::Output;
use crate::{Algorithm, DeltaError, bspatch, unzstd};

/// Makes the new file `out`, which has `size` bytes, from the old one and a patch.
///
/// `out` is emptied first and never gets longer than `size`. After an error what it holds is of no
/// use. It is not synced, and its digest is for the caller to compare.
pub fn apply(
    algorithm: Algorithm,
    old: &Path,
    patch: &Path,
    out: &Path,
    size: u64,
) -> Result<(), DeltaError> {
    let old = point("delta.read_old")
        .and_then(|()| fs::read(old))
        .map_err(DeltaError::disk("read", old))?;
    let patch = read_patch(patch)?;
    let mut out = Output::create(out, size)?;
    match algorithm {
        Algorithm::Bsdiff4 => bspatch::apply(&old, &patch, &mut out)?,
        Algorithm::Zstd => unzstd::patch(&old, &patch, &mut out)?,
    }
    out.finish()
}

/// Makes the file `out`, which has `size` bytes, from its zstd frame in `patch`. As [`apply`]
/// otherwise.
pub fn decode_zstd(patch: &Path, out: &Path, size: u64) -> Result<(), DeltaError> {
    let patch = read_patch(patch)?;
    let mut out = Output::create(out, size)?;
    unzstd::whole(&patch, &mut out)?;
    out.finish()
}

fn read_patch(path: &Path) -> Result<Vec<u8>, DeltaError> {
    point("delta.read_patch")
        .and_then(|()| fs::read(path))
        .map_err(DeltaError::disk("read", path))
}

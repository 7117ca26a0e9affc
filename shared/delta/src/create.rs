//! Making patches: the publisher's side. The same inputs give the same bytes, on any machine.

use std::io::{self, Write as _};

use qbsdiff::{Bsdiff, ParallelScheme};
use zstd::stream::raw::CParameter;
use zstd::stream::write::Encoder;

use crate::{Algorithm, unzstd};

/// The level of everything that is made once and sent to ten thousand hosts. Those above it use
/// windows that would cost each host more memory.
const ZSTD_LEVEL: i32 = 19;

/// bzip2's largest blocks.
const BZIP2_LEVEL: u32 = 9;

/// The longest old file that suffix sorting takes.
const MAX_OLD: usize = u32::MAX as usize / 2;

/// A patch that makes `new` from `old`. Takes seconds and, for bsdiff, about five times the old
/// file in memory.
pub fn create(algorithm: Algorithm, old: &[u8], new: &[u8]) -> io::Result<Vec<u8>> {
    match algorithm {
        Algorithm::Bsdiff4 => bsdiff(old, new),
        Algorithm::Zstd => {
            let mut encoder = Encoder::with_ref_prefix(Vec::new(), ZSTD_LEVEL, old)?;
            let window = unzstd::window(old.len() as u64, new.len() as u64);
            encoder.set_parameter(CParameter::WindowLog(window))?;
            encoder.set_parameter(CParameter::EnableLongDistanceMatching(true))?;
            finish(encoder, new)
        }
    }
}

/// A whole file as one zstd frame, for a host that has nothing to start from.
pub fn encode_zstd(new: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = Encoder::new(Vec::new(), ZSTD_LEVEL)?;
    encoder.set_parameter(CParameter::WindowLog(unzstd::WHOLE_WINDOW))?;
    finish(encoder, new)
}

fn finish(mut encoder: Encoder<'_, Vec<u8>>, new: &[u8]) -> io::Result<Vec<u8>> {
    encoder.set_pledged_src_size(Some(new.len() as u64))?;
    encoder.write_all(new)?;
    encoder.finish()
}

fn bsdiff(old: &[u8], new: &[u8]) -> io::Result<Vec<u8>> {
    if old.len() > MAX_OLD {
        let text = "the old file is too long for bsdiff; publish without this delta";
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    let mut patch = Vec::new();
    Bsdiff::new(old, new)
        // In parallel the result would depend on the number of processors.
        .parallel_scheme(ParallelScheme::Never)
        .compression_level(BZIP2_LEVEL)
        .compare(&mut patch)?;
    Ok(patch)
}

//! zstd frames, with and without an old file as their prefix.

use std::io::{self, Read as _};

use zstd::stream::read::Decoder;
use zstd::zstd_safe::get_frame_content_size;

use crate::DeltaError;
use crate::output::Output;

/// How much is decoded at once: the largest block there is.
const PIECE: usize = 128 * 1024;

/// The largest window of a whole file, as a power of two: what level 19 uses.
pub(crate) const WHOLE_WINDOW: u32 = 23;

/// Decodes a whole file.
pub(crate) fn whole(patch: &[u8], out: &mut Output) -> Result<(), DeltaError> {
    refuse_early(patch, out)?;
    decode(Decoder::with_buffer(patch), WHOLE_WINDOW, out)
}

/// Decodes a file whose frame refers to the old one.
pub(crate) fn patch(old: &[u8], patch: &[u8], out: &mut Output) -> Result<(), DeltaError> {
    refuse_early(patch, out)?;
    let window = window(old.len() as u64, out.size());
    decode(Decoder::with_ref_prefix(patch, old), window, out)
}

/// The smallest power of two that reaches from the end of the new file to the start of the old one,
/// within what the format knows.
pub(crate) fn window(old: u64, new: u64) -> u32 {
    let reach = old.saturating_add(new).max(1);
    reach.next_power_of_two().ilog2().clamp(10, 30)
}

/// What a frame announces is only good for refusing it early; what it makes is counted.
fn refuse_early(patch: &[u8], out: &Output) -> Result<(), DeltaError> {
    match get_frame_content_size(patch) {
        Ok(Some(announced)) if announced > out.size() => {
            Err(DeltaError::TooLong { size: out.size() })
        }
        _ => Ok(()),
    }
}

fn decode(
    decoder: io::Result<Decoder<'_, &[u8]>>,
    window: u32,
    out: &mut Output,
) -> Result<(), DeltaError> {
    let damaged = |_| DeltaError::Patch("its zstd frame is damaged, or needs too large a window");
    // Only for want of memory can a decoder not be made.
    let mut decoder = decoder.map_err(|_| DeltaError::Memory)?.single_frame();
    decoder.window_log_max(window).map_err(damaged)?;
    let mut buffer = vec![0; PIECE];
    loop {
        let made = decoder.read(&mut buffer).map_err(damaged)?;
        if made == 0 {
            return Ok(());
        }
        out.put(&buffer[..made])?;
    }
}

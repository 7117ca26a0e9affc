//! The bsdiff 4.x format, read as if an enemy had written it.
//!
//! A head of 32 bytes: `BSDIFF40`, the lengths of the first two of three bzip2 streams, and the
//! length of the new file. The first stream holds steps of three numbers: how many bytes of the
//! second stream to add to as many of the old file, how many of the third to copy, and how far to
//! move in the old file then. Numbers are eight bytes, little-endian, sign and magnitude.
//!
//! Source of the format: <https://www.daemonology.net/bsdiff/> and its `bspatch.c`. The library
//! that makes our patches has a reader too; it trusts the lengths in the head, has no bound on the
//! number of steps, and would bring suffix sorting and a thread pool to every host.

use std::io::Read;

use bzip2::bufread::BzDecoder;

use crate::DeltaError;
use crate::output::Output;

const MAGIC: &[u8; 8] = b"BSDIFF40";
const HEAD: usize = 32;

/// How much is added or copied at once.
const PIECE: usize = 64 * 1024;

/// The patch, taken apart.
struct Patch<'a> {
    steps: BzDecoder<&'a [u8]>,
    added: BzDecoder<&'a [u8]>,
    extra: BzDecoder<&'a [u8]>,
}

/// One step.
struct Step {
    add: u64,
    copy: u64,
    seek: i64,
}

/// Writes the new file to `out`.
pub(crate) fn apply(old: &[u8], patch: &[u8], out: &mut Output) -> Result<(), DeltaError> {
    let mut patch = Patch::parse(patch, out.size())?;
    let mut buffer = vec![0; PIECE];
    let mut at = 0_i64;
    // A step that makes nothing is allowed, but not an endless row of them, which costs its
    // sender next to no bytes.
    let mut idle = out.size() + 1;
    while out.missing() > 0 {
        let step = patch.next_step()?;
        if step.add.saturating_add(step.copy) > out.missing() {
            return Err(DeltaError::TooLong { size: out.size() });
        }
        if step.add + step.copy == 0 {
            idle = idle.checked_sub(1).ok_or(DeltaError::Patch(
                "it has more steps than the new file has bytes",
            ))?;
        }
        let base = section(old, at, step.add)?;
        for piece in base.chunks(PIECE) {
            let buffer = &mut buffer[..piece.len()];
            read(&mut patch.added, buffer)?;
            for (byte, old) in buffer.iter_mut().zip(piece) {
                *byte = byte.wrapping_add(*old);
            }
            out.put(buffer)?;
        }
        copy(&mut patch.extra, step.copy, &mut buffer, out)?;
        at = at
            .checked_add(base.len().cast_signed() as i64)
            .and_then(|at| at.checked_add(step.seek))
            .ok_or(DeltaError::Patch("it moves beyond all files"))?;
    }
    Ok(())
}

impl<'a> Patch<'a> {
    fn parse(patch: &'a [u8], size: u64) -> Result<Self, DeltaError> {
        let (head, body) = patch
            .split_at_checked(HEAD)
            .ok_or(DeltaError::Patch("it is shorter than its head"))?;
        if !head.starts_with(MAGIC) {
            return Err(DeltaError::Patch("it is no bsdiff 4 patch"));
        }
        let steps = length(&head[8..])?;
        let added = length(&head[16..])?;
        let new = length(&head[24..])?;
        if new as u64 > size {
            return Err(DeltaError::TooLong { size });
        }
        if new as u64 != size {
            return Err(DeltaError::Patch("it is for a file of another size"));
        }
        let cut = |bytes: &'a [u8], at| {
            bytes
                .split_at_checked(at)
                .ok_or(DeltaError::Patch("its streams are longer than it is"))
        };
        let (steps, rest) = cut(body, steps)?;
        let (added, extra) = cut(rest, added)?;
        Ok(Self {
            steps: BzDecoder::new(steps),
            added: BzDecoder::new(added),
            extra: BzDecoder::new(extra),
        })
    }

    fn next_step(&mut self) -> Result<Step, DeltaError> {
        let mut bytes = [0; 24];
        read(&mut self.steps, &mut bytes)?;
        Ok(Step {
            add: length(&bytes)? as u64,
            copy: length(&bytes[8..])? as u64,
            seek: number(&bytes[16..]),
        })
    }
}

/// `len` bytes of the old file from `at`.
fn section(old: &[u8], at: i64, len: u64) -> Result<&[u8], DeltaError> {
    if len == 0 {
        return Ok(&[]);
    }
    let section = || {
        let start = usize::try_from(at).ok()?;
        let end = start.checked_add(usize::try_from(len).ok()?)?;
        old.get(start..end)
    };
    section().ok_or(DeltaError::Patch("it is for another old file"))
}

/// Copies `len` bytes.
fn copy(
    from: &mut impl Read,
    len: u64,
    buffer: &mut [u8],
    out: &mut Output,
) -> Result<(), DeltaError> {
    let mut left = len;
    while left > 0 {
        let piece = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        read(from, &mut buffer[..piece])?;
        out.put(&buffer[..piece])?;
        left -= piece as u64;
    }
    Ok(())
}

/// Fills `bytes` from a stream; both its end and its damage mean that the patch is no good.
fn read(stream: &mut impl Read, bytes: &mut [u8]) -> Result<(), DeltaError> {
    let filled = stream.read_exact(bytes);
    filled.map_err(|_| DeltaError::Patch("one of its streams is damaged or ends early"))
}

fn length(bytes: &[u8]) -> Result<usize, DeltaError> {
    usize::try_from(number(bytes))
        .map_err(|_| DeltaError::Patch("it has a length that no file can have"))
}

/// Eight bytes, sign and magnitude.
fn number(bytes: &[u8]) -> i64 {
    let bytes = bytes.first_chunk().expect("a number has eight bytes");
    let raw = i64::from_le_bytes(*bytes);
    let magnitude = raw & i64::MAX;
    if raw < 0 { -magnitude } else { magnitude }
}

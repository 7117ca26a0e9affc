//! How a spool's file looks: frames one after the other, each with a checksum. Reading ends at the
//! first frame that is not whole, so a torn tail costs that tail and nothing before it.
//!
//! ```text
//! kind, 1 byte │ bytes of the body, u32 │ three numbers, u64 │ CRC-32 of all that and the body, u32 │ body
//! ```
//!
//! Numbers are little-endian. The first frame says which format this is.

use std::io::{self, Read, Write};

use flate2::Crc;
use shared_protocol::job::ChunkPlace;

use crate::chunk::Chunk;

const HEAD_BYTES: usize = 33;
/// No chunk is larger before compression than 1 MiB, and gzip adds little to what it cannot shrink.
const MOST_BODY_BYTES: usize = 2 << 20;
/// Body of the first frame.
const FORMAT: &[u8] = b"trireme job log spool 1\n";

/// One fact about a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    /// The file's beginning: so many chunks were refused before.
    Begin { failed: u64 },
    /// A chunk that is to be delivered.
    Chunk(Chunk),
    /// The endpoint has it, or will not have it.
    Settled { sequence: u64, delivered: bool },
    /// The log is whole: no chunk comes after those in the file.
    End,
}

impl Frame {
    /// How many bytes it takes.
    pub(crate) fn bytes(&self) -> u64 {
        let body = match self {
            Self::Begin { .. } => FORMAT.len(),
            Self::Chunk(chunk) => chunk.gzip.len(),
            Self::Settled { .. } | Self::End => 0,
        };
        (HEAD_BYTES + body) as u64
    }

    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let (kind, numbers, body): (u8, [u64; 3], &[u8]) = match self {
            Self::Begin { failed } => (b'B', [*failed, 0, 0], FORMAT),
            Self::Chunk(Chunk { place, gzip }) => {
                (b'C', [place.sequence, place.offset, place.size], gzip)
            }
            Self::Settled {
                sequence,
                delivered,
            } => (b'S', [*sequence, u64::from(*delivered), 0], &[]),
            Self::End => (b'E', [0; 3], &[]),
        };
        let length = u32::try_from(body.len()).map_err(io::Error::other)?;
        let mut head = vec![kind];
        head.extend_from_slice(&length.to_le_bytes());
        for number in numbers {
            head.extend_from_slice(&number.to_le_bytes());
        }
        head.extend_from_slice(&sum(&head, body).to_le_bytes());
        to.write_all(&head)?;
        to.write_all(body)
    }

    /// The next frame; none at the end of what is whole.
    pub(crate) fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut head = [0; HEAD_BYTES];
        if !fill(from, &mut head)? {
            return Ok(None);
        }
        let number = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&head[at..at + 8]);
            u64::from_le_bytes(bytes)
        };
        let word = |at: usize| {
            let mut bytes = [0; 4];
            bytes.copy_from_slice(&head[at..at + 4]);
            u32::from_le_bytes(bytes)
        };
        let length = word(1) as usize;
        if length > MOST_BODY_BYTES {
            return Ok(None);
        }
        let mut body = vec![0; length];
        if !fill(from, &mut body)? || sum(&head[..29], &body) != word(29) {
            return Ok(None);
        }
        Ok(match head[0] {
            b'B' if body == FORMAT => Some(Self::Begin { failed: number(5) }),
            b'C' => Some(Self::Chunk(Chunk {
                place: ChunkPlace {
                    sequence: number(5),
                    offset: number(13),
                    size: number(21),
                },
                gzip: body.into(),
            })),
            b'S' => Some(Self::Settled {
                sequence: number(5),
                delivered: number(13) != 0,
            }),
            b'E' => Some(Self::End),
            _ => None,
        })
    }
}

fn sum(head: &[u8], body: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(head);
    crc.update(body);
    crc.sum()
}

/// Fills the buffer; false if the end comes first.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames() -> Vec<Frame> {
        let place = ChunkPlace {
            sequence: 3,
            offset: 700,
            size: 9,
        };
        vec![
            Frame::Begin { failed: 2 },
            Frame::Chunk(Chunk {
                place,
                gzip: b"compressed".as_slice().into(),
            }),
            Frame::Settled {
                sequence: 3,
                delivered: true,
            },
            Frame::End,
        ]
    }

    fn read_all(mut bytes: &[u8]) -> Vec<Frame> {
        std::iter::from_fn(|| Frame::read(&mut bytes).unwrap()).collect()
    }

    #[test]
    fn frames_are_read_as_written_and_a_tail_torn_at_any_byte_is_left_out() {
        let mut bytes = Vec::new();
        let mut ends = Vec::new();
        for frame in frames() {
            frame.write(&mut bytes).unwrap();
            ends.push(bytes.len());
        }
        assert_eq!(
            bytes.len() as u64,
            frames().iter().map(Frame::bytes).sum::<u64>()
        );
        for torn in 0..=bytes.len() {
            let whole = ends.iter().filter(|end| **end <= torn).count();
            assert_eq!(
                read_all(&bytes[..torn]),
                frames()[..whole],
                "torn at {torn}"
            );
        }
    }

    #[test]
    fn a_changed_byte_ends_the_reading_before_its_frame() {
        let mut bytes = Vec::new();
        frames()[0].write(&mut bytes).unwrap();
        let begin = bytes.len();
        frames()[1].write(&mut bytes).unwrap();
        for at in begin..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            assert_eq!(read_all(&changed), frames()[..1], "changed at {at}");
        }
    }
}

//! The page as 512 bytes.
//!
//! | offset | bytes | what (numbers little-endian)                                       |
//! |-------:|------:|---------------------------------------------------------------------|
//! |      0 |     8 | magic `TRIRSLOT`                                                    |
//! |      8 |     1 | format, 1                                                           |
//! |      9 |     1 | flags: 1 committed, 2 previous, 4 trial is there                    |
//! |     10 |     1 | tries left                                                          |
//! |     11 |     1 | number of marks, at most 7                                          |
//! |     12 |     4 | spare                                                               |
//! |     16 |     8 | generation                                                          |
//! |     24 |    96 | committed, previous, trial: 32 bytes each                           |
//! |    120 |    16 | boot id                                                             |
//! |    136 |   280 | marks of 40 bytes: digest 32, reason 1, count 1, spare 2, since 4   |
//! |    416 |    92 | spare                                                               |
//! |    508 |     4 | CRC-32C of all before                                               |
//!
//! 512 bytes are one sector of any disk. A bootstrapper is never upgraded, so format 1 is for
//! ever: what comes later goes into the spare bytes, which every version hands on untouched.

use crate::Digest;
use crate::bad::{self, Bad, Reason};
use crate::crc::crc32c;
use crate::page::{Page, Trial};

/// Length of a page on disk.
pub const PAGE_BYTES: usize = 512;

/// Spare bytes at the end, which are handed on.
pub(crate) const SPARE_BYTES: usize = 92;

const MAGIC: &[u8; 8] = b"TRIRSLOT";
const FORMAT: u8 = 1;
const BAD_FROM: usize = 136;
const BAD_BYTES: usize = 40;
const SPARE_FROM: usize = BAD_FROM + bad::MOST * BAD_BYTES;
const CRC_FROM: usize = SPARE_FROM + SPARE_BYTES;

/// Why bytes are not a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// The file is not there or cannot be read.
    Unreadable,
    /// It was made but never written.
    Blank,
    /// Wrong length, wrong magic or wrong check sum: torn or garbled.
    Garbled,
    /// A format that this version does not know.
    Format(u8),
}

impl Page {
    /// The page as it lies on disk.
    pub fn encode(&self) -> [u8; PAGE_BYTES] {
        let mut bytes = [0; PAGE_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8] = FORMAT;
        bytes[10] = self.trial.map_or(0, |trial| trial.tries_left);
        bytes[16..24].copy_from_slice(&self.generation.to_le_bytes());
        let trial = self.trial.map(|trial| trial.digest);
        let named = [self.committed, self.previous, trial];
        for (place, digest) in named.into_iter().enumerate() {
            if let Some(digest) = digest {
                bytes[9] |= 1 << place;
                bytes[24 + 32 * place..][..32].copy_from_slice(digest.as_bytes());
            }
        }
        bytes[120..BAD_FROM].copy_from_slice(&self.boot);
        let marks = bytes[BAD_FROM..SPARE_FROM].chunks_exact_mut(BAD_BYTES);
        let mut count = 0;
        for (mark, bad) in marks.zip(&self.bad) {
            mark[..32].copy_from_slice(bad.digest.as_bytes());
            mark[32] = bad.reason as u8;
            mark[33] = bad.count;
            mark[36..].copy_from_slice(&bad.since.to_le_bytes());
            count += 1;
        }
        bytes[11] = count;
        bytes[SPARE_FROM..CRC_FROM].copy_from_slice(&self.spare);
        let crc = crc32c(&bytes[..CRC_FROM]);
        bytes[CRC_FROM..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads a page from disk.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let bytes: &[u8; PAGE_BYTES] = bytes.try_into().map_err(|_| Damage::Garbled)?;
        if *bytes == [0; PAGE_BYTES] {
            return Err(Damage::Blank);
        }
        if &bytes[..8] != MAGIC || crc32c(&bytes[..CRC_FROM]).to_le_bytes() != bytes[CRC_FROM..] {
            return Err(Damage::Garbled);
        }
        if bytes[8] != FORMAT {
            return Err(Damage::Format(bytes[8]));
        }
        let named = |place: usize| {
            (bytes[9] & 1 << place != 0)
                .then(|| Digest::from_bytes(array(&bytes[24 + 32 * place..])))
        };
        let marks = bytes[BAD_FROM..SPARE_FROM].chunks_exact(BAD_BYTES);
        let bad = marks.take(usize::from(bytes[11])).map(|mark| Bad {
            digest: Digest::from_bytes(array(mark)),
            reason: Reason::from_byte(mark[32]),
            count: mark[33],
            since: u32::from_le_bytes(array(&mark[36..])),
        });
        Ok(Self {
            generation: u64::from_le_bytes(array(&bytes[16..])),
            committed: named(0),
            previous: named(1),
            trial: named(2).map(|digest| Trial {
                digest,
                tries_left: bytes[10],
            }),
            boot: array(&bytes[120..]),
            bad: bad.collect(),
            spare: array(&bytes[SPARE_FROM..]),
        })
    }
}

/// The first `N` bytes. All callers cut from a whole page, so there are as many.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[..N]);
    array
}

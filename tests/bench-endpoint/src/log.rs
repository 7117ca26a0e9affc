//! The log of one job: whether its chunks cover it, and whether they hold what was printed. Pure.

use std::collections::BTreeMap;
use std::io::Read as _;

use bytes::Bytes;
use flate2::read::GzDecoder;
use serde::Serialize;

use crate::text::Expected;

/// Where a chunk says that it belongs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) sequence: u64,
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

/// What came of a log.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Summary {
    /// Chunks, each counted once.
    chunks: u64,
    /// Bytes in them before and after compression.
    raw: u64,
    gzip: u64,
    /// Chunks that came again.
    repeated: u64,
    /// Chunks that do not begin where the one before ended, that do not have the size they claim, or
    /// that wait for one before them.
    misplaced: u64,
    /// Bytes of what was printed that came, in their order and unchanged.
    printed: u64,
}

/// One log.
#[derive(Debug)]
pub(crate) struct Log {
    summary: Summary,
    /// The next chunk in order.
    next: u64,
    /// Came before their turn.
    waiting: BTreeMap<u64, (Place, Bytes)>,
    expected: Option<Expected>,
}

impl Summary {
    pub(crate) fn add(&mut self, other: Self) {
        self.chunks += other.chunks;
        self.raw += other.raw;
        self.gzip += other.gzip;
        self.repeated += other.repeated;
        self.misplaced += other.misplaced;
        self.printed += other.printed;
    }
}

impl Log {
    /// A log in which so many bytes of print are looked for, if any.
    pub(crate) fn new(printed: Option<u64>) -> Self {
        Self {
            summary: Summary::default(),
            next: 1,
            waiting: BTreeMap::new(),
            expected: printed.map(Expected::new),
        }
    }

    pub(crate) fn take(&mut self, place: Place, gzip: Bytes) {
        if place.sequence < self.next || self.waiting.contains_key(&place.sequence) {
            self.summary.repeated += 1;
            return;
        }
        // Who does not look into it need not keep it.
        let gzip = if self.expected.is_some() {
            gzip
        } else {
            self.summary.gzip += gzip.len() as u64;
            Bytes::new()
        };
        self.waiting.insert(place.sequence, (place, gzip));
        while let Some((place, gzip)) = self.waiting.remove(&self.next) {
            self.next += 1;
            self.append(place, &gzip);
        }
    }

    pub(crate) fn summary(&self) -> Summary {
        let mut summary = self.summary;
        summary.misplaced += self.waiting.len() as u64;
        summary.printed = self.expected.as_ref().map_or(0, Expected::seen);
        summary
    }

    fn append(&mut self, place: Place, gzip: &[u8]) {
        let mut fits = place.offset == self.summary.raw;
        if let Some(expected) = &mut self.expected {
            let mut text = Vec::new();
            let read = GzDecoder::new(gzip).read_to_end(&mut text);
            fits &= read.is_ok() && text.len() as u64 == place.size;
            expected.feed(&text);
            self.summary.gzip += gzip.len() as u64;
        }
        self.summary.misplaced += u64::from(!fits);
        self.summary.chunks += 1;
        self.summary.raw += place.size;
    }
}

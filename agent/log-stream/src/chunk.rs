//! Cuts a log into numbered, compressed chunks. Pure: when to cut is the caller's business.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress};
use shared_protocol::job::ChunkPlace;

/// gzip's effort, chosen with `examples/throughput.rs`: the lowest level whose output stayed within
/// 1.1 times that of the peer's compressor (klauspost/compress, default level) on every log tried.
const LEVEL: u32 = 4;
/// Log window of DEFLATE; the largest there is.
const WINDOW_BITS: u8 = 15;

/// One piece of a log, ready to be sent as often as it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Where it belongs.
    pub place: ChunkPlace,
    /// Its bytes as one gzip member.
    pub gzip: Bytes,
}

/// Collects bytes until they are cut.
#[derive(Debug)]
pub struct Chunker {
    max_bytes: usize,
    pending: Vec<u8>,
    cut: u64,
    cut_bytes: u64,
    gzip: Gzip,
}

impl Chunker {
    /// Starts a log. No chunk holds more than `max_bytes` before compression.
    pub fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes: max_bytes.max(1),
            pending: Vec::new(),
            cut: 0,
            cut_bytes: 0,
            gzip: Gzip::default(),
        }
    }

    /// Where to append the log's bytes.
    pub fn pending(&mut self) -> &mut Vec<u8> {
        &mut self.pending
    }

    /// Whether no byte waits to be cut.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Number of chunks cut so far, which is also the number of the last one.
    pub fn chunks(&self) -> u64 {
        self.cut
    }

    /// Bytes of the log that are in chunks, before compression.
    pub fn bytes(&self) -> u64 {
        self.cut_bytes
    }

    /// Cuts all full chunks, and with `whole` also the last, shorter one.
    pub fn cut(&mut self, whole: bool) -> Vec<Chunk> {
        let full = self.pending.len() / self.max_bytes * self.max_bytes;
        let end = if whole { self.pending.len() } else { full };
        let chunks = self.pending[..end]
            .chunks(self.max_bytes)
            .map(|bytes| {
                let size = bytes.len() as u64;
                let place = ChunkPlace {
                    sequence: self.cut + 1,
                    offset: self.cut_bytes,
                    size,
                };
                self.cut += 1;
                self.cut_bytes += size;
                Chunk {
                    place,
                    gzip: self.gzip.member(bytes),
                }
            })
            .collect();
        self.pending.drain(..end);
        chunks
    }
}

/// The compressor of all logs of this process, while there are any. Its tables take a third of a
/// mebibyte, and no log needs them from one chunk to the next.
static SHARED: Mutex<Weak<Mutex<Compress>>> = Mutex::new(Weak::new());

/// A log's part in the compressor, from its first chunk on.
#[derive(Debug, Default)]
struct Gzip(Option<Arc<Mutex<Compress>>>);

impl Gzip {
    fn member(&mut self, bytes: &[u8]) -> Bytes {
        let shared = self.0.get_or_insert_with(shared);
        // A chunk begins anew, whatever a panic has left of another one.
        let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
        state.reset();
        let mut out = Vec::with_capacity(bytes.len() / 4 + 64);
        loop {
            let taken = usize::try_from(state.total_in()).unwrap_or(usize::MAX);
            let status = state
                .compress_vec(&bytes[taken..], &mut out, FlushCompress::Finish)
                .expect("DEFLATE has no invalid input");
            if status == flate2::Status::StreamEnd {
                out.shrink_to_fit();
                return out.into();
            }
            out.reserve(out.capacity());
        }
    }
}

fn shared() -> Arc<Mutex<Compress>> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let compress = Compress::new_gzip(Compression::new(LEVEL), WINDOW_BITS);
        let made = Arc::new(Mutex::new(compress));
        *shared = Arc::downgrade(&made);
        made
    })
}

//! An endpoint for chunks, played in process.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_log_stream::{LogUpload, Marks, Settings};
use bytes::Bytes;
use flate2::read::GzDecoder;
use shared_client::ClientError;
use shared_protocol::job::{ChunkPlace, Job};
use tokio::sync::watch;
use tokio::time::Instant;

/// How an endpoint treats one chunk.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    Deliver,
    Refuse,
}

/// Answers chunks by a rule, each after some milliseconds, so that they overtake each other.
#[derive(Clone)]
pub(crate) struct Played {
    rule: fn(u64) -> Fate,
    open: watch::Receiver<bool>,
    arrived: Arc<Mutex<Arrived>>,
}

#[derive(Default)]
struct Arrived {
    chunks: Vec<(ChunkPlace, Vec<u8>, Instant)>,
    under_way: usize,
    most_under_way: usize,
    backlog: (u64, u64),
}

/// Counts an upload while it runs, also when it is aborted.
struct UnderWay(Arc<Mutex<Arrived>>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.lock().unwrap().under_way -= 1;
    }
}

impl Played {
    pub(crate) fn new(rule: fn(u64) -> Fate) -> Self {
        Self::gated(rule, true).0
    }

    /// Answers nothing until the gate is sent `true`.
    pub(crate) fn gated(rule: fn(u64) -> Fate, open: bool) -> (Self, watch::Sender<bool>) {
        let (gate, open) = watch::channel(open);
        let arrived = Arc::default();
        (
            Self {
                rule,
                open,
                arrived,
            },
            gate,
        )
    }

    /// The delivered chunks in the order of their numbers.
    pub(crate) fn chunks(&self) -> Vec<(ChunkPlace, Vec<u8>, Instant)> {
        let mut chunks = self.arrived.lock().unwrap().chunks.clone();
        chunks.sort_by_key(|(place, ..)| place.sequence);
        chunks
    }

    /// The log, put together by offset; fails if a number, an offset or a size does not fit.
    pub(crate) fn log(&self) -> Vec<u8> {
        let mut log = Vec::new();
        for ((place, bytes, _), sequence) in self.chunks().into_iter().zip(1..) {
            assert_eq!(place.sequence, sequence);
            assert_eq!(place.offset, log.len() as u64);
            assert_eq!(place.size, bytes.len() as u64);
            log.extend_from_slice(&bytes);
        }
        log
    }

    /// Bytes in memory and on disk, as told last.
    pub(crate) fn backlog(&self) -> (u64, u64) {
        self.arrived.lock().unwrap().backlog
    }

    pub(crate) fn under_way(&self) -> usize {
        self.arrived.lock().unwrap().under_way
    }

    pub(crate) fn most_under_way(&self) -> usize {
        self.arrived.lock().unwrap().most_under_way
    }
}

impl LogUpload for Played {
    fn backlog(&self, queued: u64, spooled: u64) {
        self.arrived.lock().unwrap().backlog = (queued, spooled);
    }

    async fn header_times(&self, _: BTreeMap<String, String>) -> Result<(), ClientError> {
        Ok(())
    }

    async fn chunk(&self, place: ChunkPlace, gzip: Bytes) -> Result<(), ClientError> {
        {
            let mut arrived = self.arrived.lock().unwrap();
            arrived.under_way += 1;
            arrived.most_under_way = arrived.most_under_way.max(arrived.under_way);
        }
        let _under_way = UnderWay(self.arrived.clone());
        let mut open = self.open.clone();
        if open.wait_for(|open| *open).await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_millis(place.sequence * 7 % 5)).await;
        match (self.rule)(place.sequence) {
            Fate::Refuse => Err(status(422)),
            Fate::Deliver => {
                let chunk = (place, gunzip(&gzip), Instant::now());
                self.arrived.lock().unwrap().chunks.push(chunk);
                Ok(())
            }
        }
    }
}

pub(crate) fn gunzip(gzip: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut member = GzDecoder::new(gzip);
    member.read_to_end(&mut bytes).unwrap();
    assert!(member.into_inner().is_empty(), "one member and no more");
    bytes
}

pub(crate) fn status(status: u16) -> ClientError {
    ClientError::Status {
        method: "POST",
        url: "played".into(),
        status,
        message: String::new(),
        retry_after: None,
    }
}

/// Default settings without marks.
pub(crate) fn plain(chunk_bytes: usize) -> Settings {
    Settings {
        chunk_bytes,
        ..Settings::for_job(&Job::default(), Marks::None)
    }
}

/// Bytes that do not compress.
pub(crate) fn noise(bytes: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[4]
    };
    (0..bytes).map(|_| next()).collect()
}

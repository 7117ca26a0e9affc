//! Chunks between the log and the endpoint: in memory as long as they are few and soon delivered,
//! else also on disk.
//!
//! ```text
//!   oldest                                                newest
//!   flying (memory) │ ready (memory) │ unread (disk only) │ tail (memory)
//! ```
//!
//! While there is a spool, all that is not settled is in it, so that the next agent can deliver it.
//! Only when the spool takes no more, what is newer waits in memory, and then the job waits as
//! soon as that is full. Nothing is ever dropped to make room.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::chunk::Chunk;
use crate::settings::Settings;
use crate::spool::{Frame, Place, Room, Spool};

/// A chunk that is not settled by now meets an endpoint in trouble: its log goes to disk.
const LATE: Duration = Duration::from_secs(5);
/// What a chunk takes beside its bytes: they may be few, where the endpoint wants small chunks.
const CHUNK_BYTES: usize = 128;
/// How much is read back from disk at once.
const READ_BYTES: usize = 256 << 10;

/// The unsettled chunks of one log.
#[derive(Debug)]
pub(crate) struct Queue {
    memory_bytes: usize,
    spool_bytes: u64,
    place: Option<Place>,
    room: Room,
    flying: BTreeMap<u64, (Chunk, Instant)>,
    ready: VecDeque<Chunk>,
    spool: Option<Spool>,
    tail: VecDeque<Chunk>,
    /// What became of chunks, not on disk yet.
    settled: Vec<Frame>,
    /// The spool takes no more until it is empty.
    is_full: bool,
    was_told: bool,
    /// No chunk comes any more; then, whether the spool says so.
    end: Option<bool>,
    failed: u64,
    /// Chunks of those that the disk did not give back, not told yet.
    unreadable: u64,
    held_bytes: usize,
    most_held_bytes: usize,
}

impl Queue {
    pub(crate) fn new(settings: &Settings, place: Option<Place>, room: Room) -> Self {
        Self {
            memory_bytes: settings.memory_bytes,
            spool_bytes: settings.spool_bytes,
            place,
            room,
            flying: BTreeMap::new(),
            ready: VecDeque::new(),
            spool: None,
            tail: VecDeque::new(),
            settled: Vec::new(),
            is_full: false,
            was_told: false,
            end: None,
            failed: 0,
            unreadable: 0,
            held_bytes: 0,
            most_held_bytes: 0,
        }
    }

    /// The queue of a log that an earlier agent left.
    pub(crate) fn recovered(settings: &Settings, spool: Spool) -> Self {
        let mut queue = Self::new(settings, None, Room::default());
        queue.failed = spool.failed();
        queue.end = spool.is_whole().then_some(true);
        queue.spool = Some(spool);
        queue
    }

    /// Adds the newest chunk.
    pub(crate) fn push(&mut self, chunk: Chunk) {
        self.hold(&chunk);
        self.tail.push_back(chunk);
    }

    /// The oldest chunk that is not under way.
    pub(crate) fn next(&mut self) -> Option<Chunk> {
        let chunk = self.ready.pop_front()?;
        let flying = (chunk.clone(), Instant::now());
        self.flying.insert(chunk.place.sequence, flying);
        Some(chunk)
    }

    /// The endpoint has the chunk, or will not have it.
    pub(crate) fn settle(&mut self, sequence: u64, delivered: bool) {
        if let Some((chunk, _)) = self.flying.remove(&sequence) {
            self.held_bytes -= chunk.gzip.len();
        }
        self.failed += u64::from(!delivered);
        if self.spool.is_some() {
            self.settled.push(Frame::Settled {
                sequence,
                delivered,
            });
        }
    }

    /// No chunk comes any more.
    pub(crate) fn end(&mut self) {
        self.end.get_or_insert(false);
    }

    /// Whether everything is settled.
    pub(crate) fn is_empty(&self) -> bool {
        self.chunks() == 0
    }

    /// Chunks that are not settled.
    pub(crate) fn chunks(&self) -> u64 {
        self.held() as u64 + self.spool.as_ref().map_or(0, Spool::unread)
    }

    /// Chunks in memory.
    fn held(&self) -> usize {
        self.flying.len() + self.ready.len() + self.tail.len()
    }

    /// Bytes that wait: compressed in memory, and those that are only on disk.
    pub(crate) fn backlog(&self) -> (u64, u64) {
        let spooled = self.spool.as_ref().map_or(0, Spool::unread_bytes);
        (self.held_bytes as u64, spooled)
    }

    /// Whether nothing waits behind what is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.chunks() == self.flying.len() as u64
    }

    /// Whether the job may write more.
    pub(crate) fn takes_more(&self) -> bool {
        self.held_bytes + self.held() * CHUNK_BYTES < self.memory_bytes
    }

    /// Chunks that were refused or given up, by earlier agents as well.
    pub(crate) fn failed(&self) -> u64 {
        self.failed
    }

    /// Chunks that the disk did not give back since the last call.
    pub(crate) fn take_unreadable(&mut self) -> u64 {
        std::mem::take(&mut self.unreadable)
    }

    /// The most compressed bytes that were in memory at once.
    pub(crate) fn most_held_bytes(&self) -> usize {
        self.most_held_bytes
    }

    /// When to look after a chunk that is not settled by then.
    pub(crate) fn late_at(&self) -> Option<Instant> {
        if self.spool.is_some() || self.place.is_none() {
            return None;
        }
        let sent = self.flying.values().map(|(_, sent)| *sent);
        sent.min().map(|sent| sent + LATE)
    }

    /// Brings disk and memory in order. To be called after each change.
    pub(crate) async fn tidy(&mut self) {
        let is_late = self.late_at().is_some_and(|at| at <= Instant::now());
        if self.spool.is_none() && (is_late || !self.takes_more()) {
            self.begin_spool().await;
        }
        if self.spool.is_some() {
            self.write().await;
            self.read_back().await;
        }
        if self.spool.as_ref().is_none_or(|spool| spool.unread() == 0) {
            self.ready.append(&mut self.tail);
        }
        if self.is_empty()
            && let Some(spool) = self.spool.take()
        {
            spool.remove().await;
            self.settled.clear();
            self.is_full = false;
        }
    }

    /// Gives everything up. Returns how many chunks that were.
    pub(crate) async fn give_up(&mut self) -> u64 {
        let chunks = self.chunks();
        self.failed += chunks;
        self.flying.clear();
        self.ready.clear();
        self.tail.clear();
        self.settled.clear();
        self.held_bytes = 0;
        if let Some(spool) = self.spool.take() {
            spool.remove().await;
        }
        chunks
    }

    fn hold(&mut self, chunk: &Chunk) {
        self.held_bytes += chunk.gzip.len();
        self.most_held_bytes = self.most_held_bytes.max(self.held_bytes);
    }

    async fn begin_spool(&mut self) {
        let Some(place) = &self.place else { return };
        match Spool::create(place, &self.room).await {
            Ok(spool) => {
                tracing::info!("the endpoint takes the job's log too slowly: it goes to disk");
                self.spool = Some(spool);
                self.write_held().await;
            }
            Err(error) => {
                self.place = None;
                self.tell(&format!("there is no place for it on disk: {error}"));
            }
        }
    }

    /// Begins an empty spool with what is under way, which stays in memory as well.
    async fn write_held(&mut self) {
        let Some(spool) = &mut self.spool else { return };
        let failed = self.failed;
        let mut frames = vec![Frame::Begin { failed }];
        let flying = self.flying.values().map(|(chunk, _)| chunk.clone());
        frames.extend(flying.map(Frame::Chunk));
        self.settled.clear();
        self.end = self.end.map(|_| false);
        if let Err(error) = spool.append(frames, 0).await {
            self.is_full = true;
            self.tell(&format!("its spool cannot be written: {error}"));
        }
        // What is ready goes the way of what is newer: to disk, and back when its turn comes.
        self.ready.append(&mut self.tail);
        std::mem::swap(&mut self.ready, &mut self.tail);
    }

    async fn write(&mut self) {
        if self.is_full {
            self.begin_again().await;
        }
        if self.is_full {
            return self.write_settled().await;
        }
        let Some(spool) = &mut self.spool else { return };
        let unread = self.tail.len() as u64;
        let mut frames = std::mem::take(&mut self.settled);
        frames.extend(self.tail.iter().cloned().map(Frame::Chunk));
        if self.end == Some(false) {
            self.end = Some(true);
            frames.push(Frame::End);
        }
        if frames.is_empty() {
            return;
        }
        let bytes: u64 = frames.iter().map(Frame::bytes).sum();
        let trouble = if spool.length() + bytes > self.spool_bytes && unread > 0 {
            format!("its spool has reached {} bytes", self.spool_bytes)
        } else {
            match spool.append(frames, unread).await {
                Ok(()) => {
                    let written: usize = self.tail.iter().map(|chunk| chunk.gzip.len()).sum();
                    self.held_bytes -= written;
                    self.tail.clear();
                    return;
                }
                Err(error) => format!("its spool cannot be written: {error}"),
            }
        };
        self.is_full = true;
        self.end = self.end.map(|_| false);
        self.tell(&trouble);
    }

    /// A full spool still says what became of its chunks, if the disk has room for that much, so
    /// that the next agent does not send them again.
    async fn write_settled(&mut self) {
        let frames = std::mem::take(&mut self.settled);
        let Some(spool) = &mut self.spool else { return };
        if frames.is_empty() || spool.length() == 0 {
            return;
        }
        if let Err(error) = spool.append(frames, 0).await {
            tracing::debug!("the spool of a job's log does not say what was delivered: {error}");
        }
    }

    /// A full spool takes chunks again once none of it is on disk only.
    async fn begin_again(&mut self) {
        let Some(spool) = &mut self.spool else { return };
        if spool.unread() > 0 || !self.ready.is_empty() || spool.length() == 0 {
            return;
        }
        match spool.clear().await {
            Ok(()) => {
                self.is_full = false;
                self.write_held().await;
            }
            Err(error) => tracing::warn!("failed to empty the spool of a job's log: {error}"),
        }
    }

    async fn read_back(&mut self) {
        let Some(spool) = &mut self.spool else { return };
        if !self.ready.is_empty() || spool.unread() == 0 {
            return;
        }
        match spool.read(READ_BYTES).await {
            Ok(chunks) => {
                for chunk in chunks {
                    self.hold(&chunk);
                    self.ready.push_back(chunk);
                }
            }
            Err(error) => {
                let chunks = spool.unread();
                tracing::error!(
                    chunks,
                    "a part of the job's log is lost: its spool: {error}"
                );
                self.failed += chunks;
                self.unreadable += chunks;
                if spool.clear().await.is_err() {
                    self.spool = None;
                }
                self.is_full = true;
            }
        }
    }

    fn tell(&mut self, why: &str) {
        if !self.was_told {
            self.was_told = true;
            tracing::warn!("a job that prints more waits until its log is delivered: {why}");
        }
    }
}

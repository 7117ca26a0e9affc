//! The task between a job and its endpoint. It owns all state of one log: bytes come in through a
//! short channel, chunks go out through a few uploads, and what is between is in its [`Queue`].
//!
//! When that takes no more, the task stops reading, the channel fills, [`LogSink::write`] waits,
//! and the job blocks on its output. Nothing is dropped to make room.

use std::fs::File;

use shared_client::ClientError;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::chunk::{Chunk, Chunker};
use crate::copy::Copy;
use crate::header_times::HeaderTimes;
use crate::marker::Marker;
use crate::queue::Queue;
use crate::settings::Settings;
use crate::sink::{LogSink, Piece};
use crate::spool::{Place, Room, Spool};
use crate::upload::LogUpload;

/// What became of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Chunks made.
    pub chunks: u64,
    /// Bytes in them, marks included, before compression.
    pub bytes: u64,
    /// Chunks that were refused or given up.
    pub failed: u64,
    /// The most compressed bytes of chunks that were in memory at once.
    pub most_held_bytes: usize,
}

/// What one log has beside its way to the endpoint.
#[derive(Debug, Default)]
pub struct Files {
    /// Gets a copy of the log as it is delivered, time marks included; see [`crate::copy::create`].
    pub copy: Option<File>,
    /// Where chunks wait while the endpoint is away. None: only in memory.
    pub spool: Option<Place>,
    /// What they share with those of other logs.
    pub room: Room,
}

/// Starts the task of one log, in the current span, which should name the job. It ends with its
/// summary when the last sink is dropped and each chunk is delivered, refused or given up. Aborting
/// it ends all uploads.
pub fn start(
    uploader: impl LogUpload,
    settings: Settings,
    files: Files,
) -> (LogSink, JoinHandle<Summary>) {
    let (sink, incoming) = LogSink::new();
    let queue = Queue::new(&settings, files.spool, files.room);
    let mut stream = Stream::new(uploader, settings, queue);
    stream.copy = Copy::new(files.copy);
    let task = stream.run(incoming, true).in_current_span();
    (sink, tokio::spawn(task))
}

/// Delivers what is left of a log that an earlier agent spooled.
pub(crate) async fn deliver(uploader: impl LogUpload, settings: Settings, spool: Spool) -> Summary {
    let queue = Queue::recovered(&settings, spool);
    let (_, nothing) = mpsc::channel(1);
    Stream::new(uploader, settings, queue)
        .run(nothing, false)
        .await
}

struct Stream<U> {
    uploader: U,
    settings: Settings,
    marker: Marker,
    /// Set from the first header on whose time the log does not carry.
    headers: Option<HeaderTimes>,
    copy: Copy,
    /// When the last piece came, in milliseconds since 1970.
    last_ms: u64,
    /// Longer than the endpoint wants, which was told.
    is_oversize: bool,
    chunker: Chunker,
    /// When the bytes in the chunker have waited long enough.
    cut_at: Option<Instant>,
    queue: Queue,
    uploads: JoinSet<Delivery>,
    /// Set while uploads are under way: when the endpoint counts as gone.
    give_up_at: Option<Instant>,
    was_refused: bool,
    /// What was said last of bytes that wait in memory, and on disk.
    backlog: (u64, u64),
}

struct Delivery {
    sequence: u64,
    result: Result<(), ClientError>,
}

impl<U: LogUpload> Stream<U> {
    fn new(uploader: U, settings: Settings, queue: Queue) -> Self {
        Self {
            uploader,
            settings,
            marker: Marker::new(settings.marks),
            headers: None,
            copy: Copy::new(None),
            last_ms: 0,
            is_oversize: false,
            chunker: Chunker::new(settings.chunk_bytes),
            cut_at: None,
            queue,
            uploads: JoinSet::new(),
            give_up_at: None,
            was_refused: false,
            backlog: (0, 0),
        }
    }

    async fn run(mut self, mut incoming: mpsc::Receiver<Piece>, mut open: bool) -> Summary {
        self.settle_down().await;
        while open || !self.queue.is_empty() {
            let reads = open && self.queue.takes_more();
            // A short chunk is only worth its request when it can be sent at once.
            let cuts = self.cut_at.filter(|_| self.has_free_upload());
            tokio::select! {
                biased;
                Some(delivery) = self.uploads.join_next() => match delivery {
                    Ok(delivery) => self.account(&delivery),
                    Err(panic) => std::panic::resume_unwind(panic.into_panic()),
                },
                () = at(self.give_up_at) => self.give_up().await,
                () = at(cuts) => self.cut(true),
                () = at(self.queue.late_at()) => {}
                piece = incoming.recv(), if reads => match piece {
                    Some(piece) => self.take(&piece).await,
                    None => {
                        open = false;
                        self.end().await;
                    }
                },
            }
            self.settle_down().await;
        }
        if let Some(headers) = self.headers.take() {
            headers.end().await;
        }
        Summary {
            chunks: self.chunker.chunks(),
            bytes: self.chunker.bytes(),
            failed: self.queue.failed(),
            most_held_bytes: self.queue.most_held_bytes(),
        }
    }

    /// To be called after each change.
    async fn settle_down(&mut self) {
        self.queue.tidy().await;
        self.admit_loss().await;
        self.send();
        let backlog = self.queue.backlog();
        if backlog != self.backlog {
            self.backlog = backlog;
            self.uploader.backlog(backlog.0, backlog.1);
        }
    }

    /// Says in the log itself that a part of it is missing: whoever reads it may have nothing else.
    async fn admit_loss(&mut self) {
        let chunks = self.queue.take_unreadable();
        // Numbers of the log of another agent are not known here.
        if chunks == 0 || self.chunker.chunks() == 0 {
            return;
        }
        let text = format!(
            "\r\n[{chunks} parts of this log are lost: the agent could not read them from its disk]\r\n"
        );
        let pending = self.chunker.pending();
        self.marker.push(text.as_bytes(), self.last_ms, pending);
        self.cut(true);
        self.queue.tidy().await;
    }

    fn has_free_upload(&self) -> bool {
        self.queue.is_idle() && self.uploads.len() < self.settings.uploads
    }

    async fn take(&mut self, piece: &Piece) {
        let pending = self.chunker.pending();
        let before = pending.len();
        self.marker.push(&piece.bytes, piece.now_ms, pending);
        self.last_ms = piece.now_ms;
        self.pass_on(before).await;
        self.cut(false);
    }

    /// The job has written its last byte.
    async fn end(&mut self) {
        let pending = self.chunker.pending();
        let before = pending.len();
        self.marker.end(self.last_ms, pending);
        self.pass_on(before).await;
        self.cut(true);
        self.queue.end();
    }

    /// Shares what was just added to the pending bytes with those beside the log.
    async fn pass_on(&mut self, before: usize) {
        let pending = self.chunker.pending();
        if self.copy.is_wanted() {
            let added = pending[before..].to_vec();
            self.copy.write(added).await;
        }
        for ms in self.marker.take_headers() {
            let start = || HeaderTimes::start(self.uploader.clone());
            self.headers.get_or_insert_with(start).add(ms).await;
        }
        let bytes = self.chunker.bytes() + self.chunker.pending().len() as u64;
        if bytes > self.settings.max_bytes && !self.is_oversize {
            self.is_oversize = true;
            let most = self.settings.max_bytes;
            tracing::warn!(
                "the job's log is larger than the {most} bytes that the endpoint asks for, which \
                 may leave out the rest"
            );
        }
    }

    fn cut(&mut self, whole: bool) {
        for chunk in self.chunker.cut(whole) {
            self.queue.push(chunk);
        }
        self.cut_at = match self.cut_at {
            _ if self.chunker.is_empty() => None,
            None => Some(Instant::now() + self.settings.interval),
            set => set,
        };
    }

    fn send(&mut self) {
        while self.uploads.len() < self.settings.uploads.max(1) {
            let Some(Chunk { place, gzip }) = self.queue.next() else {
                break;
            };
            self.give_up_at
                .get_or_insert_with(|| Instant::now() + self.settings.outage);
            let uploader = self.uploader.clone();
            self.uploads.spawn(async move {
                Delivery {
                    sequence: place.sequence,
                    result: uploader.chunk(place, gzip).await,
                }
            });
        }
    }

    fn account(&mut self, delivery: &Delivery) {
        let sequence = delivery.sequence;
        if let Err(error) = &delivery.result {
            if self.was_refused {
                // An endpoint that refuses one chunk often refuses all: one line tells it.
                tracing::debug!(sequence, "another part of the job's log is lost: {error}");
            } else {
                self.was_refused = true;
                tracing::error!(sequence, "a part of the job's log is lost: {error}");
            }
        }
        self.queue.settle(sequence, delivery.result.is_ok());
        let answered = delivery
            .result
            .as_ref()
            .map_or_else(ClientError::is_refusal, |()| true);
        if self.uploads.is_empty() {
            self.give_up_at = None;
        } else if answered {
            self.give_up_at = Some(Instant::now() + self.settings.outage);
        }
    }

    /// Nothing got through for so long that the endpoint has given up this job as well. Bytes that
    /// come from now on get a new chance.
    async fn give_up(&mut self) {
        self.uploads = JoinSet::new();
        let chunks = self.queue.give_up().await;
        let seconds = self.settings.outage.as_secs();
        tracing::error!(
            chunks,
            "a part of the job's log is lost: no delivery for {seconds} s"
        );
        self.give_up_at = None;
    }
}

/// Ends at the given time, or never.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

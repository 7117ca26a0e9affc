//! Where a job's bytes enter its log.

use bytes::Bytes;
use tokio::sync::mpsc;

/// Largest piece that enters the channel at once.
const PIECE_BYTES: usize = 16 << 10;
/// Pieces in the channel.
const PIECES: usize = 16;

/// The log stream ended before its sink: its task was aborted, or the process is shutting down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the log stream has ended")]
pub struct Ended;

/// Where a job's bytes go in. Clones write to the same log; dropping the last one ends it.
#[derive(Debug, Clone)]
pub struct LogSink {
    pieces: mpsc::Sender<Piece>,
}

#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) bytes: Bytes,
    pub(crate) now_ms: u64,
}

impl LogSink {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Piece>) {
        let (pieces, incoming) = mpsc::channel(PIECES);
        (Self { pieces }, incoming)
    }

    /// Adds bytes that the job wrote at `now_ms` (milliseconds since 1970). Waits while the log
    /// takes no more. If dropped half-way, a first part of the bytes is in the log.
    pub async fn write(&self, bytes: &[u8], now_ms: u64) -> Result<(), Ended> {
        for part in bytes.chunks(PIECE_BYTES) {
            let piece = Piece {
                bytes: Bytes::copy_from_slice(part),
                now_ms,
            };
            self.pieces.send(piece).await.map_err(|_| Ended)?;
        }
        Ok(())
    }
}

//! Which pieces of a log have arrived.
//!
//! Pieces may come in any order and more than once. What can be read is the part without a gap from
//! the beginning; a later piece waits in its place until the gap is closed. When the job is over,
//! a gap that is still there is filled with a note, and the rest becomes readable.

use shared_protocol::JobId;
use shared_protocol::job::ChunkPlace;
use sqlx::SqliteConnection;
use thiserror::Error;

use crate::{Store, StoreError};

/// Longest log that is kept, in bytes. Workers are told; what goes beyond is refused.
pub const LOG_LIMIT: u64 = 2 << 30;

/// Most bytes that are read from a file at once.
const READ_PIECE: u64 = 64 << 10;

/// Longest note about missing bytes.
const LONGEST_NOTE: u64 = 4096;

/// Why a piece of a log was not taken.
#[derive(Debug, Error)]
pub enum ChunkError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The query and the body do not agree.
    #[error("the chunk holds {actual} bytes but size says {stated}")]
    Size {
        /// `size` of the query.
        stated: u64,
        /// Bytes of the body after decompression.
        actual: u64,
    },
    /// Numbers count from 1.
    #[error("chunk sequences count from 1")]
    Sequence,
    /// It was received before, with another place or length.
    #[error("chunk {sequence} was received before with another offset or size")]
    Differs {
        /// Its number.
        sequence: u64,
    },
    /// Bytes of its place were received with another chunk.
    #[error("the chunk overlaps chunk {other}")]
    Overlaps {
        /// The other one.
        other: u64,
    },
    /// The log is too long.
    #[error("the log is longer than {LOG_LIMIT} bytes")]
    TooLong,
}

impl Store {
    /// Keeps a piece of a job's log. Returns how much of the log can be read now.
    pub async fn put_chunk(
        &self,
        job: &JobId,
        place: ChunkPlace,
        bytes: Vec<u8>,
    ) -> Result<u64, ChunkError> {
        let actual = bytes.len() as u64;
        if actual != place.size {
            let stated = place.size;
            return Err(ChunkError::Size { stated, actual });
        }
        if place.sequence == 0 {
            return Err(ChunkError::Sequence);
        }
        let end = place.offset.checked_add(place.size);
        let end = end
            .filter(|end| *end <= LOG_LIMIT)
            .ok_or(ChunkError::TooLong)?;
        if self.is_known(job, place, end).await? {
            return Ok(self.job(job).await?.log_size);
        }
        self.logs.write(job, place.offset, bytes).await?;
        Ok(self.note_chunk(job, place).await?)
    }

    /// Whether this very chunk is there already.
    async fn is_known(&self, job: &JobId, place: ChunkPlace, end: u64) -> Result<bool, ChunkError> {
        let same: Option<(i64, i64)> =
            sqlx::query_as("SELECT start, size FROM chunks WHERE job_id = ? AND sequence = ?")
                .bind(job.as_str())
                .bind(column(place.sequence))
                .fetch_optional(&self.reader)
                .await
                .map_err(StoreError::from)?;
        if let Some(known) = same {
            let sequence = place.sequence;
            return if known == (column(place.offset), column(place.size)) {
                Ok(true)
            } else {
                Err(ChunkError::Differs { sequence })
            };
        }
        // Chunks do not overlap each other, so the last one that begins before this one's end is
        // the one that could reach into it.
        let before: Option<(i64, i64)> = sqlx::query_as(
            "SELECT sequence, start + size FROM chunks \
             WHERE job_id = ? AND start < ? AND size > 0 ORDER BY start DESC LIMIT 1",
        )
        .bind(job.as_str())
        .bind(column(end))
        .fetch_optional(&self.reader)
        .await
        .map_err(StoreError::from)?;
        match before {
            Some((other, its_end)) if its_end > column(place.offset) => Err(ChunkError::Overlaps {
                other: other.unsigned_abs(),
            }),
            _ => Ok(false),
        }
    }

    async fn note_chunk(&self, job: &JobId, place: ChunkPlace) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        // The same chunk may have come twice at the same time; one of them is enough.
        sqlx::query(
            "INSERT INTO chunks (job_id, sequence, start, size) VALUES (?, ?, ?, ?) \
             ON CONFLICT DO NOTHING",
        )
        .bind(job.as_str())
        .bind(column(place.sequence))
        .bind(column(place.offset))
        .bind(column(place.size))
        .execute(&mut *tx)
        .await?;
        let (mut size,): (i64,) = sqlx::query_as("SELECT log_size FROM jobs WHERE id = ?")
            .bind(job.as_str())
            .fetch_one(&mut *tx)
            .await?;
        while let Some(more) = chunk_at(&mut tx, job, size).await? {
            size += more;
        }
        set_size(&mut tx, job, size).await?;
        tx.commit().await?;
        Ok(size.unsigned_abs())
    }

    /// Makes readable what a finished job's log has behind a gap.
    pub async fn close_log(&self, job: &JobId) -> Result<(), StoreError> {
        let row = self.job(job).await?;
        let late: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT start, size FROM chunks WHERE job_id = ? AND start >= ? AND size > 0 \
             ORDER BY start",
        )
        .bind(job.as_str())
        .bind(column(row.log_size))
        .fetch_all(&self.reader)
        .await?;
        let mut size = column(row.log_size);
        for (start, length) in late {
            if start > size {
                let note = gap_note((start - size).unsigned_abs());
                self.logs.write(job, size.unsigned_abs(), note).await?;
            }
            size = size.max(start + length);
        }
        if size.unsigned_abs() > row.log_size {
            let mut tx = self.write().await?;
            set_size(&mut tx, job, size).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Reads a piece of a job's log from `offset` up to `end`, which the caller takes from
    /// [`crate::JobRow::log_size`]. Empty when there is nothing between them.
    pub async fn read_log(
        &self,
        job: &JobId,
        offset: u64,
        end: u64,
    ) -> Result<Vec<u8>, StoreError> {
        match end.saturating_sub(offset).min(READ_PIECE) {
            0 => Ok(Vec::new()),
            most => self.logs.read(job, offset, most).await,
        }
    }
}

/// Size of the chunk that begins at `start`. Empty chunks close no gap and are passed over.
async fn chunk_at(
    db: &mut SqliteConnection,
    job: &JobId,
    start: i64,
) -> Result<Option<i64>, StoreError> {
    let row: Option<(i64,)> =
        sqlx::query_as("SELECT size FROM chunks WHERE job_id = ? AND start = ? AND size > 0")
            .bind(job.as_str())
            .bind(start)
            .fetch_optional(db)
            .await?;
    Ok(row.map(|(size,)| size))
}

async fn set_size(db: &mut SqliteConnection, job: &JobId, size: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE jobs SET log_size = ? WHERE id = ?")
        .bind(size)
        .bind(job.as_str())
        .execute(db)
        .await?;
    Ok(())
}

/// What stands in a gap: a note of its very length, cut or filled up with blanks. Of a long gap only
/// the beginning is written, so that no chunk can make the server fill its disk.
fn gap_note(gap: u64) -> Vec<u8> {
    let mut note = format!("\n~~~ {gap} bytes of the log did not arrive\n").into_bytes();
    let length = usize::try_from(gap.min(LONGEST_NOTE)).unwrap_or(note.len());
    note.resize(length, b' ');
    note
}

fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

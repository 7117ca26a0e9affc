//! What a log stream is told when it starts.

use std::time::Duration;

use shared_protocol::job::Job;

/// Size of a chunk when the endpoint names none.
const DEFAULT_CHUNK_BYTES: usize = 100 << 10;
/// Largest size that is used, whatever the endpoint allows: a chunk is held in memory.
const MAX_CHUNK_BYTES: usize = 1 << 20;
/// Size from which on an endpoint that names none may drop the rest of a log.
const DEFAULT_LOG_BYTES: u64 = 1 << 30;
/// Time between two drains when the endpoint names none.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);
/// Longest one that is used: an endpoint that names more is mistaken.
const MAX_INTERVAL: Duration = Duration::from_hours(1);

/// How the log carries the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marks {
    /// Marks that terminals do not show, before each line.
    Ansi,
    /// `[RFC 3339] ` before each line that is no header; header times are told on the side.
    Lines,
    /// Not at all: the bytes of the job alone; header times are told on the side.
    None,
}

/// Limits of one log stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How the log carries the time.
    pub marks: Marks,
    /// Bytes beyond which the endpoint may drop the rest; the agent says so, and sends it.
    pub max_bytes: u64,
    /// Most bytes of a chunk before compression.
    pub chunk_bytes: usize,
    /// Longest time that bytes wait for their chunk to fill up.
    pub interval: Duration,
    /// Compressed bytes that may wait for delivery in memory, and a quarter of a mebibyte more that
    /// is read back from disk; the rest waits there.
    pub memory_bytes: usize,
    /// Bytes of that, in the job's own file, before the job has to wait.
    pub spool_bytes: u64,
    /// Most uploads at the same time.
    pub uploads: usize,
    /// Longest time without any delivery. What waits by then is given up and counted as failed: an
    /// endpoint that was away for so long has given up the job itself.
    pub outage: Duration,
}

impl Settings {
    /// Defaults, with the chunk size and the interval that the endpoint gave the job.
    pub fn for_job(job: &Job, marks: Marks) -> Self {
        let chunk_bytes = match usize::try_from(job.chunks_max_size_bytes) {
            Ok(0) => DEFAULT_CHUNK_BYTES,
            Ok(bytes) => bytes.min(MAX_CHUNK_BYTES),
            Err(_) => MAX_CHUNK_BYTES,
        };
        let interval = match job.chunks_interval_seconds {
            0 => DEFAULT_INTERVAL,
            seconds => Duration::from_secs(seconds).min(MAX_INTERVAL),
        };
        Self {
            marks,
            max_bytes: match job.log_max_size_bytes {
                0 => DEFAULT_LOG_BYTES,
                bytes => bytes,
            },
            chunk_bytes,
            interval,
            memory_bytes: 4 << 20,
            spool_bytes: 1 << 30,
            uploads: 3,
            outage: Duration::from_hours(24),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_sets_size_and_interval_within_bounds() {
        for (max_size, interval, chunk_bytes, seconds) in [
            (0, 0, 102_400, 1),
            (64, 5, 64, 5),
            (u64::MAX, u64::MAX, 1 << 20, 3600),
        ] {
            let job = Job {
                chunks_max_size_bytes: max_size,
                chunks_interval_seconds: interval,
                ..Job::default()
            };
            let settings = Settings::for_job(&job, Marks::Ansi);
            assert_eq!(settings.chunk_bytes, chunk_bytes);
            assert_eq!(settings.interval.as_secs(), seconds);
        }
    }
}

//! The way out of the agent for a log.

use std::collections::BTreeMap;

use agent_metrics::{Event, Metrics};
use bytes::Bytes;
use shared_client::{Client, ClientError};
use shared_protocol::JobId;
use shared_protocol::job::ChunkPlace;
use tokio::time::Instant;

/// Delivers the parts of a log; does its own retries. May be called several times at once.
pub trait LogUpload: Clone + Send + 'static {
    /// Ends when the chunk is delivered, refused or given up.
    fn chunk(
        &self,
        place: ChunkPlace,
        gzip: Bytes,
    ) -> impl Future<Output = Result<(), ClientError>> + Send;

    /// Tells when headers came: RFC 3339 by the header's number in the log, from 0. Ends when they
    /// are delivered, refused or given up.
    fn header_times(
        &self,
        times: BTreeMap<String, String>,
    ) -> impl Future<Output = Result<(), ClientError>> + Send;

    /// Hears what waits for delivery, each time that changes: `queued` compressed bytes in memory,
    /// and `spooled` bytes that are only on disk.
    fn backlog(&self, queued: u64, spooled: u64) {
        let _ = (queued, spooled);
    }
}

/// Uploads to the endpoint of a job.
#[derive(Debug, Clone)]
pub struct JobLog {
    /// With the job's token.
    pub client: Client,
    /// Whose log it is.
    pub job: JobId,
    /// Where chunks are counted.
    pub metrics: Metrics,
}

impl LogUpload for JobLog {
    async fn chunk(&self, place: ChunkPlace, gzip: Bytes) -> Result<(), ClientError> {
        let (bytes, compressed) = (place.size, gzip.len() as u64);
        let begun = Instant::now();
        let uploaded = self.client.upload_chunk(&self.job, place, gzip).await;
        self.metrics.record(&match uploaded {
            Ok(()) => Event::ChunkUploaded {
                bytes,
                compressed,
                took: begun.elapsed(),
            },
            Err(_) => Event::ChunkFailed { bytes },
        });
        uploaded
    }

    async fn header_times(&self, times: BTreeMap<String, String>) -> Result<(), ClientError> {
        self.client.header_times(&self.job, times).await
    }

    fn backlog(&self, queued: u64, spooled: u64) {
        self.metrics.record(&Event::LogBacklog {
            job: self.job.as_str(),
            queued,
            spooled,
        });
    }
}

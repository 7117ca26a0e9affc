//! The way out of the agent for a chunk.

use agent_metrics::{Event, Metrics};
use bytes::Bytes;
use shared_client::{Client, ClientError};
use shared_protocol::JobId;
use shared_protocol::job::ChunkPlace;
use tokio::time::Instant;

/// Delivers chunks; does its own retries. May be called several times at once.
pub trait ChunkUpload: Clone + Send + 'static {
    /// Ends when the chunk is delivered, refused or given up.
    fn upload(
        &self,
        place: ChunkPlace,
        gzip: Bytes,
    ) -> impl Future<Output = Result<(), ClientError>> + Send;
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

impl ChunkUpload for JobLog {
    async fn upload(&self, place: ChunkPlace, gzip: Bytes) -> Result<(), ClientError> {
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
}

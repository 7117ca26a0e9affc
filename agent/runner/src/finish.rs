//! Exited → Finished: the whole log first, then the result. Every job that was started comes here.

use std::sync::Arc;

use jiff::Timestamp;
use shared_client::Client;
use shared_protocol::JobId;
use shared_protocol::job::FinishRequest;

use crate::JobSettings;
use crate::log::Log;
use crate::outcome::Outcome;
use crate::record::RecordFile;

/// A job whose executor has ended, or never was. The endpoint does not know yet.
#[derive(Debug)]
#[must_use]
pub struct Exited {
    pub(crate) job: JobId,
    pub(crate) client: Client,
    pub(crate) settings: Arc<JobSettings>,
    pub(crate) outcome: Outcome,
    pub(crate) log: Log,
    pub(crate) record: RecordFile,
}

/// A job that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Which.
    pub job: JobId,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether the endpoint took the result.
    pub delivered: bool,
}

impl Exited {
    /// Delivers log and result. Takes as long as the endpoint needs, within the limits of its
    /// routes; the record keeps the result for the next agent if this one does not live to see it.
    pub async fn finish(mut self) -> Finished {
        let finished_at = Timestamp::now().to_string();
        let mut request = FinishRequest {
            exit_status: self.outcome.exit_status.to_string(),
            signal: self.outcome.signal.clone(),
            signal_reason: self.outcome.reason,
            finished_at,
            // Until the log is delivered: if this agent does not live to see that, a part is missing.
            chunks_failed_count: 1,
            ignore_agent_in_dispatches: self.settings.last_job.then_some(true),
        };
        self.record.set_result(&request);
        request.chunks_failed_count = self.log.end().await;
        self.record.set_result(&request);
        let delivered = match self.client.finish(&self.job, &request).await {
            Ok(()) => {
                self.record.remove();
                true
            }
            Err(error) if error.is_refusal() => {
                tracing::warn!(job = %self.job, "the endpoint has no use for the job's result: {error}");
                self.record.remove();
                false
            }
            Err(error) => {
                let next = if self.record.is_kept() {
                    "the next start of the agent tries again"
                } else {
                    "the result is lost, for there is no state folder to keep it in"
                };
                tracing::error!(job = %self.job, "failed to report the job's result: {error}; {next}");
                false
            }
        };
        let Outcome { exit_status, .. } = self.outcome;
        tracing::info!(job = %self.job, exit_status, delivered, "job finished");
        Finished {
            job: self.job,
            outcome: self.outcome,
            delivered,
        }
    }
}

//! Exited → Finished: the whole log first, then the result. Every job that was started comes here.

use std::sync::Arc;

use jiff::Timestamp;
use shared_client::Client;
use shared_protocol::JobId;
use shared_protocol::job::FinishRequest;

use crate::JobSettings;
use crate::log::Log;
use crate::outbox::Owed;
use crate::outcome::Outcome;
use crate::records::RecordFile;
use crate::step;

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
    /// Delivers the log, as long as that takes, and then the result. When the endpoint does not
    /// take that for an hour, it is left to the outbox.
    pub async fn finish(mut self) -> Finished {
        let mut request = FinishRequest {
            exit_status: self.outcome.exit_status.to_string(),
            signal: self.outcome.signal.clone(),
            signal_reason: self.outcome.reason,
            finished_at: Timestamp::now().to_string(),
            // Until the log is delivered: if this agent does not live to see that, a part is missing.
            chunks_failed_count: 1,
            ignore_agent_in_dispatches: self.settings.last_job.then_some(true),
        };
        self.record.set_result(&request);
        step::reached("job-step.result-recorded");
        request.chunks_failed_count = self.log.end().await;
        step::reached("job-step.log-delivered");
        self.record.set_result(&request);
        step::reached("job-step.result-completed");
        let told = self.client.finish(&self.job, &request).await;
        step::reached("job-step.reported");
        let delivered = told.is_ok();
        match told {
            Ok(()) => self.record.remove(),
            Err(error) if error.is_refusal() => {
                tracing::warn!(job = %self.job, "the endpoint has no use for the job's result: {error}");
                self.record.remove();
            }
            Err(error) => {
                let kept = if self.record.is_kept() {
                    "it waits until the endpoint takes it"
                } else {
                    "it waits, and is lost if the agent ends: there is no record of it"
                };
                tracing::error!(job = %self.job, "failed to report the job's result: {error}; {kept}");
                self.settings.outbox.take(Owed {
                    record: self.record,
                    client: self.client,
                    tried: true,
                });
            }
        }
        step::reached("job-step.finished");
        let Outcome { exit_status, .. } = self.outcome;
        tracing::info!(job = %self.job, exit_status, delivered, "job finished");
        Finished {
            job: self.job,
            outcome: self.outcome,
            delivered,
        }
    }
}

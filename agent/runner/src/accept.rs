//! Offered → Accepted: the endpoint hands over the job itself, and its token. A job that was not
//! offered can be acquired instead.

use std::sync::Arc;
use std::time::Duration;

use agent_metrics::JobWatch;
use shared_client::{Client, ClientError};
use shared_protocol::job::Job;
use tokio_util::sync::CancellationToken;

use crate::facts::facts;
use crate::files::JobFiles;
use crate::records::RecordFile;
use crate::step;
use crate::{JobSettings, NotRunning, Offered};

/// A job that is this worker's now. The endpoint does not count it as running yet.
#[derive(Debug)]
#[must_use]
pub struct Accepted {
    pub(crate) job: Job,
    /// With the job's token.
    pub(crate) client: Client,
    pub(crate) settings: Arc<JobSettings>,
    pub(crate) poll_interval: Duration,
    pub(crate) stop: CancellationToken,
    /// Tells metrics of the job until it is over.
    pub(crate) watch: JobWatch,
    /// Names of the files beside it; nothing is written yet.
    pub(crate) files: JobFiles,
    pub(crate) record: RecordFile,
}

impl Offered {
    /// Accepts the job. From here on its own token is used, if it has one, and there is a record of
    /// it: an agent that dies sooner has started nothing, and the endpoint takes the job back.
    ///
    /// An agent that has to go waits for the answer half as long as for a job that is to end: then
    /// the worker disconnects, for which it needs the other half if the host or the endpoint is
    /// slow, and the endpoint takes the job back in the same way.
    pub async fn accept(self) -> Result<Accepted, NotRunning> {
        let too_late = async {
            self.stop.cancelled().await;
            tokio::time::sleep(self.settings.cancel_grace / 2).await;
        };
        let answer = tokio::select! {
            biased;
            answer = self.client.accept(&self.job) => answer,
            () = too_late => return Err(NotRunning::Stopped(self.job)),
        };
        self.accepted(answer)
    }

    /// Takes a job of this id although nobody offered it. The endpoint may ask to wait for it.
    pub async fn acquire(self) -> Result<Accepted, NotRunning> {
        let answer = self.client.acquire(&self.job).await;
        self.accepted(answer)
    }

    fn accepted(self, answer: Result<Job, ClientError>) -> Result<Accepted, NotRunning> {
        let job = match answer {
            Ok(job) => job,
            Err(error) => return Err(NotRunning::NotAccepted(self.job, error)),
        };
        let metrics = &self.settings.metrics;
        let watch = metrics.job(self.worker, || facts(&job, &self.agent_name));
        let client = self.client.with_token(&job.token);
        let files = JobFiles::name(&self.settings.context_folder, &job.id);
        let records = &self.settings.records;
        let record = records.create(&job.id, &client, files.paths());
        step::reached("job-step.accepted");
        Ok(Accepted {
            client,
            watch,
            job,
            files,
            record,
            settings: self.settings,
            poll_interval: self.poll_interval,
            stop: self.stop,
        })
    }
}

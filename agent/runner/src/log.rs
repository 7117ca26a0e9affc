//! The log of a started job: where bytes go in, and the task that delivers them.

use std::io;

use agent_log_stream::spool::{Place, recover};
use agent_log_stream::stdout::{Fields, JobCopy};
use agent_log_stream::{Ended, Files, JobLog, LogSink, Marks, Settings, Summary};
use agent_metrics::Metrics;
use jiff::Timestamp;
use shared_client::Client;
use shared_protocol::job::Job;
use tempfile::TempPath;
use tokio::task::JoinHandle;

use crate::JobSettings;
use crate::records::RecordFile;

/// The log of one job.
#[derive(Debug)]
pub(crate) struct Log {
    sink: LogSink,
    delivery: JoinHandle<Summary>,
    stdout: Option<JobCopy>,
}

impl Log {
    /// Begins the log of a job that the endpoint knows to be started. Also returns the file of its
    /// copy, if one is wanted, or why there is none.
    pub(crate) fn open(
        job: &Job,
        client: &Client,
        settings: &JobSettings,
        record: &RecordFile,
    ) -> (Self, io::Result<Option<TempPath>>) {
        let metrics = settings.metrics.clone();
        let unnamed = || Place::Unnamed(settings.context_folder.clone());
        let spool = record.log_spool().map_or_else(unnamed, Place::Named);
        let settings = &settings.log;
        let folder = settings.copy_folder.as_deref();
        let (copy, path) = match folder.map(agent_log_stream::copy::create).transpose() {
            Ok(made) => {
                let (file, path) = made.unzip();
                (file, Ok(path))
            }
            Err(error) => (None, Err(error)),
        };
        let uploader = JobLog {
            client: client.clone(),
            job: job.id.clone(),
            metrics,
        };
        let limits = Settings::for_job(job, settings.marks);
        let span = tracing::error_span!("log", job = %job.id);
        let files = Files {
            copy,
            spool: Some(spool),
            room: record.log_room().clone(),
        };
        let (sink, delivery) = span.in_scope(|| agent_log_stream::start(uploader, limits, files));
        let stdout = settings.stdout.as_ref();
        let log = Self {
            sink,
            delivery,
            stdout: stdout.map(|stdout| stdout.job(|| Fields::of(job))),
        };
        (log, path)
    }

    /// Adds what the job wrote. Waits while the log takes no more.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        let now_ms = now_ms();
        if let Some(stdout) = &mut self.stdout {
            stdout.write(bytes, now_ms).await;
        }
        self.sink.write(bytes, now_ms).await
    }

    /// Adds a line of the agent's own to the job's log. A log that ended is not the place to
    /// complain about that.
    pub(crate) async fn say(&self, text: &str) {
        let _ = self.sink.write(text.as_bytes(), now_ms()).await;
    }

    /// Waits until all of it is delivered, refused or given up. Returns how many chunks are missing.
    pub(crate) async fn end(self) -> u64 {
        if let Some(stdout) = self.stdout {
            stdout.end().await;
        }
        drop(self.sink);
        match self.delivery.await {
            Ok(summary) => summary.failed,
            Err(error) => {
                tracing::error!("failed to deliver the log: {error}");
                1
            }
        }
    }
}

/// Delivers what an agent that died left of a job's log on disk. Returns how many chunks are
/// missing, if the disk had anything to say about it.
pub(crate) async fn deliver_rest(client: &Client, file: &RecordFile) -> Option<u64> {
    let job = &file.record().accepted.job;
    let uploader = JobLog {
        client: client.clone(),
        job: job.clone(),
        metrics: Metrics::none(),
    };
    let limits = Settings::for_job(&Job::default(), Marks::None);
    match recover(&file.log_spool()?, uploader, limits, file.log_room()).await {
        Ok(summary) => summary.map(|summary| summary.failed),
        Err(error) => {
            tracing::error!(%job, "a part of the log of an earlier agent's job is lost: {error}");
            Some(1)
        }
    }
}

/// Milliseconds since 1970, as log marks carry them.
fn now_ms() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default()
}

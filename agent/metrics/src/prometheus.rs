//! Counters, gauges and histograms of an agent, as a Prometheus server scrapes them. Names, labels
//! and buckets are the peer's, so dashboards made for it work.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::exposition::{Histogram, Page, as_float, label};
use crate::process::ProcessFacts;
use crate::{Event, JobFacts, Observer};

pub use crate::exposition::CONTENT_TYPE;

/// Counts, until it is asked.
#[derive(Debug)]
pub struct Prometheus {
    counts: Mutex<Counts>,
}

/// Priority and queue of a job.
type JobLabels = (i64, String);

#[derive(Debug)]
struct Counts {
    workers_started: u64,
    workers_ended: u64,
    pings_sent: u64,
    pings_errors: u64,
    pings_actions: BTreeMap<String, u64>,
    pings_duration: Histogram,
    pings_wait: Histogram,
    jobs: BTreeMap<JobLabels, Jobs>,
    chunks_uploaded: u64,
    bytes_uploaded: u64,
    compressed_bytes_uploaded: u64,
    chunks_errored: u64,
    bytes_errored: u64,
    upload_duration: Histogram,
    chunk_size: Histogram,
}

#[derive(Debug, Default)]
struct Jobs {
    started: u64,
    ended: u64,
}

impl Default for Prometheus {
    fn default() -> Self {
        Self {
            counts: Mutex::new(Counts::new()),
        }
    }
}

impl Prometheus {
    /// All of it, in the text format that [`CONTENT_TYPE`] names, and this process's own use of
    /// the host where that is known.
    pub fn text(&self, process: Option<&ProcessFacts>) -> String {
        let mut page = Page::default();
        self.counts().write(&mut page);
        if let Some(process) = process {
            process.write(&mut page);
        }
        page.into_text()
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Prometheus {
    fn observe(&self, event: &Event<'_>) {
        self.counts().take(event);
    }
}

impl Counts {
    fn new() -> Self {
        Self {
            workers_started: 0,
            workers_ended: 0,
            pings_sent: 0,
            pings_errors: 0,
            pings_actions: BTreeMap::new(),
            pings_duration: Histogram::growing(1.0 / 64.0, 2.0, 12),
            pings_wait: Histogram::new((1..=20).map(f64::from)),
            jobs: BTreeMap::new(),
            chunks_uploaded: 0,
            bytes_uploaded: 0,
            compressed_bytes_uploaded: 0,
            chunks_errored: 0,
            bytes_errored: 0,
            upload_duration: Histogram::growing(1.0 / 64.0, 2.0, 16),
            chunk_size: Histogram::growing(256.0, 4.0, 10),
        }
    }

    fn take(&mut self, event: &Event<'_>) {
        match *event {
            Event::WorkerStarted { .. } => self.workers_started += 1,
            Event::WorkerEnded { .. } => self.workers_ended += 1,
            Event::PingSent { waited, .. } => {
                self.pings_sent += 1;
                self.pings_wait.observe(waited.as_secs_f64());
            }
            Event::PingAnswered { took, .. } => self.pings_duration.observe(took.as_secs_f64()),
            Event::PingFailed { took, .. } => {
                self.pings_errors += 1;
                self.pings_duration.observe(took.as_secs_f64());
            }
            Event::Action { action, .. } => match self.pings_actions.get_mut(action) {
                Some(count) => *count += 1,
                None => drop(self.pings_actions.insert(action.to_owned(), 1)),
            },
            Event::JobStarted { job, .. } => self.jobs_of(job).started += 1,
            Event::JobEnded { job, .. } => self.jobs_of(job).ended += 1,
            Event::ChunkUploaded {
                bytes,
                compressed,
                took,
            } => {
                self.chunks_uploaded += 1;
                self.bytes_uploaded += bytes;
                self.compressed_bytes_uploaded += compressed;
                self.upload_duration.observe(took.as_secs_f64());
                self.chunk_of(bytes);
            }
            Event::ChunkFailed { bytes } => {
                self.chunks_errored += 1;
                self.bytes_errored += bytes;
                self.chunk_of(bytes);
            }
            Event::WorkerRegistered { .. }
            | Event::ConnectFailed { .. }
            | Event::WorkerConnected { .. }
            | Event::ListensTo { .. }
            | Event::HeartbeatAnswered { .. }
            | Event::HeartbeatFailed { .. }
            | Event::JobExited { .. }
            | Event::LogBacklog { .. } => {}
        }
    }

    fn jobs_of(&mut self, job: &JobFacts) -> &mut Jobs {
        let labels = (job.priority, job.queue.clone());
        self.jobs.entry(labels).or_default()
    }

    fn chunk_of(&mut self, bytes: u64) {
        self.chunk_size.observe(as_float(bytes));
    }

    /// Families in the order of their names, as the peer has them.
    fn write(&self, page: &mut Page) {
        self.write_jobs(page);
        self.write_logs(page);
        let actions = self.pings_actions.iter();
        let actions = actions.map(|(action, count)| (label("action", action), *count));
        let help = "What workers were told to do.";
        page.labelled((names::PINGS_ACTIONS, help, "counter"), actions);
        let help = "Time from a ping to its answer or failure.";
        page.histogram(names::PINGS_DURATION, help, &self.pings_duration);
        let help = "Pings that failed.";
        page.counter(names::PINGS_ERRORS, help, self.pings_errors);
        page.counter(names::PINGS_SENT, "Pings sent.", self.pings_sent);
        let help = "Time waited before a ping.";
        page.histogram(names::PINGS_WAIT, help, &self.pings_wait);
        let help = "Workers that ended.";
        page.counter(names::WORKERS_ENDED, help, self.workers_ended);
        let help = "Workers that started.";
        page.counter(names::WORKERS_STARTED, help, self.workers_started);
    }

    fn write_jobs(&self, page: &mut Page) {
        let each = |count: fn(&Jobs) -> u64| {
            self.jobs.iter().map(move |((priority, queue), jobs)| {
                let priority = label("priority", &priority.to_string());
                let labels = format!("{priority},{}", label("queue", queue));
                (labels, count(jobs))
            })
        };
        let help = "Jobs that ended in any way.";
        let family = (names::JOBS_ENDED, help, "counter");
        page.labelled(family, each(|jobs| jobs.ended));
        let family = (names::JOBS_RUNNING, "Jobs that run.", "gauge");
        page.labelled(family, each(|jobs| jobs.started - jobs.ended));
        let family = (names::JOBS_STARTED, "Jobs that started.", "counter");
        page.labelled(family, each(|jobs| jobs.started));
    }

    fn write_logs(&self, page: &mut Page) {
        let help = "Bytes of logs delivered, before compression.";
        page.counter(names::BYTES_UPLOADED, help, self.bytes_uploaded);
        let help = "Bytes of logs given up, before compression.";
        page.counter(names::BYTES_ERRORED, help, self.bytes_errored);
        let help = "Bytes in a chunk of a log, before compression.";
        page.histogram(names::CHUNK_SIZE, help, &self.chunk_size);
        let help = "Chunks of logs given up.";
        page.counter(names::CHUNKS_ERRORED, help, self.chunks_errored);
        let help = "Chunks of logs delivered.";
        page.counter(names::CHUNKS_UPLOADED, help, self.chunks_uploaded);
        let help = "Bytes of logs delivered, after compression.";
        page.counter(names::COMPRESSED, help, self.compressed_bytes_uploaded);
        let help = "Time to deliver a chunk of a log, with all tries.";
        page.histogram(names::UPLOAD_DURATION, help, &self.upload_duration);
    }
}

/// Names as the peer has them, `_total` on histograms included.
mod names {
    pub(super) const JOBS_ENDED: &str = "buildkite_agent_jobs_ended_total";
    pub(super) const JOBS_RUNNING: &str = "buildkite_agent_jobs_running";
    pub(super) const JOBS_STARTED: &str = "buildkite_agent_jobs_started_total";
    pub(super) const BYTES_UPLOADED: &str = "buildkite_agent_logs_bytes_uploaded_total";
    pub(super) const BYTES_ERRORED: &str = "buildkite_agent_logs_bytes_uploads_errored_total";
    pub(super) const CHUNK_SIZE: &str = "buildkite_agent_logs_chunk_size_bytes";
    pub(super) const CHUNKS_ERRORED: &str = "buildkite_agent_logs_chunk_uploads_errored_total";
    pub(super) const CHUNKS_UPLOADED: &str = "buildkite_agent_logs_chunks_uploaded_total";
    pub(super) const COMPRESSED: &str = "buildkite_agent_logs_compressed_bytes_uploaded_total";
    pub(super) const UPLOAD_DURATION: &str = "buildkite_agent_logs_upload_duration_seconds_total";
    pub(super) const PINGS_ACTIONS: &str = "buildkite_agent_pings_actions_total";
    pub(super) const PINGS_DURATION: &str = "buildkite_agent_pings_duration_seconds_total";
    pub(super) const PINGS_ERRORS: &str = "buildkite_agent_pings_errors_total";
    pub(super) const PINGS_SENT: &str = "buildkite_agent_pings_sent_total";
    pub(super) const PINGS_WAIT: &str = "buildkite_agent_pings_wait_duration_seconds_total";
    pub(super) const WORKERS_ENDED: &str = "buildkite_agent_workers_ended_total";
    pub(super) const WORKERS_STARTED: &str = "buildkite_agent_workers_started_total";
}

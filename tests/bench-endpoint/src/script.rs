//! What the endpoint answers and what it counts. Pure: `now` is the time since its start.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use crate::log::{Log, Place};

/// What is to happen.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Plan {
    /// Jobs to hand out.
    #[arg(long, default_value_t = 0)]
    jobs: usize,
    /// Command of each.
    #[arg(long, default_value = "true")]
    command: String,
    /// Seconds between two pings of a worker.
    #[arg(long, default_value_t = 2)]
    ping_interval: u64,
    /// Answer 503 to everything for so many seconds from the first chunk on.
    #[arg(long, default_value_t = 0)]
    away: u64,
    /// Decompress logs, and look for so many bytes of `print` in them.
    #[arg(long)]
    printed: Option<u64>,
}

/// What came, as one line of JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    /// Connections that were opened to the endpoint.
    connections: u64,
    /// Requests by their kind; `away` are those that met a 503.
    requests: BTreeMap<&'static str, u64>,
    /// Jobs that have finished, in that order.
    jobs: Vec<JobSummary>,
    /// All logs together.
    log: crate::log::Summary,
}

#[derive(Debug, Clone, Serialize)]
struct JobSummary {
    /// Microseconds since the endpoint's start.
    accepted_us: u64,
    finished_us: u64,
    exit_status: String,
}

/// The state of the endpoint.
#[derive(Debug)]
pub(crate) struct Script {
    plan: Plan,
    first_chunk: Option<Duration>,
    connections: u64,
    workers: u64,
    offered: usize,
    requests: BTreeMap<&'static str, u64>,
    accepted: BTreeMap<String, u64>,
    finished: Vec<JobSummary>,
    logs: BTreeMap<String, Log>,
}

impl Script {
    pub(crate) fn new(plan: Plan) -> Self {
        Self {
            plan,
            first_chunk: None,
            connections: 0,
            workers: 0,
            offered: 0,
            requests: BTreeMap::new(),
            accepted: BTreeMap::new(),
            finished: Vec::new(),
            logs: BTreeMap::new(),
        }
    }

    pub(crate) fn connected(&mut self) {
        self.connections += 1;
    }

    /// Counts a request; false if it is to meet a 503.
    pub(crate) fn admits(&mut self, kind: &'static str, now: Duration) -> bool {
        let span = Duration::from_secs(self.plan.away);
        let away = self.first_chunk.is_some_and(|at| now < at + span);
        *self.requests.entry(kind).or_default() += 1;
        if kind == "chunk" {
            self.first_chunk.get_or_insert(now);
        }
        if away {
            *self.requests.entry("away").or_default() += 1;
        }
        !away
    }

    pub(crate) fn register(&mut self) -> Value {
        self.workers += 1;
        let number = self.workers;
        json!({
            "id": format!("worker-{number}"),
            "name": format!("worker-{number}"),
            "access_token": format!("token-of-worker-{number}"),
            "ping_interval": self.plan.ping_interval,
            "job_status_interval": 5,
            "heartbeat_interval": 60,
        })
    }

    /// A job, as long as there are any.
    pub(crate) fn ping(&mut self) -> Value {
        if self.offered == self.plan.jobs {
            return json!({});
        }
        self.offered += 1;
        json!({"job": {"id": format!("job-{}", self.offered)}})
    }

    pub(crate) fn accept(&mut self, job: &str, now: Duration) -> Value {
        self.accepted.insert(job.to_owned(), micros(now));
        json!({
            "id": job,
            "state": "accepted",
            "token": format!("token-of-{job}"),
            "chunks_max_size_bytes": 102_400,
            "chunks_interval_seconds": 1,
            "env": {
                "BUILDKITE_COMMAND": self.plan.command,
                "BUILDKITE_SKIP_CHECKOUT": "true",
                "BUILDKITE_JOB_ID": job,
                "BUILDKITE_AGENT_NAME": "bench",
                "BUILDKITE_REPO": "/nowhere.git",
                "BUILDKITE_PIPELINE_PROVIDER": "git",
                "BUILDKITE_BRANCH": "main",
                "BUILDKITE_COMMIT": "HEAD",
                "BUILDKITE_PIPELINE_SLUG": "bench",
                "BUILDKITE_ORGANIZATION_SLUG": "bench",
                // Found by their names, and hidden.
                "REGISTRY_PASSWORD": "the password of a registry",
                "DEPLOY_TOKEN": "a-token-that-no-log-may-show-0123456789abcdef",
                "SERVICE_SECRET": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
            },
        })
    }

    pub(crate) fn chunk(&mut self, job: &str, place: Place, gzip: Bytes) {
        let printed = self.plan.printed;
        let log = self.logs.entry(job.to_owned());
        log.or_insert_with(|| Log::new(printed)).take(place, gzip);
    }

    /// Whether that was the last of all jobs.
    pub(crate) fn finish(&mut self, job: &str, body: &Value, now: Duration) -> bool {
        let exit_status = &body["exit_status"];
        if let Some(accepted_us) = self.accepted.remove(job) {
            self.finished.push(JobSummary {
                accepted_us,
                finished_us: micros(now),
                exit_status: exit_status.as_str().unwrap_or_default().to_owned(),
            });
        }
        self.finished.len() == self.plan.jobs
    }

    pub(crate) fn summary(&self) -> String {
        let mut log = crate::log::Summary::default();
        for each in self.logs.values() {
            log.add(each.summary());
        }
        let summary = Summary {
            connections: self.connections,
            requests: self.requests.clone(),
            jobs: self.finished.clone(),
            log,
        };
        serde_json::to_string(&summary).expect("numbers and text")
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

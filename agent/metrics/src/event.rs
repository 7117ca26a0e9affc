//! What can happen. Pure data.

use std::collections::BTreeMap;
use std::time::Duration;

/// Something that happened. Workers are named by their number in the pool, from 1 on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event<'a> {
    /// A worker begins: it is about to register.
    WorkerStarted {
        /// Which.
        worker: u32,
    },
    /// The endpoint knows a worker now.
    WorkerRegistered {
        /// Which.
        worker: u32,
        /// Its id at the endpoint.
        id: &'a str,
        /// Its name at the endpoint.
        name: &'a str,
        /// Mean time between its pings.
        ping_interval: Duration,
        /// Time between its heartbeats.
        heartbeat_interval: Duration,
    },
    /// A worker tried to register or to connect, and the endpoint did not let it. It tries again.
    ConnectFailed {
        /// Which.
        worker: u32,
        /// Why.
        error: &'a str,
    },
    /// A worker is connected and waits for work.
    WorkerConnected {
        /// Which.
        worker: u32,
    },
    /// A worker is gone, for whatever reason.
    WorkerEnded {
        /// Which.
        worker: u32,
    },
    /// Where a worker learns what to do next, from now on.
    ListensTo {
        /// Which.
        worker: u32,
        /// To what.
        source: Source,
    },
    /// A worker has waited and pings now.
    PingSent {
        /// Which.
        worker: u32,
        /// Since the last ping, or since the last job ended.
        waited: Duration,
    },
    /// A ping was answered.
    PingAnswered {
        /// Which.
        worker: u32,
        /// From request to answer.
        took: Duration,
    },
    /// A ping failed.
    PingFailed {
        /// Which.
        worker: u32,
        /// From request to failure.
        took: Duration,
        /// Why.
        error: &'a str,
    },
    /// A worker does what it was told, by ping or by stream.
    Action {
        /// Which.
        worker: u32,
        /// The endpoint's word: `idle` (which includes a job), `pause`, `disconnect`, or one that
        /// this version does not know.
        action: &'a str,
    },
    /// The endpoint took a heartbeat.
    HeartbeatAnswered {
        /// Whose.
        worker: u32,
    },
    /// The endpoint did not take a heartbeat.
    HeartbeatFailed {
        /// Whose.
        worker: u32,
        /// Why.
        error: &'a str,
    },
    /// A worker has a job.
    JobStarted {
        /// Which worker.
        worker: u32,
        /// Which job.
        job: &'a JobFacts,
    },
    /// A job's executor has ended, or never was. Not recorded for a job that the endpoint did not
    /// let start.
    JobExited {
        /// Which worker.
        worker: u32,
        /// Which job.
        job: &'a JobFacts,
        /// As the endpoint is told; −1 if no status tells.
        exit_status: i32,
        /// Since the job started.
        took: Duration,
    },
    /// A worker is done with a job, in any way.
    JobEnded {
        /// Which worker.
        worker: u32,
        /// Which job.
        job: &'a JobFacts,
    },
    /// The endpoint has a chunk of a log.
    ChunkUploaded {
        /// Before compression.
        bytes: u64,
        /// After it.
        compressed: u64,
        /// With all tries.
        took: Duration,
    },
    /// A chunk of a log was refused or given up.
    ChunkFailed {
        /// Before compression.
        bytes: u64,
    },
    /// What a job's log still has to deliver.
    LogBacklog {
        /// Whose log.
        job: &'a str,
        /// Compressed bytes in memory.
        queued: u64,
        /// Bytes on disk.
        spooled: u64,
    },
}

impl Event<'_> {
    /// The number of the worker it happened to; none for what happens to a log.
    pub fn worker(&self) -> Option<u32> {
        match *self {
            Self::WorkerStarted { worker }
            | Self::WorkerRegistered { worker, .. }
            | Self::ConnectFailed { worker, .. }
            | Self::WorkerConnected { worker }
            | Self::WorkerEnded { worker }
            | Self::ListensTo { worker, .. }
            | Self::PingSent { worker, .. }
            | Self::PingAnswered { worker, .. }
            | Self::PingFailed { worker, .. }
            | Self::Action { worker, .. }
            | Self::HeartbeatAnswered { worker }
            | Self::HeartbeatFailed { worker, .. }
            | Self::JobStarted { worker, .. }
            | Self::JobExited { worker, .. }
            | Self::JobEnded { worker, .. } => Some(worker),
            Self::ChunkUploaded { .. } | Self::ChunkFailed { .. } | Self::LogBacklog { .. } => None,
        }
    }
}

/// Where a worker learns what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Source {
    /// It asks, again and again.
    #[default]
    Polling,
    /// It is told, over a connection that stays open.
    Stream,
}

/// What a job is known by in metrics.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobFacts {
    /// Its id.
    pub id: String,
    /// Name of the worker that runs it.
    pub agent_name: String,
    /// Slug of its organization.
    pub organization: String,
    /// Slug of its pipeline.
    pub pipeline: String,
    /// Its branch.
    pub branch: String,
    /// What its build came from, such as `webhook`.
    pub source: String,
    /// The queue it was taken from.
    pub queue: String,
    /// Its priority among others.
    pub priority: i64,
    /// From the moment it could have run to the moment it was started, if the endpoint says.
    pub waited: Option<Duration>,
}

impl JobFacts {
    /// The facts that stand in a job's own environment; the others are empty.
    pub fn from_env(env: &BTreeMap<String, String>) -> Self {
        let get = |name: &str| env.get(name).cloned().unwrap_or_default();
        Self {
            agent_name: get("BUILDKITE_AGENT_NAME"),
            organization: get("BUILDKITE_ORGANIZATION_SLUG"),
            pipeline: get("BUILDKITE_PIPELINE_SLUG"),
            branch: get("BUILDKITE_BRANCH"),
            source: get("BUILDKITE_SOURCE"),
            queue: get("BUILDKITE_AGENT_META_DATA_QUEUE"),
            ..Self::default()
        }
    }
}

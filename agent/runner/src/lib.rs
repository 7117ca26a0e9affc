//! One job, the agent's side of it.
//!
//! ```text
//! Offered ──accept──▶ Accepted ──start──▶ Running ──stream──▶ Exited ──finish──▶ Finished
//!    │                   │                   ▲                   ▲
//!    │ no longer ours    │ endpoint says no  │ cancel, stop      │ could not be started
//!    ▼                   ▼                   │                   │
//! NotRunning ◀───────────┘              (signals, grace)      Accepted
//! ```
//!
//! Each state owns its data and is consumed by the step to the next, which lies in the file of that
//! name. Once the endpoint knows that a job has started, `finish` is the only way out, also for a
//! job that could not be run: so the endpoint always hears. What the agent needs to keep that
//! promise after a crash of its own is in the job's [`record`], and [`recover`] makes it good. A
//! result that the endpoint does not take for an hour goes to the [`outbox`], and the worker goes on.
//!
//! This crate does not decide which jobs to take, and it never sees the registration token.

pub mod check;
pub mod environment;
pub mod outbox;
pub mod outcome;
pub mod record;
pub mod records;
pub mod recover;
pub mod trace;

mod accept;
mod cancel;
mod env_file;
mod facts;
mod files;
mod finish;
mod log;
mod record_name;
mod start;
mod step;
mod stream;
mod sweep;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agent_log_stream::Marks;
use agent_log_stream::stdout::Stdout;
use agent_metrics::Metrics;
use agent_process::Signal;
use shared_client::{Client, ClientError};
use shared_protocol::JobId;
use tokio_util::sync::CancellationToken;

pub use accept::Accepted;
pub use finish::{Exited, Finished};
pub use start::Started;
pub use stream::Running;

use crate::check::Checks;
use crate::environment::AgentVariables;
use crate::outbox::Outbox;
use crate::records::Records;

/// What an executor's output goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutorOutput {
    /// A pipe: bytes as they are.
    Pipe,
    /// A terminal that ends lines as terminals do, for a program of the user's own.
    Terminal,
    /// A pipe beside a terminal, for our executor: the commands it runs have terminals of their
    /// own. Its own is there to hang up when the agent is gone.
    PipeWithTerminal,
}

/// What becomes of the logs of jobs, beside their way to the endpoint.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// How they carry the time.
    pub marks: Marks,
    /// Folder for a copy in a file, which the job finds by `$BUILDKITE_JOB_LOG_TMPFILE`.
    pub copy_folder: Option<PathBuf>,
    /// Copy on the agent's standard output.
    pub stdout: Option<Stdout>,
}

/// What all jobs of an agent have in common.
#[derive(Debug, Clone)]
pub struct JobSettings {
    /// Program and arguments that run a job, such as this very program and `bootstrap`.
    pub executor: Vec<OsString>,
    /// Folder the executor is started in.
    pub build_path: PathBuf,
    /// Folder of the files beside a job.
    pub context_folder: PathBuf,
    /// Whether the file of a job's variables begins with the names of the agent's settings, so that
    /// containers get those as well.
    pub settings_in_env_file: bool,
    /// What the executor writes to.
    pub output: ExecutorOutput,
    /// What becomes of logs.
    pub log: LogSettings,
    /// Signal that asks an executor to end.
    pub cancel_signal: Signal,
    /// Time between that and the end nobody can refuse.
    pub cancel_grace: Duration,
    /// What a job has to pass before it runs.
    pub checks: Arc<Checks>,
    /// What jobs find in their environment.
    pub variables: AgentVariables,
    /// Tells the endpoint at the end of a job not to offer this worker another one.
    pub last_job: bool,
    /// Where running jobs are recorded.
    pub records: Records,
    /// Where it is told what happens.
    pub metrics: Metrics,
    /// Takes results that the endpoint does not take.
    pub outbox: Outbox,
}

/// A job that the endpoint offers to a worker.
#[derive(Debug)]
pub struct Offered {
    /// Which.
    pub job: JobId,
    /// The worker's client.
    pub client: Client,
    /// What all jobs have in common.
    pub settings: Arc<JobSettings>,
    /// Time between two polls of the job's state.
    pub poll_interval: Duration,
    /// Cancelled when the agent has to go now: the job is stopped.
    pub stop: CancellationToken,
    /// The worker's number, from 1, for metrics.
    pub worker: u32,
    /// The worker's name at the endpoint, for metrics.
    pub agent_name: Arc<str>,
}

/// Why an offered job is not run by this worker. The endpoint decides what becomes of it.
#[derive(Debug, thiserror::Error)]
pub enum NotRunning {
    /// It could not be accepted: somebody else has it, or nobody answers.
    #[error("failed to accept job {0}: {1}")]
    NotAccepted(JobId, #[source] ClientError),
    /// The agent had to go before the endpoint had answered.
    #[error("failed to accept job {0}: the agent had to stop before the endpoint answered")]
    Stopped(JobId),
    /// The endpoint would not have it started, for example because it was canceled meanwhile.
    #[error("failed to start job {0}: {1}")]
    NotStarted(JobId, #[source] ClientError),
}

/// Takes an offered job through all its steps. Must not be dropped half-way: to stop it early,
/// cancel [`Offered::stop`].
pub async fn run(offered: Offered) -> Result<Finished, NotRunning> {
    offered.accept().await?.run().await
}

impl Accepted {
    /// Takes the job through all its further steps. Must not be dropped half-way either.
    pub async fn run(mut self) -> Result<Finished, NotRunning> {
        let watch = std::mem::take(&mut self.watch);
        let exited = match self.start().await? {
            Started::Running(running) => running.stream().await,
            Started::NotRun(exited) => *exited,
        };
        watch.exited(exited.outcome.exit_status);
        Ok(exited.finish().await)
    }
}

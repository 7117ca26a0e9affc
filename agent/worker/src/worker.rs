//! One worker from registration to disconnect.

use std::sync::Arc;
use std::time::Duration;

use agent_metrics::Event;
use agent_ping_stream::StreamError;
use agent_runner::NotRunning;
use shared_client::{ClientError, EndpointError};
use shared_protocol::JobId;
use shared_protocol::agent::RegisterResponse;
use tracing::Instrument as _;

use crate::action::Leave;
use crate::heartbeat;
use crate::leash::{Leash, Registered, Report};
use crate::line::Line;
use crate::ping;
use crate::pool::Settings;
use crate::register;
use crate::serve::serve;
use crate::slots::Activity;

/// Between two rounds of registration attempts, when the agent is to outlive any outage.
const NEXT_ROUND: Duration = Duration::from_secs(10);

/// Why a worker had to end.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The endpoint would not have it.
    #[error("failed to register: {0}")]
    Register(#[source] ClientError),
    /// The endpoint named another one that cannot be used.
    #[error("failed to register: {0}")]
    Endpoint(#[from] EndpointError),
    /// The endpoint registered it and would not have it connect.
    #[error("failed to connect: {0}")]
    Connect(#[source] ClientError),
    /// The endpoint does not know it any more.
    #[error("failed to ping: {0}")]
    Ping(#[source] ClientError),
    /// There is no stream, and it may not poll.
    #[error("failed to stream pings: {0}; --ping-mode auto would poll instead")]
    Stream(#[source] StreamError),
    /// The endpoint does not know it any more.
    #[error("failed to send a heartbeat: {0}")]
    Heartbeat(#[source] ClientError),
    /// The endpoint does not let it have the job it was there to acquire.
    #[error("job {0} was rejected: {1}")]
    Rejected(JobId, #[source] ClientError),
    /// The job it was there to acquire kept waiting for another one.
    #[error("job {0} stayed locked: {1}")]
    Locked(JobId, #[source] ClientError),
    /// The job it was there to acquire could not be run.
    #[error("failed to acquire a job: {0}")]
    Acquire(#[source] NotRunning),
    /// It was told to stop before it had acquired its job.
    #[error("failed to acquire job {0}: the agent was told to stop first")]
    NotAcquired(JobId),
    /// A defect of this program.
    #[error("worker {0} ended by a defect; please report it")]
    Panicked(usize),
}

impl WorkerError {
    /// Why the job was not acquired and run. 422 is the endpoint's last word about it.
    pub(crate) fn of_acquire(error: NotRunning) -> Self {
        match error {
            NotRunning::NotAccepted(job, error) if error.status() == Some(422) => {
                Self::Rejected(job, error)
            }
            NotRunning::NotAccepted(job, error) if error.is_lock() => Self::Locked(job, error),
            error => Self::Acquire(error),
        }
    }
}

/// How a worker ended.
#[derive(Debug)]
pub(crate) enum End {
    /// It was asked to leave.
    Dismissed,
    /// Of its own accord, or of the endpoint's.
    Left(Leave),
    /// By an error.
    Failed(WorkerError),
}

/// A worker that is about to register.
pub(crate) struct Worker {
    pub(crate) settings: Arc<Settings>,
    pub(crate) leash: Leash,
}

impl Worker {
    pub(crate) async fn run(mut self) -> End {
        let registered = match self.register().await {
            Ok(Some(registered)) => registered,
            Ok(None) => return End::Dismissed,
            Err(error) => return End::Failed(error),
        };
        let home = match self.settings.client.for_worker(&registered) {
            Ok(client) => client,
            Err(error) => return End::Failed(error.into()),
        };
        let line = Line::new(home.clone());
        let span = tracing::info_span!("worker", agent = %registered.name);
        async {
            let end = if self.leash.may_connect().await {
                self.serve(&line, &registered).await
            } else {
                End::Dismissed
            };
            // Where it connected, wherever pings have sent it since: decision 0012.
            if let Err(error) = home.disconnect().await {
                tracing::warn!("failed to disconnect: {error}");
            }
            end
        }
        .instrument(span)
        .await
    }

    async fn serve(mut self, line: &Line, registered: &RegisterResponse) -> End {
        match self.connect(line).await {
            Ok(true) => serve(self.settings, self.leash, line.clone(), registered).await,
            Ok(false) => End::Dismissed,
            Err(error) => End::Failed(error),
        }
    }

    /// Registers; `None` when it was asked to leave first.
    async fn register(&mut self) -> Result<Option<RegisterResponse>, WorkerError> {
        let request = register::request(&self.settings.identity, self.leash.slot + 1);
        loop {
            let registering = self.settings.client.register(&request);
            let Some(answer) = self.leash.in_turn(registering).await else {
                return Ok(None);
            };
            match answer {
                Ok(registered) => {
                    tracing::info!(agent = %registered.name, id = %registered.id, "registered");
                    self.registered(&registered).await;
                    return Ok(Some(registered));
                }
                Err(error) if error.is_retryable() && self.settings.outlive_outages => {
                    self.not_connected(&error).await;
                    tokio::select! {
                        biased;
                        () = self.leash.dismissed() => return Ok(None),
                        () = tokio::time::sleep(NEXT_ROUND) => {}
                    }
                }
                Err(error) => return Err(WorkerError::Register(error)),
            }
        }
    }

    async fn registered(&mut self, registered: &RegisterResponse) {
        let (id, name) = (registered.id.as_str(), registered.name.as_str());
        self.leash.record(|worker| Event::WorkerRegistered {
            worker,
            id,
            name,
            ping_interval: ping::interval(registered.ping_interval),
            heartbeat_interval: heartbeat::interval(registered.heartbeat_interval),
        });
        self.leash.answered().await;
        let known = Registered {
            id: id.to_owned(),
            name: name.to_owned(),
        };
        self.leash.report(Report::Registered(known)).await;
    }

    /// Connects; false when it was asked to leave first.
    async fn connect(&mut self, line: &Line) -> Result<bool, WorkerError> {
        let client = line.client();
        loop {
            let Some(answer) = self.leash.in_turn(client.connect()).await else {
                return Ok(false);
            };
            match answer {
                Ok(()) => {
                    self.leash
                        .record(|worker| Event::WorkerConnected { worker });
                    self.leash.activity(Activity::Ready { since: None }).await;
                    return Ok(true);
                }
                Err(error) if error.is_retryable() && self.settings.outlive_outages => {
                    self.not_connected(&error).await;
                }
                Err(error) => return Err(WorkerError::Connect(error)),
            }
        }
    }

    /// The endpoint does not answer; there will be another attempt.
    async fn not_connected(&mut self, error: &ClientError) {
        let text = error.to_string();
        self.leash.record(|worker| Event::ConnectFailed {
            worker,
            error: &text,
        });
        self.leash.failed(error).await;
    }
}

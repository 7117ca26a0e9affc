//! One worker from registration to disconnect.

use std::sync::Arc;
use std::time::Duration;

use agent_runner::Offered;
use shared_client::{Client, ClientError, Endpoint, EndpointError, Pacing as _, RealPacing};
use shared_protocol::JobId;
use shared_protocol::agent::{PingAction, PingResponse, RegisterResponse};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::action::{self, Failure, Leave, Next};
use crate::heartbeat;
use crate::ping::PingSchedule;
use crate::pool::Settings;
use crate::register;
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
    /// The endpoint does not know it any more.
    #[error("failed to send a heartbeat: {0}")]
    Heartbeat(#[source] ClientError),
    /// A defect of this program.
    #[error("worker {0} ended by a defect; please report it")]
    Panicked(usize),
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

/// What a worker tells its pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Report {
    /// What it does now.
    Activity(Activity),
    /// A job is over.
    JobDone,
    /// The endpoint answered an authenticated request.
    Answered,
    /// It did not; the text is for the log.
    Failed(String),
}

/// A worker that is about to register.
pub(crate) struct Worker {
    /// Number, from 0.
    pub(crate) slot: usize,
    pub(crate) settings: Arc<Settings>,
    /// Shared by all workers. Reports are small and the pool only ever waits for them.
    pub(crate) reports: mpsc::Sender<(usize, Report)>,
    /// False asks the worker to leave as soon as it has no job; true again takes that back.
    pub(crate) stay: watch::Receiver<bool>,
    /// Cancelled when the worker's job is to be stopped and the worker to go.
    pub(crate) quit: CancellationToken,
}

impl Worker {
    pub(crate) async fn run(mut self) -> End {
        let registered = match self.register().await {
            Ok(Some(registered)) => registered,
            Ok(None) => return End::Dismissed,
            Err(error) => return End::Failed(error),
        };
        let client = match self.settings.client.for_worker(&registered) {
            Ok(client) => client,
            Err(error) => return End::Failed(error.into()),
        };
        let span = tracing::info_span!("worker", agent = %registered.name);
        async {
            let end = match self.connect(&client).await {
                Ok(true) => self.serve(client.clone(), &registered).await,
                Ok(false) => (End::Dismissed, client),
                Err(error) => (End::Failed(error), client),
            };
            let (end, client) = end;
            if let Err(error) = client.disconnect().await {
                tracing::warn!("failed to disconnect: {error}");
            }
            end
        }
        .instrument(span)
        .await
    }

    /// Registers; `None` when it was asked to leave first.
    async fn register(&mut self) -> Result<Option<RegisterResponse>, WorkerError> {
        let settings = Arc::clone(&self.settings);
        let request = register::request(&settings.identity, self.slot + 1);
        loop {
            let answer = tokio::select! {
                biased;
                () = dismissed(&mut self.stay, &self.quit) => return Ok(None),
                answer = settings.client.register(&request) => answer,
            };
            match answer {
                Ok(registered) => {
                    tracing::info!(agent = %registered.name, id = %registered.id, "registered");
                    self.report(Report::Answered).await;
                    return Ok(Some(registered));
                }
                Err(error) if error.is_retryable() && settings.outlive_outages => {
                    self.report(Report::Failed(error.to_string())).await;
                    tokio::select! {
                        biased;
                        () = dismissed(&mut self.stay, &self.quit) => return Ok(None),
                        () = tokio::time::sleep(NEXT_ROUND) => {}
                    }
                }
                Err(error) => return Err(WorkerError::Register(error)),
            }
        }
    }

    /// Connects; false when it was asked to leave first.
    async fn connect(&mut self, client: &Client) -> Result<bool, WorkerError> {
        loop {
            let answer = tokio::select! {
                biased;
                () = dismissed(&mut self.stay, &self.quit) => return Ok(false),
                answer = client.connect() => answer,
            };
            match answer {
                Ok(()) => {
                    self.report(Report::Activity(Activity::Ready { since: None }))
                        .await;
                    return Ok(true);
                }
                Err(error) if error.is_retryable() && self.settings.outlive_outages => {
                    self.report(Report::Failed(error.to_string())).await;
                }
                Err(error) => return Err(WorkerError::Connect(error)),
            }
        }
    }

    /// Pings and runs jobs, with heartbeats beside. Gives back the client to disconnect with.
    async fn serve(&mut self, client: Client, registered: &RegisterResponse) -> (End, Client) {
        let beating = client.clone();
        let quit = self.quit.clone();
        let serving = Serving {
            schedule: PingSchedule::new(registered.ping_interval, Instant::now()),
            poll_interval: Duration::from_secs(registered.job_status_interval),
            client,
            ran_one: false,
            idle_since: None,
            retry_after: None,
            worker: self,
        };
        let mut pings = std::pin::pin!(serving.run());
        let beats = heartbeat::run(&beating, registered.heartbeat_interval);
        tokio::select! {
            end = &mut pings => end,
            error = beats => {
                // The endpoint gave this worker up: its job belongs to somebody else soon.
                quit.cancel();
                let (_, client) = pings.await;
                (End::Failed(WorkerError::Heartbeat(error)), client)
            }
        }
    }

    async fn report(&self, report: Report) {
        // A pool that is gone has dropped its workers too.
        let _ = self.reports.send((self.slot, report)).await;
    }
}

/// Ends when the worker should go.
async fn dismissed(stay: &mut watch::Receiver<bool>, quit: &CancellationToken) {
    tokio::select! {
        // A pool that is gone wants nobody.
        _ = stay.wait_for(|stay| !stay) => {}
        () = quit.cancelled() => {}
    }
}

/// A connected worker.
struct Serving<'a> {
    worker: &'a mut Worker,
    client: Client,
    schedule: PingSchedule,
    poll_interval: Duration,
    /// In disconnect-after-job mode, whether that job was.
    ran_one: bool,
    idle_since: Option<Instant>,
    retry_after: Option<Duration>,
}

impl Serving<'_> {
    async fn run(mut self) -> (End, Client) {
        loop {
            let Some(answer) = self.ping().await else {
                return (End::Dismissed, self.client);
            };
            let next = match answer {
                Ok(ping) => self.answered(&ping).await,
                Err(error) => match self.failed(error).await {
                    Ok(()) => continue,
                    Err(error) => return (End::Failed(error), self.client),
                },
            };
            match next {
                Next::Idle => {
                    let since = *self.idle_since.get_or_insert_with(Instant::now);
                    self.activity(Activity::Ready { since: Some(since) }).await;
                }
                Next::Pause => {
                    self.idle_since = None;
                    self.activity(Activity::Paused).await;
                }
                Next::Leave(why) => return (End::Left(why), self.client),
                Next::Run(job) => self.run_job(job).await,
            }
        }
    }

    /// The next ping's answer; `None` when the worker was asked to leave. A ping under way is not
    /// waited for then: a job that it brings is still the endpoint's to give.
    async fn ping(&mut self) -> Option<Result<PingResponse, ClientError>> {
        let now = Instant::now();
        let due = self.schedule.next(now, RealPacing.random());
        let due = PingSchedule::not_before(due, now, self.retry_after.take());
        let client = self.client.clone();
        let ping = async {
            tokio::time::sleep_until(due).await;
            client.ping().await
        };
        let Worker { stay, quit, .. } = self.worker;
        tokio::select! {
            biased;
            () = dismissed(stay, quit) => None,
            answer = ping => Some(answer),
        }
    }

    async fn answered(&mut self, first: &PingResponse) -> Next {
        self.worker.report(Report::Answered).await;
        let moved = self.move_endpoint(first).await;
        let response = moved.as_ref().unwrap_or(first);
        if !response.message.is_empty() {
            tracing::info!("message from the endpoint: {}", response.message);
        }
        if let PingAction::Other(word) = &response.action {
            tracing::warn!("the endpoint asks for {word:?}, which this version does not know");
        }
        action::next(response, self.ran_one)
    }

    /// Tries the endpoint that a ping names, and stays there if it answers.
    async fn move_endpoint(&mut self, ping: &PingResponse) -> Option<PingResponse> {
        let wanted = &ping.endpoint;
        if wanted.is_empty() {
            return None;
        }
        let endpoint = match Endpoint::parse(wanted) {
            Ok(endpoint) if endpoint == *self.client.endpoint() => return None,
            Ok(endpoint) => endpoint,
            Err(error) => {
                tracing::warn!("the endpoint names another one: {error}; staying");
                return None;
            }
        };
        let there = self.client.with_endpoint(endpoint);
        match there.ping().await {
            Ok(ping) => {
                tracing::info!(endpoint = %there.endpoint(), "moved to another endpoint");
                self.client = there;
                Some(ping)
            }
            Err(error) => {
                tracing::warn!("the endpoint names another one: {error}; staying");
                None
            }
        }
    }

    async fn failed(&mut self, error: ClientError) -> Result<(), WorkerError> {
        match action::failure(&error) {
            Failure::Refused => Err(WorkerError::Ping(error)),
            Failure::Passing => {
                self.retry_after = error.retry_after();
                self.worker.report(Report::Failed(error.to_string())).await;
                Ok(())
            }
        }
    }

    async fn run_job(&mut self, job: JobId) {
        self.idle_since = None;
        self.activity(Activity::Busy).await;
        let settings = &self.worker.settings;
        let offered = Offered {
            job,
            client: self.client.clone(),
            settings: Arc::clone(&settings.jobs),
            poll_interval: self.poll_interval,
            stop: self.worker.quit.clone(),
        };
        // On the heap while it runs: idle workers are many, and this is most of a worker's size.
        let finished = Box::pin(agent_runner::run(offered)).await;
        match finished {
            Ok(_) => {
                self.ran_one = settings.one_job;
                self.schedule.restart(Instant::now());
                self.worker.report(Report::JobDone).await;
            }
            Err(error) => tracing::warn!("{error}"),
        }
        self.activity(Activity::Ready { since: None }).await;
    }

    async fn activity(&self, activity: Activity) {
        self.worker.report(Report::Activity(activity)).await;
    }
}

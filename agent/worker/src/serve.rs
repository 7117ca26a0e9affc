//! A connected worker: it does what its [`Source`] says, one thing at a time, with heartbeats
//! beside. The job that it may be there to acquire comes first.

use std::sync::Arc;
use std::time::Duration;

use agent_metrics::Event;
use agent_runner::{Finished, JobSettings, NotRunning, Offered};
use shared_protocol::JobId;
use shared_protocol::agent::RegisterResponse;
use tokio::time::{Instant, sleep_until};

use crate::action::{self, Action, Leave, Next};
use crate::heartbeat;
use crate::leash::{Leash, Report};
use crate::line::Line;
use crate::ping::LONGEST_INTERVAL;
use crate::pool::Settings;
use crate::slots::Activity;
use crate::source::{Source, Step};
use crate::worker::{End, WorkerError};

/// Serves until the worker is to disconnect. Heartbeats go on as long.
pub(crate) async fn serve(
    settings: Arc<Settings>,
    leash: Leash,
    line: Line,
    registered: &RegisterResponse,
) -> End {
    let tie = leash.clone();
    let serving = Serving {
        jobs: jobs(&settings, registered),
        settings,
        leash,
        line: line.clone(),
        name: registered.name.as_str().into(),
        poll_interval: Duration::from_secs(registered.job_status_interval).min(LONGEST_INTERVAL),
        ran_one: false,
        paused: false,
        idle_since: None,
    };
    let mut actions = std::pin::pin!(serving.run(registered));
    let beats = heartbeat::run(&line, &tie, registered.heartbeat_interval);
    tokio::select! {
        end = &mut actions => end,
        error = beats => {
            // The endpoint gave this worker up: its job belongs to somebody else soon.
            tie.quit.cancel();
            actions.await;
            End::Failed(WorkerError::Heartbeat(error))
        }
    }
}

/// What all jobs of this worker have in common: the endpoint may have a say in how they are traced.
fn jobs(settings: &Settings, registered: &RegisterResponse) -> Arc<JobSettings> {
    let Some(policy) = &registered.tracing else {
        return Arc::clone(&settings.jobs);
    };
    let mut jobs = (*settings.jobs).clone();
    let (tracing, told) = jobs.variables.tracing.with_policy(policy);
    tracing::info!("{told}");
    jobs.variables.tracing = tracing;
    Arc::new(jobs)
}

struct Serving {
    settings: Arc<Settings>,
    jobs: Arc<JobSettings>,
    leash: Leash,
    line: Line,
    /// The worker's, at the endpoint.
    name: Arc<str>,
    poll_interval: Duration,
    /// Whether the one job was that the worker is there for.
    ran_one: bool,
    paused: bool,
    idle_since: Option<Instant>,
}

impl Serving {
    async fn run(mut self, registered: &RegisterResponse) -> End {
        if let Some(job) = self.settings.acquire.clone() {
            if let Err(error) = self.acquire(job).await {
                return End::Failed(error);
            }
            self.ran_one = true;
        }
        let uptime = self.settings.uptime;
        let until = uptime.and_then(|uptime| Instant::now().checked_add(uptime));
        let (mode, rounds) = (self.settings.ping_mode, self.settings.rounds);
        let (line, leash) = (self.line.clone(), self.leash.clone());
        let mut source = Source::new(mode, rounds, line, leash, registered);
        loop {
            let step = tokio::select! {
                biased;
                () = at(until), if !self.paused => return End::Left(Leave::TimeUp),
                step = source.next() => step,
            };
            let action = match step {
                Step::Do(action) => action,
                Step::Failed(error) => return End::Failed(error),
                Step::Dismissed => return End::Dismissed,
            };
            let word = action.as_str();
            self.leash.record(|worker| Event::Action {
                worker,
                action: word,
            });
            let done = self.done(until);
            if let (Action::Run(job), Some(why)) = (&action, done) {
                tracing::warn!(%job, ?why, "a job was offered to a worker that leaves; it is not run here");
            }
            match action::next(action, done) {
                Next::Idle => self.idle().await,
                Next::Pause => self.pause().await,
                Next::Leave(why) => return End::Left(why),
                Next::Run(job) => {
                    source.job_began(&job);
                    let ran = self.run_job(job).await;
                    source.job_ended(ran);
                }
            }
        }
    }

    /// Why the worker has nothing more to do here, if so.
    fn done(&self, until: Option<Instant>) -> Option<Leave> {
        if self.ran_one {
            return Some(Leave::JobDone);
        }
        until
            .is_some_and(|until| until <= Instant::now())
            .then_some(Leave::TimeUp)
    }

    async fn idle(&mut self) {
        self.paused = false;
        let since = *self.idle_since.get_or_insert_with(Instant::now);
        let ready = Activity::Ready { since: Some(since) };
        self.leash.activity(ready).await;
    }

    async fn pause(&mut self) {
        self.paused = true;
        self.idle_since = None;
        self.leash.activity(Activity::Paused).await;
    }

    /// Runs an offered job; false when it turned out not to be this worker's.
    async fn run_job(&mut self, job: JobId) -> bool {
        self.begin_job().await;
        // On the heap while it runs: idle workers are many, and this is most of a worker's size.
        let finished = Box::pin(agent_runner::run(self.offered(job))).await;
        let ran = finished.is_ok();
        match finished {
            Ok(_) => self.ran_one = self.settings.one_job,
            Err(error) => tracing::warn!("{error}"),
        }
        self.end_job(ran).await;
        ran
    }

    /// Takes the job that this worker is there for, and runs it.
    async fn acquire(&mut self, job: JobId) -> Result<(), WorkerError> {
        tracing::info!(%job, "acquiring the job");
        self.begin_job().await;
        let finished = match self.acquired(job.clone()).await {
            Ok(finished) => finished,
            Err(error) => return Err(WorkerError::of_acquire(error)),
        };
        let Some(finished) = finished else {
            return Err(WorkerError::NotAcquired(job));
        };
        let status = finished.outcome.exit_status;
        self.leash.report(Report::Acquired(status)).await;
        self.end_job(true).await;
        Ok(())
    }

    /// The end of the acquired job; `None` when the worker was asked to leave before it had it.
    async fn acquired(&mut self, job: JobId) -> Result<Option<Finished>, NotRunning> {
        let acquiring = self.offered(job).acquire();
        let accepted = tokio::select! {
            biased;
            () = self.leash.dismissed() => return Ok(None),
            accepted = acquiring => accepted?,
        };
        Box::pin(accepted.run()).await.map(Some)
    }

    fn offered(&self, job: JobId) -> Offered {
        Offered {
            job,
            client: self.line.client(),
            settings: Arc::clone(&self.jobs),
            poll_interval: self.poll_interval,
            stop: self.leash.quit.clone(),
            worker: self.leash.number(),
            agent_name: Arc::clone(&self.name),
        }
    }

    async fn begin_job(&mut self) {
        self.paused = false;
        self.idle_since = None;
        self.leash.activity(Activity::Busy).await;
    }

    async fn end_job(&mut self, ran: bool) {
        if ran {
            self.leash.report(Report::JobDone).await;
        }
        self.leash.activity(Activity::Ready { since: None }).await;
    }
}

/// Ends at that time, or never.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

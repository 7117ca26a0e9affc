//! A connected worker: it does what its [`Source`] says, one thing at a time, with heartbeats
//! beside.

use std::sync::Arc;
use std::time::Duration;

use agent_metrics::Event;
use agent_runner::Offered;
use shared_protocol::JobId;
use shared_protocol::agent::RegisterResponse;
use tokio::time::Instant;

use crate::action::{self, Next};
use crate::heartbeat;
use crate::leash::{Leash, Report};
use crate::line::Line;
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
        settings,
        source: Source::new(line.clone(), leash.clone(), registered),
        leash,
        line: line.clone(),
        name: registered.name.as_str().into(),
        poll_interval: Duration::from_secs(registered.job_status_interval),
        ran_one: false,
        idle_since: None,
    };
    let mut actions = std::pin::pin!(serving.run());
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

struct Serving {
    settings: Arc<Settings>,
    leash: Leash,
    line: Line,
    /// The worker's, at the endpoint.
    name: Arc<str>,
    source: Source,
    poll_interval: Duration,
    /// In disconnect-after-job mode, whether that job was.
    ran_one: bool,
    idle_since: Option<Instant>,
}

impl Serving {
    async fn run(mut self) -> End {
        loop {
            let action = match self.source.next().await {
                Step::Do(action) => action,
                Step::Failed(error) => return End::Failed(error),
                Step::Dismissed => return End::Dismissed,
            };
            let word = action.as_str();
            self.leash.record(|worker| Event::Action {
                worker,
                action: word,
            });
            match action::next(action, self.ran_one) {
                Next::Idle => {
                    let since = *self.idle_since.get_or_insert_with(Instant::now);
                    let ready = Activity::Ready { since: Some(since) };
                    self.leash.activity(ready).await;
                }
                Next::Pause => {
                    self.idle_since = None;
                    self.leash.activity(Activity::Paused).await;
                }
                Next::Leave(why) => return End::Left(why),
                Next::Run(job) => self.run_job(job).await,
            }
        }
    }

    async fn run_job(&mut self, job: JobId) {
        self.idle_since = None;
        self.source.job_began();
        self.leash.activity(Activity::Busy).await;
        let offered = Offered {
            job,
            client: self.line.client(),
            settings: Arc::clone(&self.settings.jobs),
            poll_interval: self.poll_interval,
            stop: self.leash.quit.clone(),
            worker: self.leash.number(),
            agent_name: Arc::clone(&self.name),
        };
        // On the heap while it runs: idle workers are many, and this is most of a worker's size.
        let finished = Box::pin(agent_runner::run(offered)).await;
        self.source.job_ended(finished.is_ok());
        match finished {
            Ok(_) => {
                self.ran_one = self.settings.one_job;
                self.leash.report(Report::JobDone).await;
            }
            Err(error) => tracing::warn!("{error}"),
        }
        self.leash.activity(Activity::Ready { since: None }).await;
    }
}

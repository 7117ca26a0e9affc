//! Where a worker's next action comes from: the answers to its pings.
//!
//! A source waits and asks; what an action means for the worker is decided elsewhere. Trouble that
//! passes stays in here, so a worker only hears of what it has to act upon. The worker says when
//! a job began and ended, and asks for the next step only in between.

use std::time::Duration;

use agent_metrics::Event;
use shared_client::{ClientError, Endpoint, Pacing as _, RealPacing};
use shared_protocol::agent::{PingAction, PingResponse, RegisterResponse};
use tokio::time::Instant;

use crate::action::Action;
use crate::leash::Leash;
use crate::line::Line;
use crate::ping::PingSchedule;
use crate::worker::WorkerError;

/// What a worker does next.
#[derive(Debug)]
pub(crate) enum Step {
    /// What the endpoint says.
    Do(Action),
    /// There will be no more actions: the endpoint does not know this worker, or not any more.
    Failed(WorkerError),
    /// The pool wants the worker to go.
    Dismissed,
}

/// Asks the endpoint of one worker.
#[derive(Debug)]
pub(crate) struct Source {
    line: Line,
    leash: Leash,
    schedule: PingSchedule,
    /// The endpoint asked to be left alone until then.
    retry_after: Option<Duration>,
}

impl Source {
    /// The source of a worker that is connected now: its first ping is due at once.
    pub(crate) fn new(line: Line, leash: Leash, registered: &RegisterResponse) -> Self {
        Self {
            line,
            leash,
            schedule: PingSchedule::new(registered.ping_interval, Instant::now()),
            retry_after: None,
        }
    }

    /// Waits for the next step. May be dropped while it waits.
    pub(crate) async fn next(&mut self) -> Step {
        loop {
            match self.ping().await {
                None => return Step::Dismissed,
                Some(Ok(ping)) => return Step::Do(self.answered(&ping).await),
                Some(Err(error)) if error.is_refusal() => {
                    return Step::Failed(WorkerError::Ping(error));
                }
                Some(Err(error)) => {
                    self.retry_after = error.retry_after();
                    self.leash.failed(&error).await;
                }
            }
        }
    }

    /// The worker runs a job from now on.
    #[expect(clippy::unused_self, reason = "pings need no word of it")]
    pub(crate) fn job_began(&mut self) {}

    /// The worker is free again. `ran` is false when the job turned out not to be its own.
    pub(crate) fn job_ended(&mut self, ran: bool) {
        if ran {
            self.schedule.restart(Instant::now());
        }
    }

    /// The next ping's answer; `None` when the worker was asked to leave. A ping under way is not
    /// waited for then: a job that it brings is still the endpoint's to give.
    async fn ping(&mut self) -> Option<Result<PingResponse, ClientError>> {
        let now = Instant::now();
        let due = self.schedule.next(now, RealPacing.random());
        let due = PingSchedule::not_before(due, now, self.retry_after.take());
        let client = self.line.client();
        let leash = self.leash.clone();
        let ping = async {
            tokio::time::sleep_until(due).await;
            let waited = now.elapsed();
            leash.record(|worker| Event::PingSent { worker, waited });
            let sent = Instant::now();
            let answer = client.ping().await;
            tell(&leash, sent.elapsed(), answer.as_ref().err());
            answer
        };
        tokio::select! {
            biased;
            () = self.leash.dismissed() => None,
            answer = ping => Some(answer),
        }
    }

    async fn answered(&mut self, first: &PingResponse) -> Action {
        self.leash.answered().await;
        let moved = self.move_endpoint(first).await;
        let response = moved.as_ref().unwrap_or(first);
        if !response.message.is_empty() {
            tracing::info!("message from the endpoint: {}", response.message);
        }
        if let PingAction::Other(word) = &response.action {
            tracing::warn!("the endpoint asks for {word:?}, which this version does not know");
        }
        Action::of_ping(response)
    }

    /// Tries the endpoint that a ping names, and stays there if it answers.
    async fn move_endpoint(&mut self, ping: &PingResponse) -> Option<PingResponse> {
        let wanted = &ping.endpoint;
        if wanted.is_empty() {
            return None;
        }
        let here = self.line.client();
        let endpoint = match Endpoint::parse(wanted) {
            Ok(endpoint) if endpoint == *here.endpoint() => return None,
            Ok(endpoint) => endpoint,
            Err(error) => {
                tracing::warn!("the endpoint names another one: {error}; staying");
                return None;
            }
        };
        let there = here.with_endpoint(endpoint);
        match there.ping().await {
            Ok(ping) => {
                tracing::info!(endpoint = %there.endpoint(), "moved to another endpoint");
                self.line.move_to(there);
                Some(ping)
            }
            Err(error) => {
                tracing::warn!("the endpoint names another one: {error}; staying");
                None
            }
        }
    }
}

/// Records how a ping went.
fn tell(leash: &Leash, took: Duration, error: Option<&ClientError>) {
    match error.map(ToString::to_string) {
        None => leash.record(|worker| Event::PingAnswered { worker, took }),
        Some(error) => leash.record(|worker| Event::PingFailed {
            worker,
            took,
            error: &error,
        }),
    }
}

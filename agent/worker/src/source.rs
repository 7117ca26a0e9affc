//! Where a worker's next action comes from: the answers to its pings, or its stream.
//!
//! A source waits and asks; what an action means for the worker is decided elsewhere. Trouble that
//! passes stays in here, so a worker only hears of what it has to act upon. The worker says when
//! a job began and ended, and asks for the next step only in between.

use std::time::Duration;

use agent_metrics::Event;
use shared_client::{ClientError, Endpoint, Pacing as _, RealPacing};
use shared_protocol::agent::{PingAction, PingResponse, RegisterResponse};
use shared_protocol::{AgentId, JobId};
use tokio::time::Instant;

use crate::action::Action;
use crate::baton::{PingMode, Turn};
use crate::leash::Leash;
use crate::line::Line;
use crate::ping::PingSchedule;
use crate::rounds::Rounds;
use crate::streaming::Streaming;
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
    mode: PingMode,
    agent: AgentId,
    /// None in a worker that polls, by its settings or because the endpoint streams no pings.
    streaming: Option<Streaming>,
    schedule: PingSchedule,
    rounds: Rounds,
    /// When the next ping is due, while it is a ping's turn.
    due: Option<Instant>,
    /// The endpoint asked to be left alone until then.
    retry_after: Option<Duration>,
    /// The first ping waits for its turn.
    starts: bool,
}

impl Source {
    /// The source of a worker that is connected now: its first ping is due at once.
    pub(crate) fn new(
        mode: PingMode,
        rounds: Rounds,
        line: Line,
        leash: Leash,
        registered: &RegisterResponse,
    ) -> Self {
        let mut source = Self {
            line,
            leash,
            mode,
            agent: registered.id.clone(),
            streaming: None,
            schedule: PingSchedule::new(registered.ping_interval, Instant::now()),
            rounds,
            due: None,
            retry_after: None,
            starts: true,
        };
        source.stream();
        source
    }

    /// Waits for the next step. May be dropped while it waits. A ping under way is not waited for
    /// when the worker is to leave: a job that it brings is still the endpoint's to give.
    pub(crate) async fn next(&mut self) -> Step {
        let mut leash = self.leash.clone();
        tokio::select! {
            biased;
            () = leash.dismissed() => Step::Dismissed,
            step = self.undisturbed() => step,
        }
    }

    async fn undisturbed(&mut self) -> Step {
        loop {
            match self.turn() {
                Turn::Act(action) => {
                    self.leash.answered().await;
                    return Step::Do(action);
                }
                Turn::Listen => self.listen().await,
                Turn::Over => {
                    let error = self.streaming.as_ref().and_then(Streaming::over);
                    let error = error.expect("a stream that is over has a reason");
                    return Step::Failed(WorkerError::Stream(error));
                }
                Turn::Poll => match self.ping().await {
                    None => {}
                    Some(Ok(ping)) => return Step::Do(self.answered(&ping).await),
                    Some(Err(error)) if error.is_refusal() => {
                        return Step::Failed(WorkerError::Ping(error));
                    }
                    Some(Err(error)) => {
                        self.retry_after = error.retry_after();
                        self.leash.failed(&error).await;
                    }
                },
            }
        }
    }

    /// The worker runs this job from now on.
    pub(crate) fn job_began(&mut self, job: &JobId) {
        if let Some(streaming) = &self.streaming {
            streaming.job_began(job.clone());
        }
    }

    /// The worker is free again. `ran` is false when the job turned out not to be its own.
    pub(crate) fn job_ended(&mut self, ran: bool) {
        let streams = self.streaming.as_ref().and_then(Streaming::health) == Some(Ok(()));
        // Under a stream nobody pings now, and when it breaks, those of a whole fleet do: each in
        // its own time.
        if ran && !streams {
            self.schedule.restart(Instant::now());
            self.due = None;
        }
        if let Some(streaming) = &self.streaming {
            streaming.job_ended(ran);
        }
    }

    /// Begins to stream, at the endpoint as it is now.
    fn stream(&mut self) {
        if self.mode != PingMode::PollOnly {
            let (line, leash) = (self.line.clone(), self.leash.clone());
            let streaming = Streaming::start(self.mode, line, leash, self.agent.clone());
            self.streaming = Some(streaming);
        }
    }

    fn turn(&mut self) -> Turn {
        let Some(streaming) = &self.streaming else {
            return Turn::Poll;
        };
        let turn = streaming.turn();
        if turn == Turn::Poll && streaming.over().is_some() {
            self.streaming = None;
        }
        turn
    }

    /// Waits for the stream, and tells how it is.
    async fn listen(&mut self) {
        self.due = None;
        match self.streaming.as_ref().and_then(Streaming::health) {
            Some(Err(trouble)) => self.leash.failed(&trouble).await,
            Some(Ok(())) => self.leash.answered().await,
            None => {}
        }
        self.stream_changed().await;
    }

    /// Ends when the stream may have something to say.
    async fn stream_changed(&self) {
        match &self.streaming {
            Some(streaming) => streaming.changed().await,
            None => std::future::pending().await,
        }
    }

    /// The next ping's answer, once it is due; `None` when the stream stirred before.
    async fn ping(&mut self) -> Option<Result<PingResponse, ClientError>> {
        let now = Instant::now();
        let due = self.due.unwrap_or_else(|| {
            let due = self.schedule.next(now, RealPacing.random());
            let due = PingSchedule::not_before(due, now, self.retry_after.take());
            self.rounds.for_due(due, now)
        });
        self.due = Some(due);
        tokio::select! {
            biased;
            () = self.stream_changed() => return None,
            () = tokio::time::sleep_until(due) => self.due = None,
        }
        let waited = now.elapsed();
        self.leash
            .record(|worker| Event::PingSent { worker, waited });
        let client = self.line.client();
        let asking = async {
            let sent = Instant::now();
            let answer = client.ping().await;
            (answer, sent.elapsed())
        };
        let (answer, took) = if self.starts {
            let turn = self.leash.in_turn(asking).await?;
            self.starts = false;
            turn
        } else {
            asking.await
        };
        tell(&self.leash, took, answer.as_ref().err());
        Some(answer)
    }

    async fn answered(&mut self, first: &PingResponse) -> Action {
        self.leash.answered().await;
        if let Some(streaming) = &self.streaming {
            streaming.polled();
        }
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
                self.stream();
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

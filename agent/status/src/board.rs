//! What each worker does now. Filled by events, read by pages.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agent_metrics::{Event, JobFacts, Observer, Source};
use tokio::time::Instant;

/// What all workers do now.
#[derive(Debug, Default)]
pub struct Board {
    state: Mutex<State>,
}

/// What the board knows. Pure: the caller brings the time.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    /// By number, from 1.
    pub(crate) workers: BTreeMap<u32, Worker>,
    /// By job.
    pub(crate) logs: BTreeMap<String, Backlog>,
}

/// One worker.
#[derive(Debug, Clone)]
pub(crate) struct Worker {
    /// At the endpoint; empty before it has registered.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) doing: Doing,
    /// Since when it does that.
    pub(crate) since: Instant,
    pub(crate) source: Source,
    pub(crate) ping: Contact,
    pub(crate) ping_interval: Duration,
    pub(crate) heartbeat: Contact,
    pub(crate) heartbeat_interval: Duration,
    /// Jobs it has had so far, a running one left out.
    pub(crate) jobs_done: u64,
}

/// What a worker does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Doing {
    /// It registers and connects.
    Starting,
    /// It waits for a job.
    Idle,
    /// It was told to wait.
    Paused,
    /// It runs a job.
    Busy(Box<JobFacts>),
    /// It is gone.
    Ended,
}

/// How the endpoint answers one kind of request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Contact {
    /// When it last did.
    pub(crate) answered: Option<Instant>,
    /// Why it has not since.
    pub(crate) error: Option<String>,
}

/// What a log still has to deliver, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Backlog {
    /// Compressed, in memory.
    pub(crate) queued: u64,
    /// On disk.
    pub(crate) spooled: u64,
}

impl Board {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Board {
    fn observe(&self, event: &Event<'_>) {
        self.state().take(event, Instant::now());
    }
}

impl State {
    /// Takes in an event that happened `now`.
    pub(crate) fn take(&mut self, event: &Event<'_>, now: Instant) {
        match *event {
            Event::WorkerStarted { worker } => {
                self.workers.insert(worker, Worker::new(now));
            }
            Event::JobEnded { job, .. } => drop(self.logs.remove(&job.id)),
            Event::LogBacklog {
                job,
                queued,
                spooled,
            } => self.backlog(job, Backlog { queued, spooled }),
            _ => {}
        }
        let worker = event.worker();
        if let Some(worker) = worker.and_then(|number| self.workers.get_mut(&number)) {
            worker.take(event, now);
        }
    }

    /// A log that is delivered needs no entry.
    fn backlog(&mut self, job: &str, backlog: Backlog) {
        if backlog == Backlog::default() {
            self.logs.remove(job);
        } else if let Some(known) = self.logs.get_mut(job) {
            *known = backlog;
        } else {
            self.logs.insert(job.to_owned(), backlog);
        }
    }
}

impl Worker {
    fn new(now: Instant) -> Self {
        Self {
            id: String::new(),
            name: String::new(),
            doing: Doing::Starting,
            since: now,
            source: Source::default(),
            ping: Contact::default(),
            ping_interval: Duration::ZERO,
            heartbeat: Contact::default(),
            heartbeat_interval: Duration::ZERO,
            jobs_done: 0,
        }
    }

    fn take(&mut self, event: &Event<'_>, now: Instant) {
        match *event {
            Event::WorkerRegistered {
                id,
                name,
                ping_interval,
                heartbeat_interval,
                ..
            } => {
                id.clone_into(&mut self.id);
                name.clone_into(&mut self.name);
                self.ping_interval = ping_interval;
                self.heartbeat_interval = heartbeat_interval;
                self.ping.error = None;
            }
            Event::WorkerConnected { .. } => {
                self.turn(Doing::Idle, now);
                self.ping.answered(now);
            }
            Event::WorkerEnded { .. } => self.turn(Doing::Ended, now),
            Event::ListensTo { source, .. } => self.source = source,
            Event::PingAnswered { .. } => self.ping.answered(now),
            Event::ConnectFailed { error, .. } | Event::PingFailed { error, .. } => {
                self.ping.failed(error);
            }
            Event::HeartbeatAnswered { .. } => self.heartbeat.answered(now),
            Event::HeartbeatFailed { error, .. } => self.heartbeat.failed(error),
            Event::Action {
                action: "pause", ..
            } => self.turn(Doing::Paused, now),
            Event::Action { .. } => self.turn(Doing::Idle, now),
            Event::JobStarted { job, .. } => self.turn(Doing::Busy(Box::new(job.clone())), now),
            Event::JobEnded { .. } => {
                self.jobs_done += 1;
                self.turn(Doing::Idle, now);
            }
            Event::WorkerStarted { .. }
            | Event::PingSent { .. }
            | Event::JobExited { .. }
            | Event::ChunkUploaded { .. }
            | Event::ChunkFailed { .. }
            | Event::LogBacklog { .. } => {}
        }
    }

    fn turn(&mut self, doing: Doing, now: Instant) {
        if self.doing != doing {
            self.doing = doing;
            self.since = now;
        }
    }
}

impl Contact {
    fn answered(&mut self, now: Instant) {
        self.answered = Some(now);
        self.error = None;
    }

    fn failed(&mut self, error: &str) {
        self.error = Some(error.to_owned());
    }
}

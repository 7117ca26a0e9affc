//! One agent process: what it has said, what it was told, and what it is here for.

use std::time::Duration;

use shared_handover::layout::StateDir;
use shared_handover::message::{Phase, Status, ToAgent, ToLauncher};
use shared_slots::Digest;
use shared_supervise::{ProcessId, Signal};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::AbortHandle;
use tracing::warn;

use crate::hand_over::{Duty, Member, Order};
use crate::step_watch::{Facts, Pulse};
use crate::wire::Reports;
use crate::{agent_link, os};

/// Pings in a row, a minute apart, after which an agent that serves counts as hung.
const HUNG_AFTER: u32 = 3;

/// How long a rejected agent without a job may take to end before it is killed.
const REJECTED_MAY_LINGER: Duration = Duration::from_secs(10);

/// An agent process of this host.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) id: ProcessId,
    /// Its file; `None` for one that was not started from the store.
    pub(crate) digest: Option<Digest>,
    pub(crate) version: String,
    /// When it was started or adopted.
    pub(crate) since: Duration,
    duty: Duty,
    /// It failed its trial, and is only waited for.
    rejected: bool,
    /// It worked before this launcher came, and may have jobs that it has not told of yet.
    adopted: bool,
    relieved_at: Option<Duration>,
    serving_since: Option<Duration>,
    spawn: Option<u32>,
    status: Option<Status>,
    told: Option<Order>,
    /// Where messages go in while there is a connection.
    orders: Option<UnboundedSender<ToAgent>>,
    /// How often it was asked to stop, by message or, for want of a connection, by SIGTERM. Once
    /// more would cancel its jobs.
    stops: u8,
    facts: Facts,
    pulse: Pulse,
    /// Pings that were missed in a row when it spoke last.
    missed_when_heard: u32,
    /// Whether it was said that it does not answer.
    warned_of_hang: bool,
    /// Whether it was logged that it takes jobs.
    announced: bool,
    /// Ends the task that keeps the connection.
    link: AbortHandle,
}

impl Agent {
    /// An agent that was just started or adopted; a task begins to keep a connection to it.
    pub(crate) fn new(
        id: ProcessId,
        digest: Option<Digest>,
        version: String,
        now: Duration,
        state: &StateDir,
        reports: Reports,
    ) -> Self {
        let link = tokio::spawn(agent_link::keep(
            id.pid,
            state.agent_socket(id.pid),
            reports,
        ));
        Self {
            id,
            digest,
            version,
            since: now,
            duty: Duty::Prove,
            rejected: false,
            adopted: false,
            relieved_at: None,
            serving_since: None,
            spawn: None,
            status: None,
            told: None,
            orders: None,
            stops: 0,
            facts: Facts::default(),
            pulse: Pulse::default(),
            missed_when_heard: 0,
            warned_of_hang: false,
            announced: false,
            link: link.abort_handle(),
        }
    }

    /// The same, for one that another launcher started.
    pub(crate) fn adopted(mut self) -> Self {
        self.adopted = true;
        self
    }

    /// What the gate judges by.
    pub(crate) fn facts(&self, now: Duration) -> Facts {
        Facts {
            age: now.saturating_sub(self.since),
            missed: self.pulse.missed(),
            answered: self.pulse.was_answered(),
            serving: self.serving_since.map(|since| now.saturating_sub(since)),
            ..self.facts
        }
    }

    pub(super) fn is_of(&self, digest: Option<Digest>) -> bool {
        digest.is_some() && self.digest == digest && !self.rejected
    }

    /// Whether it serves and answers.
    pub(crate) fn answers(&self) -> bool {
        self.orders.is_some() && self.pulse.was_answered() && self.pulse.missed() == 0
    }

    /// Whether it was the one that takes jobs.
    pub(crate) fn served(&self) -> bool {
        self.duty == Duty::Serve
    }

    /// Whether it failed its trial.
    pub(crate) const fn is_rejected(&self) -> bool {
        self.rejected
    }

    /// What it said of itself last.
    pub(crate) const fn status(&self) -> Option<&Status> {
        self.status.as_ref()
    }

    /// Whether it says that it takes jobs.
    pub(crate) fn takes_jobs(&self) -> bool {
        let status = self.status.as_ref();
        status.is_some_and(|status| status.phase == Phase::Serving && self.workers() > 0)
    }

    fn busy(&self) -> u32 {
        self.status.as_ref().map_or(0, |status| status.busy)
    }

    pub(super) fn workers(&self) -> u32 {
        let status = self.status.as_ref();
        status.map_or(0, |status| status.ready + status.busy)
    }

    pub(super) fn member(&self, now: Duration) -> Member {
        Member {
            duty: self.duty,
            spawn: self.spawn.unwrap_or(0),
            status: self.status.clone(),
            adopted: self.adopted,
            relieved_for: self
                .relieved_at
                .map_or(Duration::ZERO, |at| now.saturating_sub(at)),
        }
    }

    pub(super) fn assign(&mut self, duty: Duty, now: Duration) {
        match duty {
            Duty::Prove | Duty::Serve => self.relieved_at = None,
            _ => _ = self.relieved_at.get_or_insert(now),
        }
        self.duty = duty;
    }

    /// Tells it once; without a connection, the orders that have a signal are sent as that.
    pub(super) fn tell(&mut self, order: Order, now: Duration) {
        let due = match order {
            Order::Stop => 1,
            Order::Cancel => 2,
            Order::Accept(_) | Order::Drain => 0,
        };
        let Some(orders) = &self.orders else {
            if self.stops < due {
                self.stops += 1;
                self.signal(Signal::Terminate);
            }
            return;
        };
        // Nobody accepts before having said how many workers there are.
        if self.told == Some(order) || self.spawn.is_none() {
            return;
        }
        if orders.send(order.message()).is_ok() {
            self.told = Some(order);
            self.stops = self.stops.max(due);
            if matches!(order, Order::Accept(1..)) {
                self.serving_since.get_or_insert(now);
            }
        }
    }

    fn signal(&self, signal: Signal) {
        if let Err(error) = self.id.send(signal) {
            warn!(pid = self.id.pid, signal = signal.name(), %error, "cannot signal the agent");
        }
    }

    /// There is a connection to it: what it is to do is said again.
    pub(super) fn linked(&mut self, orders: UnboundedSender<ToAgent>) {
        self.orders = Some(orders);
        self.told = None;
    }

    pub(super) fn unlinked(&mut self) {
        self.orders = None;
    }

    /// Takes note of a message. Returns the serial of a release that it heard of.
    pub(super) fn heard(&mut self, message: ToLauncher) -> Option<u64> {
        match message {
            ToLauncher::Hello { version, spawn, .. } => {
                // What the release calls it counts for more than what it calls itself.
                if self.digest.is_none() {
                    self.version = version;
                }
                self.spawn = Some(spawn);
            }
            ToLauncher::Pong { seq } => {
                self.pulse.answer(seq);
                self.missed_when_heard = self.pulse.missed();
                self.warned_of_hang = false;
            }
            ToLauncher::Status(status) => {
                // Whoever says how it is does not hang.
                self.missed_when_heard = self.pulse.missed();
                self.facts.learn(&status);
                if status.phase != Phase::Standby {
                    // It was let to work before, by the launcher before this one.
                    self.facts.self_test.get_or_insert(true);
                }
                self.status = Some(status);
            }
            ToLauncher::SelfTest { ok, detail } => {
                self.facts.self_test = Some(ok);
                if !ok {
                    let pid = self.id.pid;
                    warn!(pid, version = %self.version, %detail, "the agent failed its self-test");
                }
            }
            ToLauncher::UpgradeNeeded { serial } => return Some(serial),
            ToLauncher::Unknown(_) => {}
        }
        None
    }

    /// Sends a ping if it is time.
    pub(super) fn ping(&mut self, now: Duration, interval: Duration) {
        if let Some(orders) = &self.orders
            && let Some(seq) = self.pulse.beat(now, interval)
        {
            let _ = orders.send(ToAgent::Ping { seq });
        }
    }

    /// It failed its trial: from now on it is only waited for.
    pub(super) fn reject(&mut self) {
        self.rejected = true;
    }

    /// Whether it takes jobs and that was not said yet; from now on it was.
    pub(super) fn begins_to_work(&mut self) -> bool {
        let begins = self.served() && !self.announced && self.workers() > 0;
        self.announced |= begins;
        begins
    }

    /// An agent that serves and does not answer any more is of no use. It is killed if it has no
    /// job, and started again; with a job it is left alone, for that may well end.
    pub(super) fn end_if_hung(&mut self) {
        let silent = self.pulse.missed().saturating_sub(self.missed_when_heard);
        if silent < HUNG_AFTER || self.warned_of_hang {
            return;
        }
        self.warned_of_hang = true;
        let (pid, busy) = (self.id.pid, self.busy());
        if busy > 0 {
            warn!(
                pid,
                busy, "the agent does not answer; leaving it to finish its jobs"
            );
            return;
        }
        warn!(
            pid,
            "the agent does not answer and has no job; ending it, to start it again"
        );
        os::kill_tree(self.id);
    }

    /// Kills it if it was rejected and neither ends nor has a job.
    pub(super) fn end_if_lingering(&mut self, now: Duration) {
        if !self.rejected {
            return;
        }
        let linger = self.relieved_at.map(|at| now.saturating_sub(at));
        if self.busy() == 0 && linger.is_some_and(|linger| linger >= REJECTED_MAY_LINGER) {
            let pid = self.id.pid;
            warn!(pid, "the rejected agent does not end; killing it");
            os::kill_tree(self.id);
            self.relieved_at = Some(now);
        } else if self.stops == 0 && self.spawn.is_none() {
            // It never spoke, so it may not listen either.
            self.stops = 1;
            self.signal(Signal::Terminate);
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.link.abort();
    }
}

//! All agents of this host: what each has said, what it was told, and what it is here for.
//!
//! Who serves is derived anew each time from the page and from what is running, never remembered,
//! so it comes out the same after this launcher was replaced in the middle of a hand-over. Orders
//! are sent when they differ from the last ones, so nothing is lost with a connection either.

use std::collections::BTreeMap;
use std::time::Duration;

use shared_handover::layout::StateDir;
use shared_handover::message::{Phase, Status, ToAgent, ToLauncher};
use shared_slots::Digest;
use shared_supervise::{ProcessId, Signal};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::AbortHandle;
use tracing::warn;

use crate::agent_link;
use crate::hand_over::{Duty, Member, Order, share_out};
use crate::step_watch::{Facts, Pulse};
use crate::wire::Reports;

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
    /// Whether it was logged that it takes jobs.
    announced: bool,
    /// Ends the task that keeps the connection.
    link: AbortHandle,
}

/// Whether this host is being stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    No,
    /// Running jobs are finished first.
    Stop,
    /// Running jobs are cancelled.
    Cancel,
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

    fn is_of(&self, digest: Option<Digest>) -> bool {
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

    fn busy(&self) -> u32 {
        self.status.as_ref().map_or(0, |status| status.busy)
    }

    fn workers(&self) -> u32 {
        let status = self.status.as_ref();
        status.map_or(0, |status| status.ready + status.busy)
    }

    fn member(&self, now: Duration) -> Member {
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

    fn assign(&mut self, duty: Duty, now: Duration) {
        match duty {
            Duty::Prove | Duty::Serve => self.relieved_at = None,
            _ => _ = self.relieved_at.get_or_insert(now),
        }
        self.duty = duty;
    }

    /// Tells it once; without a connection, the orders that have a signal are sent as that.
    fn tell(&mut self, order: Order, now: Duration) {
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
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.link.abort();
    }
}

/// All agents, by process id.
#[derive(Debug, Default)]
pub(crate) struct Crew {
    agents: BTreeMap<u32, Agent>,
}

// === who is there ===

impl Crew {
    pub(crate) fn add(&mut self, agent: Agent) {
        self.agents.insert(agent.id.pid, agent);
    }

    /// Takes out an agent that ended.
    pub(crate) fn remove(&mut self, pid: u32) -> Option<Agent> {
        self.agents.remove(&pid)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.agents.is_empty()
    }

    /// The youngest agent of this version that was not rejected.
    pub(crate) fn of(&self, digest: Option<Digest>) -> Option<&Agent> {
        self.agents
            .values()
            .filter(|agent| agent.is_of(digest))
            .max_by_key(|agent| (agent.since, agent.id))
    }

    /// The one that takes jobs.
    pub(crate) fn serving(&self) -> Option<&Agent> {
        self.agents.values().find(|agent| agent.duty == Duty::Serve)
    }

    /// The versions that processes run.
    pub(crate) fn digests(&self) -> impl Iterator<Item = Digest> {
        self.agents.values().filter_map(|agent| agent.digest)
    }

    /// Workers of all agents that have a job or could take one.
    pub(crate) fn workers(&self) -> u32 {
        self.agents.values().map(Agent::workers).sum()
    }

    /// The serving agent, once, when its first worker is there.
    pub(crate) fn newly_working(&mut self) -> Option<&Agent> {
        let agent = self
            .agents
            .values_mut()
            .find(|agent| agent.duty == Duty::Serve && !agent.announced && agent.workers() > 0)?;
        agent.announced = true;
        Some(agent)
    }
}

// === what they say ===

impl Crew {
    pub(crate) fn linked(&mut self, pid: u32, orders: UnboundedSender<ToAgent>) {
        if let Some(agent) = self.agents.get_mut(&pid) {
            agent.orders = Some(orders);
            agent.told = None;
        }
    }

    pub(crate) fn unlinked(&mut self, pid: u32) {
        if let Some(agent) = self.agents.get_mut(&pid) {
            agent.orders = None;
        }
    }

    /// Takes note of a message. Returns the serial of a release that the agent heard of.
    pub(crate) fn heard(&mut self, pid: u32, message: ToLauncher) -> Option<u64> {
        let agent = self.agents.get_mut(&pid)?;
        match message {
            ToLauncher::Hello { version, spawn, .. } => {
                // What the release calls it counts for more than what it calls itself.
                if agent.digest.is_none() {
                    agent.version = version;
                }
                agent.spawn = Some(spawn);
            }
            ToLauncher::Pong { seq } => agent.pulse.answer(seq),
            ToLauncher::Status(status) => {
                agent.facts.learn(&status);
                if status.phase != Phase::Standby {
                    // It was let to work before, by the launcher before this one.
                    agent.facts.self_test.get_or_insert(true);
                }
                agent.status = Some(status);
            }
            ToLauncher::SelfTest { ok, detail } => {
                agent.facts.self_test = Some(ok);
                if !ok {
                    warn!(pid, version = %agent.version, %detail, "the agent failed its self-test");
                }
            }
            ToLauncher::UpgradeNeeded { serial } => return Some(serial),
            ToLauncher::Unknown(_) => {}
        }
        None
    }
}

// === what they are told ===

impl Crew {
    /// Gives each agent its duty: a fit trial serves, else the committed version; the others end.
    pub(crate) fn assign(
        &mut self,
        trial: Option<Digest>,
        committed: Option<Digest>,
        ending: Ending,
        now: Duration,
    ) {
        let pid_of = |agent: &Agent| agent.id.pid;
        let on_trial = self.of(trial).map(pid_of);
        let fit = self
            .of(trial)
            .filter(|agent| agent.facts(now).is_fit())
            .map(pid_of);
        let serving = fit.or(self.of(committed).map(pid_of));
        for (&pid, agent) in &mut self.agents {
            let duty = match ending {
                Ending::Cancel => Duty::Cancel,
                Ending::Stop => Duty::Stop,
                Ending::No if agent.rejected => Duty::Stop,
                Ending::No if serving == Some(pid) => Duty::Serve,
                Ending::No if on_trial == Some(pid) => Duty::Prove,
                Ending::No => Duty::Retire,
            };
            agent.assign(duty, now);
        }
    }

    /// Marks the agents of a version as rejected: they are stopped, and never serve again.
    pub(crate) fn reject(&mut self, digest: Digest) {
        for agent in self.agents.values_mut() {
            agent.rejected |= agent.digest == Some(digest);
        }
    }

    /// Sends every order that is not the last one sent.
    pub(crate) fn give_orders(&mut self, now: Duration) {
        let members: Vec<Member> = self
            .agents
            .values()
            .map(|agent| agent.member(now))
            .collect();
        for (agent, order) in self.agents.values_mut().zip(share_out(&members)) {
            if let Some(order) = order {
                agent.tell(order, now);
            }
        }
    }

    /// Sends a ping to an agent if it is time.
    pub(crate) fn ping(&mut self, pid: u32, now: Duration, interval: Duration) {
        if let Some(agent) = self.agents.get_mut(&pid)
            && let Some(orders) = &agent.orders
            && let Some(seq) = agent.pulse.beat(now, interval)
        {
            let _ = orders.send(ToAgent::Ping { seq });
        }
    }

    /// Kills rejected agents that neither end nor have a job.
    pub(crate) fn kill_lingering(&mut self, now: Duration) {
        for agent in self.agents.values_mut() {
            let linger = agent.relieved_at.map(|at| now.saturating_sub(at));
            if agent.rejected
                && agent.busy() == 0
                && linger.is_some_and(|linger| linger >= REJECTED_MAY_LINGER)
            {
                warn!(
                    pid = agent.id.pid,
                    "the rejected agent does not end; killing it"
                );
                shared_supervise::kill_tree(&[agent.id]);
                agent.relieved_at = Some(now);
            } else if agent.rejected && agent.stops == 0 && agent.spawn.is_none() {
                // It never spoke, so it may not listen either.
                agent.stops = 1;
                agent.signal(Signal::Terminate);
            }
        }
    }

    /// In how long a relieved agent that does not say that it drains counts as deaf.
    pub(crate) fn deaf_in(&self, now: Duration) -> Option<Duration> {
        let members = self.agents.values().map(|agent| agent.member(now));
        members.filter_map(|member| member.deaf_in()).min()
    }

    /// Whether somebody is rejected and not gone yet.
    pub(crate) fn has_rejected(&self) -> bool {
        self.agents.values().any(|agent| agent.rejected)
    }
}

//! All agents of this host: what each has said, what it was told, and what it is here for.
//!
//! Who serves is derived anew each time from the page and from what is running, never remembered,
//! so it comes out the same after this launcher was replaced in the middle of a hand-over. Orders
//! are sent when they differ from the last ones, so nothing is lost with a connection either.

mod agent;

use std::collections::BTreeMap;
use std::time::Duration;

use shared_handover::message::{ToAgent, ToLauncher};
use shared_slots::Digest;
use tokio::sync::mpsc::UnboundedSender;

pub(crate) use agent::Agent;

use crate::hand_over::{Duty, Member, share_out};

/// Whether this host is being stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    No,
    /// Running jobs are finished first.
    Stop,
    /// Running jobs are cancelled.
    Cancel,
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

    /// All of them, by process id.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Agent> {
        self.agents.values()
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
        self.agents.values().find(|agent| agent.served())
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
        let mut agents = self.agents.values_mut();
        agents.find_map(|agent| agent.begins_to_work().then_some(&*agent))
    }
}

// === what they say ===

impl Crew {
    pub(crate) fn linked(&mut self, pid: u32, orders: UnboundedSender<ToAgent>) {
        if let Some(agent) = self.agents.get_mut(&pid) {
            agent.linked(orders);
        }
    }

    pub(crate) fn unlinked(&mut self, pid: u32) {
        if let Some(agent) = self.agents.get_mut(&pid) {
            agent.unlinked();
        }
    }

    /// Takes note of a message. Returns the serial of a release that the agent heard of.
    pub(crate) fn heard(&mut self, pid: u32, message: ToLauncher) -> Option<u64> {
        self.agents.get_mut(&pid)?.heard(message)
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
                Ending::No if agent.is_rejected() => Duty::Stop,
                Ending::No if serving == Some(pid) => Duty::Serve,
                Ending::No if on_trial == Some(pid) => Duty::Prove,
                Ending::No => Duty::Retire,
            };
            agent.assign(duty, now);
        }
    }

    /// Marks the agents of a version as rejected: they are stopped, and never serve again.
    pub(crate) fn reject(&mut self, digest: Digest) {
        let of_it = |agent: &&mut Agent| agent.digest == Some(digest);
        self.agents
            .values_mut()
            .filter(of_it)
            .for_each(Agent::reject);
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
        if let Some(agent) = self.agents.get_mut(&pid) {
            agent.ping(now, interval);
        }
    }

    /// Ends an agent that hangs, if it has no job to lose.
    pub(crate) fn end_if_hung(&mut self, pid: u32) {
        if let Some(agent) = self.agents.get_mut(&pid) {
            agent.end_if_hung();
        }
    }

    /// Kills rejected agents that neither end nor have a job.
    pub(crate) fn kill_lingering(&mut self, now: Duration) {
        for agent in self.agents.values_mut() {
            agent.end_if_lingering(now);
        }
    }

    /// In how long a relieved agent that does not say that it drains counts as deaf.
    pub(crate) fn deaf_in(&self, now: Duration) -> Option<Duration> {
        let members = self.agents.values().map(|agent| agent.member(now));
        members.filter_map(|member| member.deaf_in()).min()
    }

    /// Whether somebody is rejected and not gone yet.
    pub(crate) fn has_rejected(&self) -> bool {
        self.agents.values().any(Agent::is_rejected)
    }
}

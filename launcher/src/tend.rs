//! Keeping agents running, and looking after those that run.

use std::path::Path;
use std::time::Duration;

use shared_handover::exit::Exit;
use shared_handover::layout::Component;
use shared_slots::{Digest, EntryError};
use shared_supervise::ProcessId;
use tracing::{error, info, warn};

use crate::crew::{Agent, Ending};
use crate::hand_over::Switch;
use crate::health::{self, AgentStanding};
use crate::keep_running::STABLE;
use crate::perform::Host;
use crate::start_agent::{self, Start, StartError};
use crate::step_watch::judge;
use crate::upgrade::{Cause, Event, Upgrade};
use crate::wire::{End, Happening};
use crate::{adopt, step_stage, step_switch};

impl Host<'_> {
    /// Takes over the agents that still run.
    pub(crate) fn adopt(&mut self) {
        for handle in adopt::running_agents(&self.state) {
            let id = ProcessId {
                pid: handle.pid,
                start: handle.start,
            };
            let digest: Option<Digest> = handle.digest.parse().ok();
            tokio::spawn(start_agent::watch(id, self.reports.clone()));
            let version = self.version_of(digest);
            info!(pid = id.pid, %version, "agent adopted");
            let agent = self.new_agent(id, digest, version);
            self.crew.add(agent.adopted());
        }
    }

    fn new_agent(&self, id: ProcessId, digest: Option<Digest>, version: String) -> Agent {
        let reports = self.reports.clone();
        Agent::new(id, digest, version, self.now(), &self.state, reports)
    }

    /// Starts an agent from its file, which was just compared with its digest.
    pub(crate) fn start_agent(
        &mut self,
        file: &Path,
        digest: Digest,
        role: &str,
    ) -> Result<(), StartError> {
        let meta = self.store.meta(digest);
        let plugins = meta.plugins.and_then(|plugins| {
            match self.store.verified(plugins, step_stage::PLUGINS) {
                Ok(file) => Some(file),
                Err(error) => {
                    warn!(version = %meta.version, %error, "the agent starts without its plugins");
                    None
                }
            }
        });
        let start = Start {
            plugins: plugins.as_deref(),
            file,
            digest,
            meta: &meta,
            state: &self.state,
            settings: self.settings,
        };
        let id = start_agent::start(&start, self.reports.clone())?;
        info!(version = %meta.version, pid = id.pid, role, "agent started");
        let agent = self.new_agent(id, Some(digest), meta.version);
        self.crew.add(agent);
        Ok(())
    }

    /// Takes note of something that happened.
    pub(crate) fn take(&mut self, happening: Happening) {
        self.outward.changed();
        match happening {
            Happening::Linked(pid, orders) => self.crew.linked(pid, orders),
            Happening::Unlinked(pid) => self.crew.unlinked(pid),
            Happening::Said(pid, message) => {
                if let Some(serial) = self.crew.heard(pid, message) {
                    self.announced = self.announced.max(serial);
                }
            }
            Happening::Ended(pid, end) => self.agent_ended(pid, &end),
            Happening::AskedToStop => self.asked_to_stop(),
            Happening::Asked(asked) => self.asked(asked),
            Happening::BootstrapperGone => {
                warn!("the bootstrapper is gone; leaving the agent to the next one");
                self.exit = Some(Exit::Orphaned);
            }
            // Nothing new is begun while this host is being stopped.
            _ if self.ending != Ending::No => {}
            Happening::Answered(question, answer) => self.answered(question, answer),
            Happening::Received(digest, done, total) => self.received(digest, done, total),
            Happening::Downloaded(digest, done) => self.downloaded(digest, done),
            Happening::Sealed(digest, sealed) => self.sealed(digest, sealed),
        }
    }

    fn asked_to_stop(&mut self) {
        self.ending = match self.ending {
            Ending::No => {
                info!("stopping: waiting for running jobs");
                Ending::Stop
            }
            Ending::Stop | Ending::Cancel => {
                info!("stopping now: cancelling running jobs");
                Ending::Cancel
            }
        };
    }

    fn agent_ended(&mut self, pid: u32, end: &End) {
        let Some(agent) = self.crew.remove(pid) else {
            return;
        };
        adopt::forget(&self.state, pid);
        let now = self.now();
        let lived = now.saturating_sub(agent.since);
        let version = agent.version.as_str();
        let committed = self.agent_page.committed();
        let how = end.how.as_str();
        let on_trial = agent.digest.is_some() && agent.digest == self.upgrade.trial();
        if self.ending != Ending::No || agent.is_rejected() {
            info!(pid, version, how, "agent ended");
            if on_trial && !agent.is_rejected() {
                // It was this host that was stopped.
                self.give_try_back();
            }
        } else if on_trial {
            let lived_ms = lived.as_millis();
            let first = format!("agent {version} ended before it was ever proved");
            // Of the first agent it is said once, however often it is tried.
            if committed.is_some() || self.complaints.is_news(&first, how) {
                warn!(pid, version, how, lived_ms, "agent ended while on trial");
            }
            let mut facts = agent.facts(now);
            facts.ended = true;
            if let Some(verdict) = judge(&facts, &self.gate, committed.is_some()) {
                self.feed(Event::Judged(verdict));
            }
        } else if agent.served() && agent.digest == committed {
            // One that ends after a job, as it can be told to, does what it should.
            let did_its_work = end.success && agent.facts(now).jobs_done > 0;
            let (restarts, wait) = self.restarts.ended(lived, did_its_work, Self::luck());
            self.restarts = restarts;
            self.restart_at = now + wait;
            if !did_its_work {
                self.crash_loop.ended(now);
            }
            warn!(
                pid,
                version,
                how,
                restart_in_s = wait.as_secs(),
                "agent ended; starting it again"
            );
        } else {
            info!(pid, version, how, "relieved agent ended");
        }
    }

    /// Does what is due, and says whether this process is to end.
    pub(crate) fn act(&mut self) -> Option<Exit> {
        let now = self.now();
        if self.ending == Ending::No && self.exit.is_none() {
            self.continue_upgrade(now);
            self.fall_back(now);
            self.keep_running(now);
        }
        self.publish();
        if self.exit.is_some() {
            self.tell_systemd();
            return self.exit;
        }
        let trial = self.upgrade.trial();
        let committed = self.agent_page.committed();
        self.crew.assign(trial, committed, self.ending, now);
        self.crew.give_orders(now);
        self.crew.kill_lingering(now);
        self.ping(now);
        self.note_workers(now);
        self.report_health(now);
        self.tell_systemd();
        let stopped = self.ending != Ending::No && self.crew.is_empty();
        stopped.then_some(Exit::Success)
    }

    fn continue_upgrade(&mut self, now: Duration) {
        let known = self
            .trust
            .as_ref()
            .and_then(|trust| trust.manifest())
            .map_or(0, |manifest| manifest.serial);
        let calm = matches!(
            self.upgrade,
            Upgrade::Idle { failures: 0, .. } | Upgrade::Trying { asked: false, .. }
        );
        if calm && self.announced > known && self.announced != self.asked_for {
            info!(serial = self.announced, "the server has a newer release");
            self.asked_for = self.announced;
            self.feed(Event::AskNow);
        }
        if self.upgrade.due().is_some_and(|due| due <= now) {
            self.feed(Event::Tick);
        }
        let can_go_back = self.agent_page.committed().is_some();
        let verdict = self
            .crew
            .of(self.upgrade.trial())
            .and_then(|agent| judge(&agent.facts(now), &self.gate, can_go_back));
        if let Some(verdict) = verdict {
            self.feed(Event::Judged(verdict));
        }
    }

    /// Puts the version before on trial if the committed one ends again and again.
    fn fall_back(&mut self, now: Duration) {
        let serving = self.crew.of(self.agent_page.committed());
        if serving.is_some_and(|agent| now.saturating_sub(agent.since) >= STABLE) {
            self.crash_loop.recovered();
        }
        if !self.crash_loop.wants_other(now) || self.upgrade.trial().is_some() {
            return;
        }
        let Some(previous) = self.agent_page.previous() else {
            return;
        };
        let name = Component::Agent.name();
        if self.is_revoked(previous) || self.store.verified(previous, name).is_err() {
            return;
        }
        self.crash_loop.falls_back(now);
        let task = self.task_from_store(Component::Agent, previous, Cause::CrashLoop);
        let from = self.version_of(self.agent_page.committed());
        error!(%from, to = %task.version, "the agent ends again and again; trying the version before");
        self.feed(Event::FallBack(task));
    }

    /// Starts the committed agent if it should run and does not.
    fn keep_running(&mut self, now: Duration) {
        self.reread_agent_page();
        let Some(committed) = self.agent_page.committed() else {
            return;
        };
        let provided = self.crew.of(Some(committed)).is_some() || self.upgrade.trial().is_some();
        if provided || now < self.restart_at {
            return;
        }
        let name = Component::Agent.name();
        match self.store.verified(committed, name) {
            Ok(file) => {
                if let Err(error) = self.start_agent(&file, committed, "committed") {
                    self.start_failed(now, &error.to_string());
                }
            }
            Err(EntryError::Io(error)) => self.start_failed(now, &error.to_string()),
            Err(error) => {
                let version = self.version_of(Some(committed));
                error!(%version, digest = %committed, %error, "the committed agent is lost; fetching it again");
                step_switch::give_up(&self.store, committed, &error);
                self.lose(committed);
            }
        }
    }

    /// A page that never was written may be one that could not be read, for want of a free file say:
    /// then what is installed must not stay unknown.
    pub(crate) fn reread_agent_page(&mut self) {
        if self.agent_page.generation() == 0 {
            self.agent_page = self.agent_slot.read().page;
        }
    }

    fn start_failed(&mut self, now: Duration, reason: &str) {
        let (restarts, wait) = self.restarts.ended(Duration::ZERO, false, Self::luck());
        self.restarts = restarts;
        self.restart_at = now + wait.max(Duration::from_secs(1));
        let wait = self.restart_at.saturating_sub(now);
        self.complain_until("cannot start the agent", "store", reason, Some(wait));
    }

    /// The store has no such version any more: the page falls back to the one before.
    fn lose(&mut self, digest: Digest) {
        match step_switch::change(&self.agent_slot, |page| Ok(page.lost(digest))) {
            Ok(page) => self.agent_page = page,
            Err(error) => {
                self.complain("cannot fall back", "slot", &error.to_string());
                // In memory it counts all the same.
                self.agent_page = self.agent_page.clone().lost(digest);
            }
        }
        self.feed(Event::AskNow);
    }

    /// Pings whom something depends on: the agent on trial, and the one that our own health is
    /// judged by.
    fn ping(&mut self, now: Duration) {
        let watched = [
            self.crew.of(self.upgrade.trial()),
            self.crew.serving().filter(|_| self.owes_report),
        ];
        let mut pids: Vec<u32> = watched
            .into_iter()
            .flatten()
            .map(|agent| agent.id.pid)
            .collect();
        pids.dedup();
        if pids.is_empty() && self.ending == Ending::No {
            let serving = self.crew.serving().map(|agent| agent.id.pid);
            if let Some(pid) = serving {
                self.crew.ping(pid, now, self.gate.pulse);
                self.crew.end_if_hung(pid);
            }
        }
        for pid in pids {
            self.crew.ping(pid, now, self.gate.ping_interval);
        }
    }

    /// Whether the committed agent takes jobs.
    pub(crate) fn committed_serves(&self) -> bool {
        let agent = self.crew.of(self.agent_page.committed());
        agent.is_some_and(Agent::takes_jobs)
    }

    /// Measures the time without a worker during a switch, and says when it is over.
    fn note_workers(&mut self, now: Duration) {
        if let Some(switch) = &mut self.switching {
            switch.gap.workers(self.crew.workers(), now);
        }
        if self.committed_serves() {
            self.outward.serves(now);
        }
        let Some(agent) = self.crew.newly_working() else {
            return;
        };
        let (to, pid) = (agent.version.as_str(), agent.id.pid);
        let is_successor = |switch: &mut Switch| agent.digest == Some(switch.to);
        match self.switching.take_if(is_successor) {
            Some(switch) => {
                let gap_ms = switch.gap.total().as_millis();
                info!(from = %switch.from, to, pid, gap_ms, "agent switched");
            }
            None => info!(version = to, pid, "agent takes jobs"),
        }
    }

    fn report_health(&mut self, now: Duration) {
        if !self.owes_report || self.ending != Ending::No {
            return;
        }
        let agent = match self.crew.serving() {
            Some(agent) if agent.answers() => AgentStanding::Answers,
            None if self.agent_page.committed().is_none() => AgentStanding::NothingToRun,
            _ => AgentStanding::Missing,
        };
        if !health::is_healthy(now, self.gate.hold, agent) {
            return;
        }
        self.owes_report = false;
        match health::report() {
            Ok(()) => info!(version = self.own.stamp, "launcher is healthy"),
            Err(error) => warn!(%error, "cannot report to the bootstrapper"),
        }
    }

    /// How long the loop may sleep; `None` for until something happens.
    pub(crate) fn next_wake(&self) -> Option<Duration> {
        let now = self.now();
        let in_time = |at: Duration| at.saturating_sub(now);
        let mut wakes = Vec::new();
        if self.ending == Ending::No {
            wakes.extend(self.upgrade.due().map(in_time));
            let waits = self.restart_at > now && self.upgrade.trial().is_none();
            wakes.extend(waits.then(|| in_time(self.restart_at)));
            wakes.extend(
                (self.owes_report && now < self.gate.hold).then(|| in_time(self.gate.hold)),
            );
        }
        if self.upgrade.trial().is_some() || self.owes_report || self.crew.has_rejected() {
            wakes.push(self.gate.ping_interval);
        } else if self.crew.serving().is_some() {
            wakes.push(self.gate.pulse);
        }
        wakes.extend(self.outward.due().map(in_time));
        wakes.extend(self.voice.due().map(in_time));
        wakes.extend(self.crew.deaf_in(now));
        wakes.into_iter().min()
    }
}

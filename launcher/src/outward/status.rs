//! Putting the status together. It is derived from scratch each time.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use shared_control::Status;
use shared_control::status::{
    Agent, Component as Shown, Disk, Gate, Mark, Phase, PolicyInForce, Tier, Trial, Until, Version,
    Waiting,
};
use shared_handover::layout::Component;
use shared_handover::message::Phase as AgentPhase;
use shared_slots::{Bad, Digest, Hold, Moment, OsFs, Page, Room};

use super::phase;
use crate::perform::Host;
use crate::upgrade::{Step, Upgrade};

/// What an agent is doing, in one word.
const fn standing(phase: Option<AgentPhase>) -> &'static str {
    match phase {
        None => "starting",
        Some(AgentPhase::Standby) => "standby",
        Some(AgentPhase::Serving) => "serving",
        Some(AgentPhase::Draining) => "draining",
    }
}

impl Host<'_> {
    /// Writes the status if something changed, and answers those who waited for the step that ended.
    pub(crate) fn publish(&mut self) {
        self.answer_those_who_wait();
        self.measure();
        let now = self.now();
        let written = if std::mem::take(&mut self.outward.changed) {
            let status = self.status();
            self.outward.status.put(status, now)
        } else {
            self.outward.status.tick(now)
        };
        self.outward.heard(written);
    }

    pub(crate) fn status(&self) -> Status {
        let manifest = self.trust.as_ref().and_then(|trust| trust.manifest());
        let launcher_page = self.launcher_slot.read().page;
        let components = [
            (Component::Launcher, &launcher_page),
            (Component::Agent, &self.agent_page),
        ];
        Status {
            as_of: Some(Timestamp::now()),
            channel: self.settings.channel.clone(),
            server: self.settings.release_base(),
            serial: manifest.map(|manifest| manifest.serial),
            expires: manifest.map(|manifest| manifest.expires),
            root_version: self.trust.as_ref().map(|trust| trust.root().version()),
            next_check: self.upgrade.due().map(|due| self.wall_at(due)),
            server_trouble: self.outward.server_trouble.clone(),
            tiers: self.tiers(),
            components: components
                .into_iter()
                .map(|(component, page)| (component.name().to_owned(), self.shown(component, page)))
                .collect(),
            agents: self
                .crew
                .all()
                .map(|agent| self.shown_agent(agent))
                .collect(),
            disk: self.disk(),
            clock_skew: self.clock.skew(),
            policy: self.policy_in_force(),
            ..Status::default()
        }
    }

    /// The wall-clock time at a moment of this launcher's life.
    fn wall_at(&self, at: Duration) -> Timestamp {
        let ahead = SignedDuration::try_from(at).unwrap_or_default()
            - SignedDuration::try_from(self.now()).unwrap_or_default();
        Timestamp::now()
            .saturating_add(ahead)
            .unwrap_or(Timestamp::MAX)
    }

    fn tiers(&self) -> Vec<Tier> {
        let uptime = self.now().as_secs();
        let launcher = Tier {
            name: Component::Launcher.name().to_owned(),
            version: self.own.stamp.to_owned(),
            digest: self.own.digest.map(|d| d.to_string()).unwrap_or_default(),
            pid: std::process::id(),
            uptime,
        };
        let bootstrapper = self.own.bootstrapper.as_ref();
        let bootstrapper = bootstrapper.map(|(pid, version)| Tier {
            name: "bootstrapper".to_owned(),
            version: version.clone(),
            pid: *pid,
            ..Tier::default()
        });
        bootstrapper.into_iter().chain([launcher]).collect()
    }

    fn version(&self, digest: Digest) -> Version {
        let meta = self.store.meta(digest);
        Version {
            version: meta.version,
            digest: digest.to_string(),
            serial: meta.serial,
        }
    }

    fn shown(&self, component: Component, page: &Page) -> Shown {
        let subject = self.outward.subject.as_ref();
        let wanted = subject
            .filter(|(subject, _)| *subject == component)
            .map(|(_, version)| version.clone());
        let is_subject = wanted.is_some();
        let step = self.upgrade.step();
        let is_open = is_subject && !matches!(step, Step::Idle | Step::Checking);
        let committed = page.committed().map(|digest| self.version(digest));
        let rescue = component == Component::Agent && self.crash_loop.is_rescue();
        Shown {
            from: committed.clone().filter(|_| is_open),
            to: wanted.filter(|_| is_open),
            committed,
            previous: page.previous().map(|digest| self.version(digest)),
            trial: page.trial().map(|trial| Trial {
                version: self.version(trial.digest),
                tries_left: trial.tries_left,
            }),
            generation: page.generation(),
            phase: match (is_open, rescue) {
                (true, _) => phase(step),
                (false, true) => Phase::Rescue,
                (false, false) => Phase::Idle,
            },
            percent: self.percent().filter(|_| is_open),
            bytes: self.bytes_of(component),
            attempt: if is_open { self.outward.attempts } else { 0 },
            last_error: self.outward.last_errors.get(&component).cloned(),
            gate: self.open_gate().filter(|_| component == Component::Agent),
            waiting: self.waits().filter(|_| is_open),
            marks: self.marks(page),
        }
    }

    fn percent(&self) -> Option<u8> {
        let (done, total) = self.upgrade.received();
        u8::try_from(done.saturating_mul(100).checked_div(total)?).ok()
    }

    fn bytes_of(&self, component: Component) -> BTreeMap<String, u64> {
        let counted = self.outward.bytes.get(&component).into_iter().flatten();
        counted
            .map(|(kind, bytes)| (kind.name().to_owned(), *bytes))
            .collect()
    }

    fn open_gate(&self) -> Option<Gate> {
        let agent = self.crew.of(self.upgrade.trial())?;
        let facts = agent.facts(self.now());
        let held = facts.age >= self.gate.hold && facts.answered && facts.missed == 0;
        let facts = [
            ("self-test", facts.self_test == Some(true)),
            ("held", held),
            ("answers", facts.answered),
            ("accepted", facts.accepted),
            ("job-done", facts.jobs_done > 0),
        ];
        Some(Gate {
            since: Some(self.wall_at(agent.since)),
            facts: facts.map(|(name, holds)| (name.to_owned(), holds)).into(),
        })
    }

    fn waits(&self) -> Option<Waiting> {
        match &self.upgrade {
            Upgrade::Waiting { why, due, .. } => Some(Waiting {
                until: Some(self.wall_at(*due)),
                why: why.to_string(),
            }),
            _ => None,
        }
    }

    fn marks(&self, page: &Page) -> Vec<Mark> {
        let now = Moment::read(&OsFs);
        let mark = |bad: &Bad| Mark {
            version: self.version(bad.digest),
            count: bad.count,
            reason: bad.reason.text().to_owned(),
            until: match (page.held(bad.digest, now), bad.hold()) {
                (None, _) => Until::Over,
                (Some(_), Hold::UntilManifestChanges) => Until::NextRelease,
                (Some(_), Hold::Seconds(seconds)) => {
                    let passed = now.seconds.saturating_sub(bad.since);
                    let left = seconds.saturating_sub(passed);
                    Until::At(self.wall_at(self.now() + Duration::from_secs(left.into())))
                }
            },
        };
        page.bad().iter().map(mark).collect()
    }

    fn shown_agent(&self, agent: &crate::crew::Agent) -> Agent {
        let status = agent.status();
        let role = match agent.digest {
            None => "",
            digest if digest == self.agent_page.committed() => "committed",
            digest if digest == self.upgrade.trial() => "trial",
            digest if digest == self.agent_page.previous() => "previous",
            Some(_) => "",
        };
        let (ready, busy) = status.map_or((0, 0), |status| (status.ready, status.busy));
        Agent {
            pid: agent.id.pid,
            version: Version {
                version: agent.version.clone(),
                digest: agent.digest.map(|d| d.to_string()).unwrap_or_default(),
                serial: 0,
            },
            role: role.to_owned(),
            phase: standing(status.map(|status| status.phase)).to_owned(),
            workers: ready + busy,
            ready,
            busy,
            jobs_done: status.map_or(0, |status| status.jobs_done),
        }
    }

    fn disk(&self) -> Option<Disk> {
        let room = Room::of(&OsFs, self.state.root()).ok()?;
        Some(Disk {
            free: room.free,
            total: room.total,
            free_files: room.files,
            needed: self.upgrade.task().map_or(0, |task| task.size),
        })
    }

    fn policy_in_force(&self) -> PolicyInForce {
        let now = Timestamp::now();
        let pins = self.rules.pins(now).into_iter();
        PolicyInForce {
            trouble: self.rules.trouble().map(str::to_owned),
            pins: pins
                .map(|(component, version)| (component.name().to_owned(), version))
                .collect(),
            ..PolicyInForce::of(self.rules.policy(), now)
        }
    }
}

//! What systemd hears of this host: this launcher speaks for all three tiers.
//!
//! The bootstrapper is systemd's main process and says nothing, and agents are not told where it
//! listens; decision 0013 says why. Whatever may have changed, the loop in [`crate::run`] ends its
//! turn here; what is told follows from the state of the parts, so a launcher that takes over goes
//! on where the one before it was.

use std::time::Duration;

use shared_systemd::{RETRY, Standing, Systemd, work};
use tracing::{info, warn};

use crate::crew::{Agent, Ending};
use crate::perform::{Host, Own};
use crate::upgrade::{Task, Upgrade};

/// How long a start waits for an agent that takes jobs. One that has none by then counts as ready
/// all the same: what is missing is out of this host's hands, and systemd would end what does run.
const FIRST_AGENT: Duration = Duration::from_secs(20);

/// What systemd may wait longer for than for an agent: the way to and from one more message.
const LEEWAY: Duration = Duration::from_secs(10);

/// How long the watchdog waits for a launcher that is not proved. Its judge is the bootstrapper,
/// which ends no job for it; this is longer than a trial and the rests between its tries.
const UNPROVED: Duration = Duration::from_hours(1);

/// The line to systemd.
#[derive(Debug)]
pub(crate) struct Voice {
    systemd: Option<Systemd>,
    is_ready: bool,
    feed_at: Option<Duration>,
    /// When to say again what was not heard.
    retry_at: Option<Duration>,
}

/// What there is to tell, gathered from those who know it.
#[derive(Debug, Clone, Default)]
struct Scene {
    stops: bool,
    /// Version of the agent that takes jobs, or will.
    agent: Option<String>,
    /// Whether some agent takes jobs.
    works: bool,
    /// Workers of all agents: those that wait for a job, those that have one.
    ready: u32,
    busy: u32,
    /// Whether an agent was ever committed.
    installed: bool,
    /// Why this host is in rescue.
    rescue: Option<&'static str>,
    /// What the upgrade under way does.
    upgrade: Option<String>,
    /// Why the server is of no use.
    trouble: Option<String>,
}

impl Voice {
    /// The one to the systemd that the environment names, which watches us or our bootstrapper.
    pub(crate) fn find(own: &Own) -> Self {
        let bootstrapper = own.bootstrapper.as_ref().map(|(pid, _)| *pid);
        let processes: Vec<u32> = bootstrapper
            .into_iter()
            .chain([std::process::id()])
            .collect();
        let systemd = Systemd::find(&processes).unwrap_or_else(|deaf| {
            warn!("{deaf}");
            None
        });
        if let Some(systemd) = &systemd {
            let watchdog_s = systemd.watchdog().map(|usual| usual.as_secs());
            info!(watchdog_s, "telling systemd how this host is");
            // Where it does not hear this, a start may take what its unit says.
            let _ = systemd.extend_start(FIRST_AGENT + LEEWAY);
        }
        Self::to(systemd)
    }

    fn to(systemd: Option<Systemd>) -> Self {
        let watchdog = systemd.as_ref().and_then(Systemd::watchdog);
        Self {
            systemd,
            is_ready: false,
            feed_at: watchdog.map(|_| Duration::ZERO),
            retry_at: None,
        }
    }

    /// When to speak next, if nothing happens before.
    pub(crate) fn due(&self) -> Option<Duration> {
        let ready_at = (self.systemd.is_some() && !self.is_ready).then_some(FIRST_AGENT);
        ready_at
            .into_iter()
            .chain(self.feed_at)
            .chain(self.retry_at)
            .min()
    }

    fn tell(&mut self, scene: &Scene, is_proved: bool, now: Duration) {
        let Some(systemd) = &mut self.systemd else {
            return;
        };
        self.is_ready |= scene.works || now >= FIRST_AGENT;
        let standing = Standing {
            ready: self.is_ready,
            stopping: scene.stops,
            status: scene.status(),
            patience: systemd.watchdog().map(|usual| patience(usual, is_proved)),
        };
        if let Some(error) = systemd.tell(standing) {
            warn!(%error, "cannot tell systemd how this host is; trying again");
        }
        self.retry_at = systemd.owes().then(|| now + RETRY);
        if self.feed_at.is_some_and(|at| at <= now) {
            if let Some(error) = systemd.feed() {
                warn!(%error, "cannot feed systemd's watchdog; trying again");
            }
            self.feed_at = systemd.feed_in().map(|wait| now + wait);
        }
    }
}

/// How long the watchdog is to wait.
fn patience(usual: Duration, is_proved: bool) -> Duration {
    if is_proved {
        usual
    } else {
        usual.max(UNPROVED)
    }
}

impl Scene {
    fn status(&self) -> String {
        if self.stops {
            return match self.busy {
                0 => "stopping".to_owned(),
                1 => "stopping, 1 job running".to_owned(),
                busy => format!("stopping, {busy} jobs running"),
            };
        }
        let agent = match &self.agent {
            Some(agent) if self.works || self.busy > 0 => {
                format!("agent {agent}: {}", work(self.ready, self.busy))
            }
            Some(agent) => format!("agent {agent} takes no jobs yet"),
            None if self.installed => "no agent runs".to_owned(),
            None => "no agent is installed yet".to_owned(),
        };
        let trouble = self.trouble.clone().filter(|_| !self.works);
        let parts = self.rescue.map(str::to_owned).into_iter();
        let parts = parts
            .chain([agent])
            .chain(self.upgrade.clone())
            .chain(trouble);
        parts.collect::<Vec<_>>().join("; ")
    }
}

/// What an upgrade does, where that takes a while.
fn under_way(upgrade: &Upgrade, trial: &str) -> Option<String> {
    let of = |task: &Task| format!("{} {}", task.component.name(), task.version);
    match upgrade {
        Upgrade::Idle { .. } | Upgrade::Checking { .. } | Upgrade::Settling { .. } => None,
        Upgrade::Downloading { task, .. } => Some(format!("upgrading: fetching {}", of(task))),
        Upgrade::Staging { task, .. } | Upgrade::Arming { task, .. } => {
            Some(format!("upgrading: installing {}", of(task)))
        }
        Upgrade::Waiting { task, why, .. } => Some(format!("{} is held: {why}", of(task))),
        Upgrade::Trying { .. } => Some(format!("upgrading: agent {trial} is on trial")),
        Upgrade::Leaving => Some("upgrading: the next launcher takes over".to_owned()),
    }
}

impl Host<'_> {
    /// Tells systemd what is new, and that this process lives.
    pub(crate) fn tell_systemd(&mut self) {
        if self.voice.systemd.is_some() {
            let (scene, now) = (self.scene(), self.now());
            // One that hands over leaves the word to one that is not proved.
            let is_proved = !self.owes_report && self.exit.is_none();
            self.voice.tell(&scene, is_proved, now);
        }
    }

    fn scene(&self) -> Scene {
        let count = |of: fn(&shared_handover::message::Status) -> u32| {
            self.crew
                .all()
                .filter_map(|agent| agent.status().map(of))
                .sum()
        };
        let agent = self.crew.serving().or_else(|| self.crew.all().last());
        let rescue = match (self.crash_loop.is_rescue(), self.own.rescue) {
            (true, _) => Some("rescue: no installed agent stays up"),
            (false, true) => Some("rescue: no other launcher starts"),
            (false, false) => None,
        };
        Scene {
            stops: self.ending != Ending::No,
            agent: agent.map(|agent| agent.version.clone()),
            works: self.crew.all().any(Agent::takes_jobs),
            ready: count(|status| status.ready),
            busy: count(|status| status.busy),
            installed: self.agent_page.committed().is_some(),
            rescue,
            upgrade: under_way(&self.upgrade, &self.version_of(self.upgrade.trial())),
            trouble: self.outward.server_trouble().map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_work() -> Scene {
        Scene {
            agent: Some("1.2.0".to_owned()),
            works: true,
            ready: 2,
            installed: true,
            ..Scene::default()
        }
    }

    #[test]
    fn a_line_says_what_the_host_does_and_what_is_in_its_way() {
        let refused = || Some("connection refused".to_owned());
        let fetching = || Some("upgrading: fetching agent 1.3.0".to_owned());
        let mut scenes = [(); 8].map(|()| at_work());
        scenes[0] = Scene::default();
        (scenes[1], scenes[1].trouble) = (Scene::default(), refused());
        (scenes[2].works, scenes[2].ready) = (false, 0);
        scenes[3].trouble = refused();
        (scenes[4].busy, scenes[4].upgrade) = (2, fetching());
        (scenes[5].agent, scenes[5].works) = (None, false);
        scenes[5].rescue = Some("rescue: no installed agent stays up");
        scenes[6].stops = true;
        (scenes[7].stops, scenes[7].busy) = (true, 1);
        let lines = [
            "no agent is installed yet",
            "no agent is installed yet; connection refused",
            "agent 1.2.0 takes no jobs yet",
            "agent 1.2.0: idle, 2 workers connected",
            "agent 1.2.0: 2 jobs running, 4 workers connected; upgrading: fetching agent 1.3.0",
            "rescue: no installed agent stays up; no agent runs",
            "stopping",
            "stopping, 1 job running",
        ];
        assert_eq!(scenes.map(|scene| scene.status()), lines);
    }

    #[cfg(unix)]
    #[test]
    fn a_start_waits_for_an_agent_and_not_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("notify");
        let ear = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
        ear.set_nonblocking(true).unwrap();
        let heard = || {
            let mut heard = [0; 512];
            let count = ear.recv(&mut heard).unwrap_or_default();
            String::from_utf8_lossy(&heard[..count]).contains("READY=1")
        };
        let is_ready = |scene: &Scene, seconds| {
            let mut voice = Voice::to(Some(Systemd::at(socket.clone().into(), None)));
            assert_eq!(voice.due(), Some(FIRST_AGENT));
            voice.tell(scene, false, Duration::from_secs(seconds));
            assert_eq!(voice.due().is_none(), voice.is_ready);
            heard()
        };
        for (scene, seconds, ready) in [
            (Scene::default(), 0, false),
            (Scene::default(), 19, false),
            (Scene::default(), 20, true),
            (at_work(), 0, true),
        ] {
            assert_eq!(
                is_ready(&scene, seconds),
                ready,
                "{scene:?} after {seconds} s"
            );
        }
    }

    #[test]
    fn the_watchdog_waits_for_a_launcher_that_is_not_proved() {
        let (minutes, hours) = (Duration::from_mins(3), Duration::from_hours(2));
        for (usual, is_proved, expected) in [
            (minutes, true, minutes),
            (minutes, false, UNPROVED),
            (hours, false, hours),
        ] {
            assert_eq!(patience(usual, is_proved), expected);
        }
    }
}

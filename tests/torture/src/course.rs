//! One case: a host goes through a scenario while a fault strikes it, and is watched all the time.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use shared_handover::layout::Component;
use shared_slots::Page;

use crate::check::{self, Allowed};
use crate::clock;
use crate::damage;
use crate::host::{Dose, Factory, Host, Rig};
use crate::ledger::Ledger;
use crate::release::{Build, Manner, Release};
use crate::scenario::{Before, Scenario, Step, Version};
use crate::templates::Templates;
use crate::verdict::{Failure, Survived};

/// Within this a host must be at the newest release again, back-offs and second tries included.
const BUDGET: Duration = Duration::from_secs(40);

/// Within this a host must have stopped.
const STOP: Duration = Duration::from_secs(15);

/// Between two looks, and how many of them go without a look at the pointers.
const LOOK: Duration = Duration::from_millis(15);
const LOOKS: u32 = 4;

/// Numbers of versions that are published in place of one that the fault got marked as bad.
const REPLACEMENTS: u64 = 10;

/// More than any template has seen.
const TEMPLATE_SERIALS: u64 = 100;

/// A host on its way.
pub(crate) struct Course<'a> {
    pub(crate) host: Host<'a>,
    pub(crate) allowed: Allowed,
    /// The good versions that were published last: where the host must come to.
    wanted: [Build; 2],
    /// What was published last, good or bad.
    last: [Build; 2],
    serial: u64,
    /// Whether jobs may be lost: the fault or the scenario strikes the agent itself.
    may_lose: bool,
    looks: u32,
    restarts: u32,
    survived: Survived,
}

/// Runs a case. The host's folder stays, for whoever wants to look at it.
pub(crate) fn run(
    rig: &Rig,
    templates: &Templates,
    scenario: &Scenario,
    dose: Dose,
    name: &str,
) -> Result<Survived, Failure> {
    let may_lose = matches!(&dose, Dose::Fault(fault) if fault.place.component == "agent")
        || (scenario.steps.iter())
            .any(|step| matches!(step, Step::Kill("agent") | Step::StopAlone));
    let host = Host::new(rig, name, templates.folder(scenario.before), dose)?;
    let agent = match scenario.before {
        Before::Real1 => Manner::Real,
        _ => Manner::Good,
    };
    let mut course = Course::new(host, [(1, Manner::Good), (1, agent)], may_lose);
    course.host.factory = match scenario.before {
        Before::Embedded => Factory::Embedded,
        Before::Beside => Factory::Beside,
        _ => Factory::Given,
    };
    let is_new = templates.folder(scenario.before).is_none();
    if scenario.before == Before::Release2 {
        course.offer([(2, Manner::Good); 2]);
    }
    if !is_new {
        // Above what the template has seen.
        course.serial = TEMPLATE_SERIALS;
        course.allowed.settled = Component::ALL
            .iter()
            .map(|component| component.name())
            .collect();
    }
    let before = course.wanted.clone();
    course.host.rig.server.give_jobs(name, true);
    if !is_new {
        course.publish(&before, false);
    }
    course.host.start()?;
    for step in scenario.steps {
        course.take(*step)?;
    }
    course.finish()
}

impl<'a> Course<'a> {
    pub(crate) fn new(host: Host<'a>, [launcher, agent]: [Version; 2], may_lose: bool) -> Self {
        let publisher = &host.rig.publisher;
        let builds = [
            publisher.launcher(launcher.0, launcher.1),
            publisher.agent(agent.0, agent.1),
        ];
        let good = builds.iter().map(|build| build.digest).collect();
        Self {
            allowed: Allowed {
                good,
                ..Allowed::default()
            },
            wanted: builds.clone(),
            last: builds,
            serial: 0,
            may_lose,
            looks: 0,
            restarts: 0,
            survived: Survived::default(),
            host,
        }
    }

    fn take(&mut self, step: Step) -> Result<(), Failure> {
        match step {
            Step::Publish(launcher, agent) => {
                let builds = self.offer([launcher, agent]);
                self.publish(&builds, false);
            }
            Step::PublishBack(launcher, agent) => {
                let builds = self.offer([launcher, agent]);
                self.publish(&builds, true);
            }
            Step::Converge => self.converge()?,
            Step::Rejected(component) => {
                let bad = self.last[component as usize].digest;
                let rejected = move |page: &Page| page.bad().iter().any(|mark| mark.digest == bad);
                let came = self.until(BUDGET, |course| rejected(&course.host.page(component)))?;
                // A fault may get it judged otherwise; that it is not kept shows at the end.
                if !came && !self.host.was_struck() {
                    return Err(Failure::Stuck(format!(
                        "the bad {} was not rejected",
                        component.name()
                    )));
                }
            }
            Step::OnTrial(component) => {
                let wanted = self.wanted[component as usize].digest;
                let begun =
                    move |page: &Page| page.trial().is_some() || page.committed() == Some(wanted);
                self.until(BUDGET, |course| begun(&course.host.page(component)))?;
            }
            Step::Kill(which) => self.host.kill(which)?,
            Step::Deliver(launcher, agent) => self.deliver([launcher, agent])?,
            Step::Ask => self.ask()?,
            Step::JobRuns => {
                let path = self.host.ledger();
                self.until(BUDGET, |_| !Ledger::read(&path).is_quiet())?;
            }
            Step::StopAlone => {
                self.host.kill("launcher")?;
                self.stop()?;
                self.host.start()?;
            }
            Step::CutNext => self.host.rig.server.cut_next(&self.host.name),
            Step::Restart(damage) => {
                self.stop()?;
                damage::inflict(&self.host, &mut self.allowed, damage)?;
                self.host.start()?;
            }
        }
        Ok(())
    }

    /// Takes note of what will be published.
    pub(crate) fn offer(&mut self, versions: [Version; 2]) -> [Build; 2] {
        let publisher = &self.host.rig.publisher;
        let builds = [
            publisher.launcher(versions[0].0, versions[0].1),
            publisher.agent(versions[1].0, versions[1].1),
        ];
        for (at, (_, manner)) in versions.into_iter().enumerate() {
            if manner.is_good() {
                self.allowed.good.insert(builds[at].digest);
                self.wanted[at] = builds[at].clone();
            }
        }
        self.last.clone_from(&builds);
        builds
    }

    pub(crate) fn publish(&mut self, builds: &[Build; 2], downgrade: bool) {
        let manifest = self.manifest(builds, downgrade);
        self.host.rig.server.publish(&self.host.name, manifest);
    }

    fn manifest(&mut self, builds: &[Build; 2], downgrade: bool) -> Vec<u8> {
        self.serial += 1;
        let [launcher, agent] = builds.clone();
        let release = Release {
            serial: self.serial,
            launcher,
            agent,
            downgrade,
        };
        self.host.rig.publisher.manifest(&release)
    }

    /// Lays a release into the host's drop folder, the manifest last.
    fn deliver(&mut self, versions: [Version; 2]) -> io::Result<()> {
        let builds = self.offer(versions);
        let tree = self.host.state.drop_folder().join("v1");
        for folder in ["blobs", "stable"] {
            fs::create_dir_all(tree.join(folder))?;
        }
        for build in &builds {
            let path = tree.join(format!("blobs/{}", build.digest));
            fs::write(path, &*build.bytes)?;
        }
        let manifest = self.manifest(&builds, false);
        fs::write(tree.join("unfinished"), manifest)?;
        fs::rename(tree.join("unfinished"), tree.join("stable/manifest.json"))
    }

    /// Asks how the launcher is. A fault may keep it from answering, but not from working.
    fn ask(&mut self) -> Result<(), Failure> {
        let socket = self.host.state.launcher_socket();
        let answered = |_: &Self| -> bool {
            let ask = || {
                let mut stream = UnixStream::connect(&socket)?;
                stream.set_read_timeout(Some(Duration::from_secs(1)))?;
                stream.write_all(b"{\"ask\":\"status\"}\n")?;
                let mut byte = [0];
                stream.read_exact(&mut byte)
            };
            ask().is_ok()
        };
        let came = self.until(BUDGET, answered)?;
        if came {
            return Ok(());
        }
        Err(Failure::Stuck(
            "the control socket answers nobody".to_owned(),
        ))
    }

    /// Looks after the host until `done`, at most this long; whether it came.
    fn until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> Result<bool, Failure> {
        let begun = clock::now();
        loop {
            self.host.keep_up()?;
            self.looks += 1;
            let restarted = self.restarts != self.host.restarts;
            self.restarts = self.host.restarts;
            if restarted || self.looks.is_multiple_of(LOOKS) {
                check::pointers(&self.host, &self.allowed, restarted)?;
            }
            if done(self) {
                return Ok(true);
            }
            if begun.elapsed() > limit {
                return Ok(false);
            }
            clock::pause(LOOK);
        }
    }

    /// Waits for the newest release. Where the fault got it marked as bad, which lasts longer than
    /// anybody wants to wait here, the next one must do.
    pub(crate) fn converge(&mut self) -> Result<(), Failure> {
        let begun = clock::now();
        for _ in 0..3 {
            let given = self.host.rig.server.given(&self.host.name);
            let came = self.until(BUDGET, |course| {
                course.is_at_work(given) || course.held().is_some()
            })?;
            if !came {
                return Err(Failure::Stuck(self.describe()));
            }
            let Some(component) = self.held() else {
                let all = Component::ALL.iter().map(|component| component.name());
                self.allowed.settled = all.collect();
                self.survived.converged = self.survived.converged.max(begun.elapsed());
                return check::pointers(&self.host, &self.allowed, true);
            };
            let [launcher, agent] = self
                .wanted
                .each_ref()
                .map(|build| (build.seq, build.manner));
            let next = |(seq, manner): Version| (seq + REPLACEMENTS, manner);
            let versions = match component {
                Component::Launcher => [next(launcher), agent],
                Component::Agent => [launcher, next(agent)],
            };
            let builds = self.offer(versions);
            self.publish(&builds, false);
        }
        Err(Failure::Stuck(format!(
            "rejects everything: {}",
            self.describe()
        )))
    }

    /// Whether the wanted versions are committed, alone, and have jobs.
    fn is_at_work(&self, given: u64) -> bool {
        let committed = Component::ALL.into_iter().all(|component| {
            let page = self.host.page(component);
            let wanted = self.wanted[component as usize].digest;
            page.committed() == Some(wanted) && page.trial().is_none()
        });
        let agent = &self.wanted[1];
        let (server, name) = (&self.host.rig.server, &self.host.name);
        // The real agent does not say which of its builds it is.
        let last = server.last(name);
        let is_it = last.is_empty() || last == format!("0.{}.0", agent.seq);
        let works = server.given(name) > given && is_it;
        if !committed || !works {
            return false;
        }
        let agents = self.host.agents();
        agents.len() == 1 && agents[0].1 == agent.digest.to_string()
    }

    /// A component whose wanted version is marked as bad.
    fn held(&self) -> Option<Component> {
        Component::ALL.into_iter().find(|component| {
            let wanted = self.wanted[*component as usize].digest;
            let page = self.host.page(*component);
            let is_bad = page.bad().iter().any(|mark| mark.digest == wanted);
            is_bad && page.committed() != Some(wanted)
        })
    }

    /// Where it stands, for people.
    fn describe(&self) -> String {
        let component = |(component, wanted): (Component, &Build)| {
            let page = self.host.page(component);
            let committed = page.committed() == Some(wanted.digest);
            let trial = page.trial().map(|trial| trial.tries_left);
            let name = component.name();
            format!(
                "{name} {} committed: {committed}, tries left: {trial:?}; ",
                wanted.seq
            )
        };
        let components: String = Component::ALL
            .into_iter()
            .zip(&self.wanted)
            .map(component)
            .collect();
        let agents = self.host.agents().len();
        let last = self.host.rig.server.last(&self.host.name);
        format!(
            "not at the newest release in time: {components}agents: {agents}, last at work: {last:?}"
        )
    }

    /// Stops the host; a bootstrapper that the fault ends meanwhile is started and stopped again.
    pub(crate) fn stop(&mut self) -> Result<(), Failure> {
        for _ in 0..3 {
            self.host.ask_to_stop()?;
            let begun = clock::now();
            while !self.host.has_stopped()? {
                if begun.elapsed() > STOP {
                    return Err(Failure::Stuck("it does not stop".to_owned()));
                }
                clock::pause(LOOK);
            }
            let begun = clock::now();
            while begun.elapsed() < Duration::from_secs(1) {
                if self.host.processes().is_empty() {
                    return Ok(());
                }
                clock::pause(LOOK);
            }
            self.host.start()?;
            clock::pause(Duration::from_millis(300));
        }
        let left: Vec<String> = self
            .host
            .processes()
            .into_iter()
            .map(|(_, name)| name)
            .collect();
        Err(Failure::Leftover(format!(
            "processes after a stop: {}",
            left.join(", ")
        )))
    }

    /// No more jobs; all that were given run to their end; a clean stop that leaves nothing behind.
    fn finish(mut self) -> Result<Survived, Failure> {
        let (server, name) = (self.host.rig.server.clone(), self.host.name.clone());
        server.give_jobs(&name, false);
        let path = self.host.ledger();
        let settled = |course: &Self| {
            let ledger = Ledger::read(&path);
            ledger.is_quiet() && (course.may_lose || ledger.done() == server.given(&name))
        };
        self.until(Duration::from_secs(3), settled)?;
        let ledger = Ledger::read(&path);
        if ledger.twice() > 0 {
            return Err(Failure::JobsTwice(ledger.twice()));
        }
        let lost = server.given(&name).saturating_sub(ledger.done());
        if lost > 0 && !self.may_lose {
            return Err(Failure::JobsLost(lost));
        }
        let is_clean = |course: &Self| {
            course.host.agents().len() == 1 && check::leftovers(&course.host).is_empty()
        };
        self.until(Duration::from_secs(5), is_clean)?;
        self.stop()?;
        if !check::leftovers(&self.host).is_empty() {
            // What a fault kept from being removed is removed after the next start.
            self.host.start()?;
            self.until(Duration::from_secs(8), is_clean)?;
            self.stop()?;
        }
        let left = check::leftovers(&self.host);
        if !left.is_empty() {
            return Err(Failure::Leftover(left.join(", ")));
        }
        let owed = server.owed(&name);
        if owed > 0 && !self.may_lose {
            return Err(Failure::JobsLost(owed));
        }
        check::pointers(&self.host, &self.allowed, true)?;
        self.survived.struck = self.host.was_struck();
        self.survived.jobs = ledger.done();
        Ok(self.survived)
    }
}

//! A host: bootstrapper and launcher as one program over the real store and slots, in the order in
//! which the two use them. It ends when there is nothing left to do, or when the process dies.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use shared_slots::{
    Damage, Digest, EntryError, Moment, Page, Reason, Records, Refused, Reserve, Role, SealError,
    Slot, Source, Store, WriteError,
};

use crate::sim::Sim;
use crate::world::{FACTORY, Release, TRIES, Tier, Version};

pub(crate) const STATE: &str = "/state";
pub(crate) const FACTORY_FILE: &str = "/factory";
pub(crate) const MANIFEST: &str = "/state/trust/manifest.json";

/// How often a run may start a launcher before it counts as going round in circles.
const SESSIONS: usize = 12;

/// The run ended before all was done: the process died, or the disk failed. It is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended;

/// A fault of order, put in on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// A trial is started first and counted then.
    StartBeforeCount,
    /// What the new version replaces is removed before the commit is on disk.
    SweepBeforeCommit,
    /// The page names a version that is sealed only then.
    ArmBeforeSeal,
}

pub(crate) struct Host<'a> {
    sim: &'a Sim,
    store: Store<&'a Sim>,
    records: Records<&'a Sim>,
    mutant: Option<Mutant>,
    now: Moment,
    /// Whether the bootstrapper runs already, and only its launcher is new.
    runs: Cell<bool>,
}

pub(crate) fn slot(sim: &Sim, tier: Tier) -> Slot<&Sim> {
    let page = |number| PathBuf::from(format!("{STATE}/{}.p{number}", tier.name()));
    Slot::on(sim, [page(0), page(1)])
}

pub(crate) fn store(sim: &Sim) -> Store<&Sim> {
    Store::on(sim, format!("{STATE}/store").into())
}

fn partial(digest: Digest) -> PathBuf {
    format!("{STATE}/partial/{digest}").into()
}

impl From<WriteError> for Ended {
    fn from(_: WriteError) -> Self {
        Self
    }
}

impl From<SealError> for Ended {
    fn from(_: SealError) -> Self {
        Self
    }
}

impl From<std::io::Error> for Ended {
    fn from(_: std::io::Error) -> Self {
        Self
    }
}

impl<'a> Host<'a> {
    pub(crate) fn new(sim: &'a Sim, mutant: Option<Mutant>) -> Self {
        sim.world.borrow_mut().boots += 1;
        let now = sim.world.borrow().now();
        let quarantine = format!("{STATE}/quarantine").into();
        Self {
            sim,
            store: store(sim),
            records: Records::on(sim, Path::new(STATE), quarantine),
            mutant,
            now,
            runs: Cell::new(false),
        }
    }

    /// From the start of the bootstrapper until there is nothing left to do.
    pub(crate) fn run(&self) -> Result<(), Ended> {
        for _ in 0..SESSIONS {
            let (own, role) = self.bootstrapper()?;
            if self.launcher(own, role)? {
                return Ok(());
            }
        }
        self.sim.violated("it goes round in circles");
        Ok(())
    }

    // === what the slots and the processes go through ===

    fn write(&self, tier: Tier, page: Page) -> Result<(), WriteError> {
        let arms = page.trial().filter(|trial| trial.tries_left == TRIES);
        if let Some(trial) = arms {
            self.sim.world.borrow_mut().starts.remove(&trial.digest);
        }
        let page = slot(self.sim, tier).write(page)?;
        let mut world = self.sim.world.borrow_mut();
        world.written.insert(tier, page.generation());
        if page.committed().is_some() {
            world.has_committed.insert(tier, true);
        }
        drop(world);
        self.sim.power_may_fail();
        Ok(())
    }

    fn page(&self, tier: Tier) -> Page {
        let reading = slot(self.sim, tier).read();
        let damaged = |damage: &Option<Damage>| !matches!(damage, None | Some(Damage::Blank));
        if reading.damage.iter().all(damaged) && self.sim.is_healthy() {
            self.sim
                .violated(format!("invariant 1: the {} slot is lost", tier.name()));
        }
        reading.page
    }

    /// Invariant 2: what runs is what was named, whole and executable.
    fn execute(&self, digest: Digest, name: &str, on_trial: bool) {
        let path = self.store.folder(digest).join(name);
        let runs = self.sim.executed(&path);
        if runs != Some(digest) {
            self.sim
                .violated(format!("invariant 2: {name} {digest} runs {runs:?}"));
        }
        if on_trial {
            *self
                .sim
                .world
                .borrow_mut()
                .starts
                .entry(digest)
                .or_default() += 1;
        }
        self.sim.power_may_fail();
    }

    // === the bootstrapper ===

    fn bootstrapper(&self) -> Result<(Digest, Role), Ended> {
        if !self.runs.get() {
            self.store.create()?;
            slot(self.sim, Tier::Launcher).create()?;
            self.runs.set(true);
        }
        let before = self.page(Tier::Launcher);
        let (page, start) = self.pick(before.clone());
        if let Some((digest, role)) = start {
            let early = role == Role::Trial && self.mutant == Some(Mutant::StartBeforeCount);
            if early {
                self.execute(digest, "launcher", true);
            }
            let written = if page == before {
                Ok(())
            } else {
                self.write(Tier::Launcher, page)
            };
            match (written, role) {
                (Err(_), Role::Trial) => return Err(Ended),
                _ if early => {}
                _ => self.execute(digest, "launcher", role == Role::Trial),
            }
            return Ok((digest, role));
        }
        let meta = FACTORY.meta();
        let source = Source::Copy(Path::new(FACTORY_FILE));
        self.store.seal(FACTORY.digest(), source, &meta, &[])?;
        if page.committed().is_none()
            && let Ok(page) = page.adopt_factory(FACTORY.digest())
        {
            let _ = self.write(Tier::Launcher, page);
        }
        self.execute(FACTORY.digest(), "launcher", false);
        Ok((FACTORY.digest(), Role::Committed))
    }

    /// The bootstrapper's choice: the first that is whole of trial, committed, previous.
    fn pick(&self, mut page: Page) -> (Page, Option<(Digest, Role)>) {
        if page.trial().is_some_and(|trial| trial.tries_left == 0) {
            let rejected = page.clone().reject(Reason::TriesUsedUp, self.now);
            page = rejected.unwrap_or(page);
        }
        for (digest, role) in page.candidates() {
            match self.store.verified(digest, "launcher") {
                Ok(_) => {
                    if role == Role::Trial {
                        page = page.clone().count_try().unwrap_or(page);
                    }
                    return (page, Some((digest, role)));
                }
                Err(EntryError::Missing | EntryError::Corrupt { .. }) => {
                    page = page.lost(digest);
                    let _ = self.store.quarantine(digest);
                }
                Err(EntryError::Io(_)) => {}
            }
        }
        (page, None)
    }

    // === the launcher ===

    /// Runs launcher `own`; whether all is done, or it ended for another one to be started.
    fn launcher(&self, own: Digest, role: Role) -> Result<bool, Ended> {
        let version = Version::of(own).expect("only versions are executed");
        if role == Role::Trial && !version.good {
            return self.launcher_ended(own).map(|()| false);
        }
        self.store.create()?;
        for tier in Tier::BOTH {
            slot(self.sim, tier).create()?;
        }
        for folder in ["partial", "trust"] {
            self.records.folder(&Path::new(STATE).join(folder))?;
        }
        self.keep_agent_running()?;
        if role == Role::Trial
            && let Ok(page) = self.page(Tier::Launcher).commit()
        {
            self.write(Tier::Launcher, page)?;
        }
        if let Some(trial) = self.page(Tier::Agent).trial() {
            self.try_out(trial.digest)?;
        }
        if let Some(release) = self.manifest() {
            for tier in Tier::BOTH {
                if self.install(tier, release.of(tier), own)? {
                    return Ok(false);
                }
            }
        }
        self.sweep(own, None);
        let _ = Reserve::on(self.sim, Path::new(STATE)).ensure();
        Ok(true)
    }

    /// The bootstrapper's judgement of a trial that ended by itself.
    fn launcher_ended(&self, own: Digest) -> Result<(), Ended> {
        let page = self.page(Tier::Launcher);
        match page.trial() {
            Some(trial) if trial.digest == own && trial.tries_left == 0 => {
                let page = page.reject(Reason::TriesUsedUp, self.now);
                self.write(Tier::Launcher, page.map_err(|_| Ended)?)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn keep_agent_running(&self) -> Result<(), Ended> {
        loop {
            let page = self.page(Tier::Agent);
            let Some(committed) = page.committed() else {
                return Ok(());
            };
            match self.store.verified(committed, "agent") {
                Ok(_) => {
                    self.execute(committed, "agent", false);
                    return Ok(());
                }
                Err(EntryError::Io(_)) => return Err(Ended),
                Err(_) => {
                    let _ = self.store.quarantine(committed);
                    self.write(Tier::Agent, page.lost(committed))?;
                }
            }
        }
    }

    /// Reads the last manifest, asks for a newer one, and keeps that.
    fn manifest(&self) -> Option<Release> {
        let seen = read_manifest(self.sim);
        let release = self.sim.world.borrow().release?;
        if release.serial > seen {
            let kept = self
                .records
                .replace(Path::new(MANIFEST), &manifest(release.serial));
            if kept.is_ok() {
                self.sim.world.borrow_mut().serial = release.serial;
                self.sim.power_may_fail();
            }
        }
        Some(release)
    }

    /// Brings a version in; whether another launcher is to be started now.
    fn install(&self, tier: Tier, version: Version, own: Digest) -> Result<bool, Ended> {
        let digest = version.digest();
        let page = self.page(tier);
        let runs_already = tier == Tier::Launcher && digest == own;
        if page.committed() == Some(digest) || runs_already || page.held(digest, self.now).is_some()
        {
            return Ok(false);
        }
        let arm = || {
            let page = page.clone().arm(digest, TRIES).map_err(|_| Ended)?;
            self.write(tier, page).map_err(Ended::from)
        };
        if self.mutant == Some(Mutant::ArmBeforeSeal) {
            arm()?;
        }
        if let Some(plugins) = version.plugins() {
            self.download_and_seal(plugins)?;
        }
        self.download_and_seal(version)?;
        if self.mutant != Some(Mutant::ArmBeforeSeal) {
            arm()?;
        }
        if tier == Tier::Launcher {
            return Ok(true);
        }
        self.try_out(digest)?;
        self.sweep(own, None);
        Ok(false)
    }

    fn download_and_seal(&self, version: Version) -> Result<(), Ended> {
        use shared_slots::Fs as _;
        let file = partial(version.digest());
        if self
            .store
            .verified(version.digest(), version.component)
            .is_err()
        {
            self.sim.remove_file("model.clear", &file)?;
            self.sim
                .write_new("model.download", &file, &version.bytes())?;
        }
        let aliases: &[&str] = if version.component == "agent" {
            &["buildkite-agent"]
        } else {
            &[]
        };
        self.store.seal(
            version.digest(),
            Source::Move(&file),
            &version.meta(),
            aliases,
        )?;
        Ok(())
    }

    /// A trial of the agent: counted, started, judged.
    fn try_out(&self, digest: Digest) -> Result<(), Ended> {
        let early = self.mutant == Some(Mutant::StartBeforeCount);
        if early {
            self.execute(digest, "agent", true);
        }
        match self.page(Tier::Agent).count_try() {
            Ok(page) => self.write(Tier::Agent, page)?,
            Err(Refused::NoTryLeft) => {
                return self.settle(|page| page.reject(Reason::TriesUsedUp, self.now));
            }
            Err(_) => return Err(Ended),
        }
        match self.store.verified(digest, "agent") {
            Ok(_) if early => {}
            Ok(_) => self.execute(digest, "agent", true),
            Err(error) => {
                if let EntryError::Corrupt { .. } = error {
                    let _ = self.store.quarantine(digest);
                }
                return self.settle(Page::withdraw);
            }
        }
        let version = Version::of(digest).expect("only versions are executed");
        if self.mutant == Some(Mutant::SweepBeforeCommit)
            && let Ok(page) = self.page(Tier::Agent).commit()
        {
            self.sweep(digest, Some(&page));
        }
        if version.good {
            self.settle(Page::commit)
        } else {
            self.settle(|page| page.reject(Reason::ExitedOnTrial, self.now))
        }
    }

    fn settle(&self, verdict: impl FnOnce(Page) -> Result<Page, Refused>) -> Result<(), Ended> {
        let page = verdict(self.page(Tier::Agent)).map_err(|_| Ended)?;
        self.write(Tier::Agent, page)?;
        Ok(())
    }

    /// The launcher's clean-up; `instead` stands for an agent's page that is not on disk yet.
    fn sweep(&self, own: Digest, instead: Option<&Page>) {
        let readings = Tier::BOTH.map(|tier| slot(self.sim, tier).read());
        if readings.iter().any(shared_slots::Reading::is_lost) {
            return;
        }
        let [launcher, agent] = &readings;
        let pages = [&launcher.page, instead.unwrap_or(&agent.page)];
        let named = pages.into_iter().flat_map(Page::named);
        let mut keep: BTreeSet<Digest> = named.chain([own]).collect();
        let Ok(entries) = self.store.list() else {
            return;
        };
        let factory = entries
            .iter()
            .filter(|(_, meta)| meta.component == "launcher" && meta.serial == 0);
        keep.extend(factory.map(|(digest, _)| *digest));
        let _ = self.store.sweep(&keep);
    }
}

fn manifest(serial: u8) -> Vec<u8> {
    format!("manifest with serial {serial}").into_bytes()
}

/// The serial of the last manifest; 0 if there is none that makes sense.
pub(crate) fn read_manifest(sim: &Sim) -> u8 {
    use shared_slots::Fs as _;
    let read = sim.read("model.manifest", Path::new(MANIFEST), 100);
    let read = read.unwrap_or_default();
    (1..=9)
        .find(|serial| manifest(*serial) == read)
        .unwrap_or(0)
}

//! Carrying out what the state machine asks for, and telling it what came of it.

use std::collections::VecDeque;
use std::time::Duration;

use shared_fetch::{FetchError, Fetcher, ManifestReply, STALL_LIMIT};
use shared_handover::exit::Exit;
use shared_handover::layout::{Component, StateDir};
use shared_slots::{Digest, Moment, OsFs, Page, Reason, SealError, Slot, Store};
use tracing::{debug, error, info, warn};

use crate::complaints::{Complaints, REFUSED, UNREACHABLE};
use crate::crew::{Crew, Ending};
use crate::hand_over::{Gap, Switch};
use crate::keep_running::{Luck, Restarts};
use crate::settings::Settings;
use crate::step_check::{self, Installed};
use crate::step_switch::{self, Prepared};
use crate::step_watch::Gate;
use crate::trust::Trust;
use crate::upgrade::{Effect, Event, Now, Task, Upgrade, Verdict};
use crate::wire::{Happening, Reports};
use crate::{roll_back, step_download, step_stage, sweep};

/// Which launcher this is.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) stamp: &'static str,
    /// `None` for one that does not run from the store.
    pub(crate) digest: Option<Digest>,
    pub(crate) has_bootstrapper: bool,
}

/// All that this process knows; owned by the loop in [`crate::run`].
pub(crate) struct Host<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) state: StateDir,
    pub(crate) store: Store,
    launcher_slot: Slot,
    pub(crate) agent_slot: Slot,
    /// The agent's page as last read or written; nobody else writes it.
    pub(crate) agent_page: Page,
    fetcher: Fetcher,
    pub(crate) trust: Option<Trust>,
    pub(crate) own: Own,
    pub(crate) gate: Gate,
    pub(crate) upgrade: Upgrade,
    pub(crate) crew: Crew,
    pub(crate) restarts: Restarts,
    /// When the committed agent may be started again.
    pub(crate) restart_at: Duration,
    pub(crate) ending: Ending,
    /// Whether the bootstrapper still waits for our report.
    pub(crate) owes_report: bool,
    /// Highest serial that an agent heard of, and the one that was last asked for because of that.
    pub(crate) announced: u64,
    pub(crate) asked_for: u64,
    pub(crate) switching: Option<Switch>,
    complaints: Complaints,
    pub(crate) reports: Reports,
    started: tokio::time::Instant,
    pub(crate) exit: Option<Exit>,
}

impl<'a> Host<'a> {
    pub(crate) fn new(
        settings: &'a Settings,
        state: StateDir,
        store: Store,
        [launcher_slot, agent_slot]: [Slot; 2],
        trust: Option<Trust>,
        own: Own,
        reports: Reports,
    ) -> Result<Self, FetchError> {
        let user_agent = format!("trireme-launcher/{}", own.stamp);
        let owes_report = own.has_bootstrapper && crate::os::is_pipe(std::io::stdout());
        let mut host = Self {
            fetcher: Fetcher::new(&user_agent, STALL_LIMIT)?,
            gate: Gate::new(settings.gate()),
            agent_page: agent_slot.read().page,
            upgrade: Upgrade::Idle {
                due: Duration::ZERO,
                failures: 0,
            },
            crew: Crew::default(),
            restarts: Restarts::default(),
            restart_at: Duration::ZERO,
            ending: Ending::No,
            owes_report,
            announced: 0,
            asked_for: 0,
            switching: None,
            complaints: Complaints::default(),
            started: tokio::time::Instant::now(),
            exit: None,
            settings,
            state,
            store,
            launcher_slot,
            agent_slot,
            trust,
            own,
            reports,
        };
        host.adopt();
        host.take_up();
        Ok(host)
    }

    /// Since this launcher started.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn luck() -> Luck {
        Luck(getrandom::u32().unwrap_or(u32::MAX / 2))
    }

    /// Takes up a trial that the launcher before this one began. A launcher that is on trial itself
    /// first shows that it is healthy, so that two trials are not mixed.
    fn take_up(&mut self) {
        let launcher_trial = self.launcher_slot.read().page.trial();
        let on_trial = launcher_trial.is_some_and(|trial| Some(trial.digest) == self.own.digest);
        if on_trial && self.agent_page.committed().is_some() {
            self.upgrade = Upgrade::Idle {
                due: self.gate.hold,
                failures: 0,
            };
        }
        if let Some(trial) = self.agent_page.trial() {
            self.feed(Event::Resumed(trial.digest));
        }
    }

    /// Lets the state machine take a step, and everything that follows from it at once.
    pub(crate) fn feed(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let now = Now {
                at: self.now(),
                poll: self.settings.poll(),
                luck: Self::luck(),
            };
            debug!(?event, state = ?self.upgrade, "upgrade");
            // The state is taken out by value; the stand-in is gone before anybody sees it.
            let state = std::mem::replace(&mut self.upgrade, Upgrade::Leaving);
            let (next, effects) = state.next(event, now);
            self.upgrade = next;
            for effect in effects {
                events.extend(self.perform(effect));
            }
        }
    }

    /// Carries out one effect; what is known at once comes back as an event, the rest is reported.
    fn perform(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::Check => return self.check(),
            Effect::Download(task) => return self.download(task),
            Effect::Stage(task) => self.stage(task),
            Effect::Arm(task) => return Some(self.arm(&task)),
            Effect::StartTrial(digest) => return self.start_trial(digest),
            Effect::Settle(digest, verdict) => return Some(self.settle(digest, verdict)),
            Effect::Sweep => self.sweep(),
            Effect::Leave => self.exit = Some(Exit::RestartForUpgrade),
        }
        None
    }

    fn check(&mut self) -> Option<Event> {
        let Some(trust) = &self.trust else {
            return Some(Event::NothingNew);
        };
        let (fetcher, reports) = (self.fetcher.clone(), self.reports.clone());
        let base = self.settings.release_base();
        let channel = self.settings.channel.clone();
        let etag = trust.etag().map(str::to_owned);
        tokio::spawn(async move {
            let answer = step_check::ask(&fetcher, &base, &channel, etag.as_deref()).await;
            let _ = reports.send(Happening::Answered(answer));
        });
        None
    }

    /// The server answered: trust it or not, and see what follows.
    pub(crate) fn answered(&mut self, answer: Result<ManifestReply, FetchError>) {
        let Some(trust) = &mut self.trust else { return };
        let accepted = match answer {
            Ok(ManifestReply::Fresh { bytes, etag }) => trust
                .accept(bytes, etag)
                .map_err(|error| (REFUSED, error.to_string(), None)),
            Ok(ManifestReply::NotModified) => Ok(false),
            Err(error) => {
                let rest = error.retry_after();
                Err((UNREACHABLE, error.to_string(), rest))
            }
        };
        match accepted {
            Ok(is_new) => {
                self.complaints.manifest_came(is_new);
                self.compare();
            }
            Err((what, reason, rest)) => {
                self.feed(Event::Failed { rest });
                let file = format!("{}/manifest.json", self.settings.channel);
                self.complain(what, &file, &reason);
            }
        }
    }

    /// Compares the manifest with what is installed.
    fn compare(&mut self) {
        let Some(trust) = &self.trust else { return };
        let Some(manifest) = trust.manifest() else {
            return self.feed(Event::NothingNew);
        };
        if !trust.is_fresh(jiff::Timestamp::now()) {
            let reason = format!("it expired at {}; is the clock right?", manifest.expires);
            self.feed(Event::NothingNew);
            return self.complain("manifest not adopted", "manifest.json", &reason);
        }
        let launcher_page = self.launcher_slot.read().page;
        let installed = Installed {
            launcher: self.own.digest.filter(|_| self.own.has_bootstrapper),
            launcher_page: &launcher_page,
            agent_page: &self.agent_page,
            now: Moment::read(&OsFs),
        };
        let plan = step_check::plan(manifest, &installed);
        for skipped in &plan.skipped {
            let what = format!(
                "{} {} not installed",
                skipped.component.name(),
                skipped.version
            );
            self.complain(&what, "manifest.json", &skipped.why.to_string());
        }
        let Some(task) = plan.task else {
            return self.feed(Event::NothingNew);
        };
        let from = match task.component {
            Component::Launcher => self.own.stamp.to_owned(),
            Component::Agent => self.version_of(self.agent_page.committed()),
        };
        let component = task.component.name();
        let what = format!("new version of the {component}");
        // A version that cannot be installed is new again at every check.
        if self.complaints.is_news(&what, &task.digest.to_string()) {
            info!(component, %from, to = %task.version, serial = task.serial, "new version");
        }
        self.feed(Event::Checked(task));
    }

    fn download(&self, task: Task) -> Option<Event> {
        if self
            .store
            .verified(task.digest, task.component.name())
            .is_ok()
        {
            return Some(Event::Downloaded);
        }
        let (fetcher, reports) = (self.fetcher.clone(), self.reports.clone());
        let base = self.settings.release_base();
        let partial = step_download::partial(&self.state, task.digest);
        tokio::spawn(async move {
            let done = step_download::download(&fetcher, &base, &task, partial).await;
            let _ = reports.send(Happening::Downloaded(done));
        });
        None
    }

    pub(crate) fn downloaded(&mut self, done: Result<(), FetchError>) {
        match done {
            Ok(()) => self.feed(Event::Downloaded),
            Err(error) => self.step_failed(&error.to_string(), error.retry_after()),
        }
    }

    fn stage(&self, task: Task) {
        let (store, state) = (self.store.clone(), self.state.clone());
        let reports = self.reports.clone();
        tokio::task::spawn_blocking(move || {
            let sealed = step_stage::stage(&store, &state, &task);
            let _ = reports.send(Happening::Sealed(sealed));
        });
    }

    pub(crate) fn sealed(&mut self, sealed: Result<(), SealError>) {
        match sealed {
            Ok(()) => self.feed(Event::Staged),
            Err(error) => self.step_failed(&error.to_string(), None),
        }
    }

    fn step_failed(&mut self, reason: &str, rest: Option<Duration>) {
        let (Upgrade::Downloading { task, .. } | Upgrade::Staging { task, .. }) = &self.upgrade
        else {
            return;
        };
        let what = format!("{} {} not installed", task.component.name(), task.version);
        let file = task.urls.first().cloned().unwrap_or_default();
        self.feed(Event::Failed { rest });
        self.complain(&what, &file, reason);
    }

    fn arm(&mut self, task: &Task) -> Event {
        let slot = match task.component {
            Component::Launcher => &self.launcher_slot,
            Component::Agent => &self.agent_slot,
        };
        match step_switch::arm(slot, task.digest) {
            Ok(page) => {
                if task.component == Component::Launcher {
                    info!(from = self.own.stamp, to = %task.version, "launcher staged; handing over to it");
                } else {
                    self.agent_page = page;
                }
                Event::Armed
            }
            Err(error) => {
                self.complain("cannot put a version on trial", "slot", &error.to_string());
                Event::Failed { rest: None }
            }
        }
    }

    fn start_trial(&mut self, digest: Digest) -> Option<Event> {
        self.switching = self.agent_page.committed().map(|committed| Switch {
            from: self.version_of(Some(committed)),
            to: digest,
            gap: Gap::default(),
        });
        if self.crew.of(Some(digest)).is_some() {
            return None;
        }
        let name = Component::Agent.name();
        let prepared = step_switch::prepare(&self.agent_slot, &self.store, digest, name);
        self.agent_page = self.agent_slot.read().page;
        match prepared {
            Prepared::Start(file) => match self.start_agent(&file, digest, "trial") {
                Ok(()) => None,
                Err(error) => {
                    error!(%error, version = %self.version_of(Some(digest)), "cannot start the agent on trial");
                    Some(Event::Judged(Verdict::Reject(Reason::WouldNotStart)))
                }
            },
            Prepared::Over(verdict) => Some(Event::Judged(verdict)),
            Prepared::NotCounted(error) => {
                self.complain("trial not started", "slot", &error.to_string());
                Some(Event::Failed { rest: None })
            }
        }
    }

    /// Makes the verdict durable, then acts on it. To fall back is always done: the counted tries
    /// end a bad trial even if the page cannot be written now.
    fn settle(&mut self, digest: Digest, verdict: Verdict) -> Event {
        let settled = roll_back::settle(&self.agent_slot, verdict);
        match settled {
            Ok(page) => self.agent_page = page,
            Err(error) => {
                self.complain("verdict not written", "slot", &error.to_string());
                if verdict == Verdict::Commit {
                    return Event::Failed { rest: None };
                }
            }
        }
        let version = self.version_of(Some(digest));
        let back_to = self.version_of(self.agent_page.committed());
        match verdict {
            Verdict::Commit => info!(%version, "agent committed"),
            Verdict::Reject(reason) => {
                warn!(%version, reason = reason.text(), %back_to, "agent rejected and rolled back");
                self.crew.reject(digest);
            }
            Verdict::Withdraw => warn!(%version, %back_to, "agent could not be proved; taken back"),
        }
        if verdict != Verdict::Commit {
            self.switching = None;
            self.restart_at = self.now();
        }
        Event::Settled
    }

    fn sweep(&mut self) {
        let launcher_page = self.launcher_slot.read().page;
        let running = self.crew.digests().chain(self.own.digest);
        let pages = [&launcher_page, &self.agent_page];
        sweep::sweep(&self.store, &self.state, pages, running);
    }

    /// The version of a digest, for people.
    pub(crate) fn version_of(&self, digest: Option<Digest>) -> String {
        digest.map_or_else(
            || "none".to_owned(),
            |digest| self.store.meta(digest).version,
        )
    }

    /// One clear line for a trouble that is new; for one that lasts, only to those who want all.
    pub(crate) fn complain(&mut self, what: &str, file: &str, reason: &str) {
        let next_try_s = self
            .upgrade
            .due()
            .map(|due| due.saturating_sub(self.now()).as_secs());
        if self.complaints.is_news(what, &format!("{file} {reason}")) {
            warn!(
                file,
                reason, next_try_s, "{what}; what is installed keeps running"
            );
        } else {
            debug!(file, reason, next_try_s, "{what}");
        }
    }
}

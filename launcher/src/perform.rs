//! Carrying out what the state machine asks for, and telling it what came of it.

use std::collections::{BTreeSet, VecDeque};
use std::env::consts::{ARCH, OS};
use std::path::PathBuf;
use std::time::Duration;

use shared_fetch::{FetchError, Fetcher};
use shared_handover::exit::Exit;
use shared_handover::layout::{Component, StateDir};
use shared_slots::{Digest, Page, Records, Slot, Store};
use tokio::task::AbortHandle;
use tracing::{debug, warn};

use crate::clock::Clock;
use crate::complaints::Complaints;
use crate::crash_loop::CrashLoop;
use crate::crew::{Crew, Ending};
use crate::effort::Effort;
use crate::hand_over::Switch;
use crate::keep_running::{Luck, Restarts};
use crate::outward::Outward;
use crate::rules::Rules;
use crate::settings::Settings;
use crate::spoiled::Spoiled;
use crate::step_watch::Gate;
use crate::sweep;
use crate::systemd::Voice;
use crate::trust::Trust;
use crate::upgrade::{Effect, Event, Now, Step, Upgrade};
use crate::wire::Reports;

/// Which launcher this is.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) stamp: &'static str,
    /// Its file.
    pub(crate) program: PathBuf,
    /// `None` for one that does not run from the store.
    pub(crate) digest: Option<Digest>,
    pub(crate) has_bootstrapper: bool,
    /// Whether it runs because no other launcher does.
    pub(crate) rescue: bool,
    /// Process id and version of the bootstrapper, as far as it says so.
    pub(crate) bootstrapper: Option<(u32, String)>,
}

/// All that this process knows; owned by the loop in [`crate::run`].
pub(crate) struct Host<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) state: StateDir,
    pub(crate) store: Store,
    pub(crate) launcher_slot: Slot,
    pub(crate) agent_slot: Slot,
    /// The agent's page as last read or written; nobody else writes it.
    pub(crate) agent_page: Page,
    pub(crate) records: Records,
    pub(crate) effort: Effort,
    pub(crate) rules: Rules,
    pub(crate) fetcher: Fetcher,
    /// Ends the download under way.
    pub(crate) fetching: Option<AbortHandle>,
    /// Questions for the manifest so far; the last one is the one whose answer counts.
    pub(crate) questions: u64,
    /// When the manifest came that is known.
    pub(crate) news_at: Duration,
    pub(crate) trust: Option<Trust>,
    pub(crate) clock: Clock,
    pub(crate) own: Own,
    pub(crate) gate: Gate,
    pub(crate) upgrade: Upgrade,
    pub(crate) crew: Crew,
    pub(crate) restarts: Restarts,
    pub(crate) crash_loop: CrashLoop,
    /// When the committed agent may be started again.
    pub(crate) restart_at: Duration,
    pub(crate) ending: Ending,
    /// Whether the bootstrapper still waits for our report.
    pub(crate) owes_report: bool,
    /// Highest serial that an agent heard of, and the one that was last asked for because of that.
    pub(crate) announced: u64,
    pub(crate) asked_for: u64,
    pub(crate) switching: Option<Switch>,
    /// Files that came wrong.
    pub(crate) spoiled: Spoiled,
    /// Whether something may lie about that a sweep removes.
    pub(crate) unswept: bool,
    pub(crate) complaints: Complaints,
    pub(crate) outward: Outward,
    pub(crate) voice: Voice,
    pub(crate) reports: Reports,
    /// When this launcher started, moved on by what it overslept.
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
        let owes_report = own.has_bootstrapper && crate::os::is_pipe(std::io::stdout());
        let mut host = Self {
            fetcher: Fetcher::with(&settings.fetch_options(own.stamp))?,
            fetching: None,
            questions: 0,
            clock: Clock::default(),
            news_at: Duration::ZERO,
            records: Records::new(state.root(), state.quarantine()),
            effort: Effort::load(&state.root().join("effort.json")),
            rules: Rules::load(&state.policy(), settings.update_mode),
            outward: Outward::new(&state),
            voice: Voice::find(&own),
            crash_loop: CrashLoop::default(),
            gate: Gate::new(settings.gate_seconds),
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
            spoiled: Spoiled::default(),
            unswept: true,
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

    /// Since this launcher started, without the time in which it was not let run.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// This process was to wake up, and did so much later: it was stopped, or the machine was busy
    /// elsewhere. Nobody who waited for it meanwhile is to blame, so that time does not count.
    pub(crate) fn overslept(&mut self, late: Duration) {
        self.started += late;
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
                poll: self.settings.poll_interval,
                luck: Self::luck(),
            };
            debug!(?event, state = ?self.upgrade, "upgrade");
            // The state is taken out by value; the stand-in is gone before anybody sees it.
            let state = std::mem::replace(&mut self.upgrade, Upgrade::Leaving);
            let from = state.step();
            let (next, effects) = state.next(event.clone(), now);
            self.upgrade = next;
            self.outward.stepped(from, &event, &self.upgrade, now.at);
            self.end_download(from);
            for effect in effects {
                events.extend(self.perform(effect));
            }
        }
    }

    /// A download that was given up for something more urgent is not finished in the background.
    fn end_download(&mut self, from: Step) {
        if from == Step::Downloading
            && self.upgrade.step() != Step::Downloading
            && let Some(fetching) = self.fetching.take()
        {
            fetching.abort();
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

    /// Serial of the known manifest; 0 if there is none.
    pub(crate) fn serial(&self) -> u64 {
        let manifest = self.trust.as_ref().and_then(Trust::manifest);
        manifest.map_or(0, |manifest| manifest.serial)
    }

    /// Whether the known manifest has taken a version back.
    pub(crate) fn is_revoked(&self, digest: Digest) -> bool {
        let manifest = self.trust.as_ref().and_then(Trust::manifest);
        manifest.is_some_and(|manifest| manifest.is_revoked(&digest))
    }

    /// What must stay in the store; `None` if that is not known, because a slot cannot be read.
    pub(crate) fn to_keep(&self) -> Option<BTreeSet<Digest>> {
        let running = self.crew.digests().chain(self.own.digest);
        let wanted = self.upgrade.task().map(|task| task.digest);
        let in_use = running.chain(wanted).chain(self.agent_page.named());
        let in_use = in_use.chain(self.tried_again());
        let readings = [self.launcher_slot.read(), self.agent_slot.read()];
        sweep::to_keep(&self.store, readings.each_ref(), in_use)
    }

    /// Agents that are tried again and again for want of another one, and need not come anew for it.
    fn tried_again(&self) -> impl Iterator<Item = Digest> {
        let manifest = self.trust.as_ref().and_then(Trust::manifest);
        let manifest = manifest.filter(|_| self.has_no_agent());
        let listed = manifest.map(|manifest| manifest.listed(Component::Agent.name()));
        let targets = listed.into_iter().flatten();
        targets.filter_map(|release| Some(release.target_for(OS, ARCH)?.sha256))
    }

    /// Whether no agent is installed that works.
    pub(crate) fn has_no_agent(&self) -> bool {
        self.agent_page.committed().is_none() || self.crash_loop.is_rescue()
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
        let due = self.upgrade.due();
        let wait = due.map(|due| due.saturating_sub(self.now()));
        self.complain_until(what, file, reason, wait);
    }

    /// The same, with the time to the next try if there will be one.
    pub(crate) fn complain_until(
        &mut self,
        what: &str,
        file: &str,
        reason: &str,
        wait: Option<Duration>,
    ) {
        // In whole seconds, and never "in 0 s".
        let next_try_s = wait.map(|wait| wait.as_secs() + 1);
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

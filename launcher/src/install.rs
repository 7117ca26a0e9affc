//! From the question for the manifest to what follows from the answer. The asking runs in a task,
//! and its outcome comes back through [`crate::wire`]; the comparison is [`crate::plan`]'s.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use shared_fetch::ManifestReply;
use shared_handover::layout::Component;
use shared_release::Freshness;
use shared_slots::{Digest, Fs as _, Moment, OsFs};
use tracing::{info, warn};

use crate::complaints::{REFUSED, UNREACHABLE};
use crate::order::Trees;
use crate::perform::Host;
use crate::plan::{self, Installed, Plan, Why};
use crate::spread;
use crate::step_check::{self, Found, Question, Trouble};
use crate::trust::{Trust, advice};
use crate::upgrade::{Block, Event, Step, Supply, Task, Verdict};
use crate::wire::Happening;

impl Host<'_> {
    pub(crate) fn check(&mut self) -> Option<Event> {
        if self.is_in_the_way() {
            warn!("making room for the launcher on trial, which was not started");
            return Some(Event::PassedOver);
        }
        self.rules.reload();
        if self.trust.is_none() {
            // What was in the way at the start may be mended.
            let given = self.settings.trust_root.as_deref();
            self.trust = Trust::load(&self.state, given, &self.settings.channel).ok();
        }
        let Some(question) = self.question() else {
            return Some(Event::NothingNew);
        };
        let (fetcher, reports) = (self.fetcher.clone(), self.reports.clone());
        self.questions += 1;
        let number = self.questions;
        tokio::spawn(async move {
            let answer = step_check::ask(&fetcher, &question).await;
            let _ = reports.send(Happening::Answered(number, answer));
        });
        None
    }

    /// Whether this launcher runs in place of one on trial, and has done so for a while: what kept the
    /// bootstrapper from that one may be over. As often as the server is asked is often enough.
    fn is_in_the_way(&self) -> bool {
        self.upgrade.step() == Step::Checking
            && self.own.has_bootstrapper
            && self.now() >= self.settings.poll_interval / 2
            && plan::is_passed_over(&self.launcher_slot.read().page, self.own.digest)
    }

    fn question(&self) -> Option<Question> {
        let trust = self.trust.as_ref()?;
        Some(Question {
            trees: self.trees(),
            channel: self.settings.channel.clone(),
            etag: trust.etag().map(str::to_owned),
            root: trust.root().clone(),
            seen: trust.seen().cloned(),
        })
    }

    /// Where release trees are: mirrors nearby, the configured server, what the root names.
    pub(crate) fn trees(&self) -> Trees {
        let dropped = self.settings.drop_dir.clone();
        let drop_dir = dropped.unwrap_or_else(|| self.state.drop_folder());
        // Its address in an order needs the whole path.
        let drop_dir = std::path::absolute(&drop_dir).unwrap_or(drop_dir);
        Trees {
            // Most hosts have none, and then its absence need not be noticed for each file.
            drop_dir: OsFs
                .list("drop.list", &drop_dir)
                .is_ok()
                .then_some(drop_dir),
            bases: self.bases(),
        }
    }

    fn bases(&self) -> Vec<String> {
        let named = self.trust.as_ref().map(|trust| trust.root().base_urls());
        let mut bases = self.settings.mirrors.clone();
        bases.push(self.settings.release_base());
        bases.extend(named.unwrap_or_default().iter().cloned());
        let mut seen = BTreeSet::new();
        bases.retain(|base| seen.insert(base.clone()));
        bases
    }

    /// The server answered: trust it or not, and see what follows. Of an answer that nobody waits
    /// for any more, nothing does.
    pub(crate) fn answered(&mut self, question: u64, answer: Result<Found, Trouble>) {
        if question != self.questions || !self.upgrade.awaits_answer() {
            return;
        }
        let date = answer.as_ref().ok().and_then(|found| found.date);
        self.clock.heard(date, Timestamp::now());
        match answer.and_then(|found| self.adopt_manifest(found)) {
            Ok(is_new) => {
                self.complaints.manifest_came(is_new);
                self.outward.server_answered();
                if is_new {
                    self.manifest_changed();
                }
                self.compare(Event::NothingNew);
            }
            Err(trouble) => self.no_manifest(trouble),
        }
    }

    /// Trusts what was found; whether it is another manifest than the known one.
    fn adopt_manifest(&mut self, found: Found) -> Result<bool, Trouble> {
        let has = self.has();
        let Some(trust) = &mut self.trust else {
            return Ok(false);
        };
        for root in &found.roots {
            trust.follow(root).map_err(Trouble::Refused)?;
        }
        match found.reply {
            ManifestReply::Fresh { bytes, etag } => {
                trust.accept(bytes, etag, &has).map_err(Trouble::Refused)
            }
            ManifestReply::NotModified => Ok(false),
        }
    }

    fn no_manifest(&mut self, trouble: Trouble) {
        let (what, reason, rest) = match trouble {
            Trouble::Refused(error) => (REFUSED, advice(&error), None),
            Trouble::Unreachable(error) => (UNREACHABLE, error.to_string(), error.retry_after()),
        };
        self.outward.server_failed(what, &reason);
        // What is known already may have come another way than from a server, and may not be brought
        // about yet.
        self.compare(Event::Failed { rest });
        let file = format!("{}/manifest.json", self.settings.channel);
        self.complain(what, &file, &reason);
    }

    /// The versions of this host.
    pub(crate) fn has(&self) -> BTreeSet<Digest> {
        let mut has: BTreeSet<Digest> = self.launcher_slot.read().page.named();
        has.extend(self.agent_page.named());
        has.extend(self.own.digest);
        has.extend(self.crew.digests());
        has
    }

    /// Another manifest is another chance for what the one before could not bring in.
    fn manifest_changed(&mut self) {
        self.spoiled.clear();
        self.news_at = self.now();
        let manifest = self.trust.as_ref().and_then(Trust::manifest);
        let releases = manifest.map_or(&[][..], |manifest| &manifest.releases);
        let targets = releases.iter().flat_map(|release| &release.targets);
        let named: Vec<Digest> = targets.map(|target| target.sha256).collect();
        for slot in [&self.launcher_slot, &self.agent_slot] {
            let page = slot.read().page;
            let changed = page.clone().manifest_changed(&named);
            if changed == page {
                continue;
            }
            if let Err(error) = slot.write(changed) {
                warn!(%error, "cannot lift a hold; it lasts until the manifest after this one");
            }
        }
        self.agent_page = self.agent_slot.read().page;
    }

    /// Compares the known manifest with what is installed; `otherwise` is what happened if nothing
    /// is to be done.
    fn compare(&mut self, otherwise: Event) {
        if let Some(trial) = self.upgrade.trial() {
            return self.compare_with_trial(trial, otherwise);
        }
        let Some(plan) = self.plan() else {
            return self.feed(otherwise);
        };
        for skipped in plan
            .skipped
            .iter()
            .filter(|skipped| skipped.why != Why::Spoiled)
        {
            let component = skipped.component.name();
            let what = format!("{component} {} not installed", skipped.version);
            self.complain(&what, "manifest.json", &skipped.why.to_string());
        }
        self.outward.planned(&plan);
        let Some(mut task) = plan.task else {
            self.feed(otherwise);
            return self.sweep_once();
        };
        if task.supply == Supply::Store {
            task.version = self.version_of(Some(task.digest));
        }
        self.announce(&task);
        match self.in_the_way(&task) {
            Some((why, until)) => {
                self.blocked(task, why, until);
                self.sweep_once();
            }
            None => self.feed(Event::Checked(task)),
        }
    }

    /// Compares the manifest with the version on trial, which gives way to another agent that may be
    /// adopted now. Another launcher waits for the verdict, so that two trials are not mixed.
    fn compare_with_trial(&mut self, trial: Digest, otherwise: Event) {
        let is_revoked = self.is_revoked(trial);
        let next = self.plan().and_then(|plan| plan.agent);
        let next = next.filter(|next| next.digest != trial && self.may_be_adopted(next));
        if !is_revoked && next.is_none() {
            return self.feed(otherwise);
        }
        let version = self.version_of(Some(trial));
        match next {
            _ if is_revoked => warn!(%version, "the version on trial was taken back"),
            next => {
                let by = next.map(|next| next.version).unwrap_or_default();
                info!(%version, %by, "the version on trial gives way to a newer release");
            }
        }
        self.feed(Event::Judged(Verdict::Overtaken));
    }

    /// What follows from the manifest, if there is one that may be adopted.
    fn plan(&mut self) -> Option<Plan> {
        let trust = self.trust.as_ref()?;
        let expires = trust.manifest()?.expires;
        let wall = Timestamp::now();
        match trust.freshness(&self.clock.clocks(wall)) {
            Freshness::Fresh => {}
            Freshness::Healed => {
                let what = "a manifest past its expiry is taken on the word of the server";
                if self.complaints.is_news(what, &expires.to_string()) {
                    warn!(%expires, "{what}; set this host's clock");
                }
            }
            Freshness::Expired => {
                let reason = format!("it expired at {expires}; is the clock right?");
                self.complain("manifest not adopted", "manifest.json", &reason);
                return None;
            }
        }
        let trust = self.trust.as_ref()?;
        let manifest = trust.manifest()?;
        let entries = self.store.list().unwrap_or_default();
        Some(plan::plan(
            manifest,
            &Installed {
                launcher: self.own.digest.filter(|_| self.own.has_bootstrapper),
                launcher_page: &self.launcher_slot.read().page,
                agent_page: &self.agent_page,
                now: Moment::read(&OsFs),
                spoiled: &self.spoiled.resting(self.now()),
                sequences: trust.sequences(),
                sealed: &entries.into_keys().collect(),
                pins: &self.rules.pins(wall),
                rescue: [self.own.rescue, self.crash_loop.is_rescue()],
            },
        ))
    }

    fn announce(&mut self, task: &Task) {
        let from = match task.component {
            Component::Launcher => self.own.stamp.to_owned(),
            Component::Agent => self.version_of(self.agent_page.committed()),
        };
        let component = task.component.name();
        let what = format!("new version of the {component}");
        // A version that cannot be installed is new again at every check.
        if self.complaints.is_news(&what, &task.digest.to_string()) {
            let (to, why) = (&task.version, task.cause.text());
            info!(component, %from, %to, serial = task.serial, why, "new version");
        }
    }

    /// What stands in the way before a byte is fetched.
    fn in_the_way(&self, task: &Task) -> Option<(Block, Option<Duration>)> {
        // Not even a release that led to nothing so often may keep a host without an agent from
        // trying it: what stood in its way may be mended. The waits between the tries have grown.
        if task.component == Component::Agent && self.has_no_agent() {
            return None;
        }
        let launcher_page = self.launcher_slot.read().page;
        let pages = [&launcher_page, &self.agent_page];
        if self.effort.is_spent(task.serial, pages) {
            return Some((Block::Effort, None));
        }
        if self.has_nothing_to_lose(task) {
            return None;
        }
        let is_here = || {
            let entries = self.store.list().unwrap_or_default();
            entries.contains_key(&task.digest)
        };
        let ruled_out = self.ruled_out(task, is_here());
        ruled_out.or_else(|| {
            let spread = self.settings.spread;
            let waits = !spread.is_zero() && !task.security && !task.cause.is_urgent();
            let turn = self.news_at + spread::offset(&self.state, &task.digest, spread);
            (waits && self.now() < turn).then_some((Block::Spread, Some(turn)))
        })
    }

    /// Whether it may be fetched and, as things are now, put on trial then.
    fn may_be_adopted(&self, task: &Task) -> bool {
        self.in_the_way(task).is_none() && self.ruled_out(task, true).is_none()
    }

    /// What the policy says, before the download or, if the file `is_here`, after it.
    pub(crate) fn ruled_out(
        &self,
        task: &Task,
        is_here: bool,
    ) -> Option<(Block, Option<Duration>)> {
        if self.has_nothing_to_lose(task) {
            return None;
        }
        let wall = Timestamp::now();
        let objection = self.rules.objection(task, wall)?;
        let stands = is_here || !objection.may_fetch;
        let until = objection.until.map(|until| {
            let wait = Duration::try_from(until.duration_since(wall)).unwrap_or_default();
            self.now() + wait
        });
        stands.then_some((Block::Policy(objection.why), until))
    }

    /// Whether no version of the component works that any rule could protect. A launcher that runs
    /// as the rescue does so because no other one does.
    fn has_nothing_to_lose(&self, task: &Task) -> bool {
        match task.component {
            Component::Agent => self.has_no_agent(),
            Component::Launcher => self.own.rescue,
        }
    }

    /// Something that is nobody's fault stands in the way of a version.
    pub(crate) fn blocked(&mut self, task: Task, why: Block, until: Option<Duration>) {
        let what = format!("{} {} waits", task.component.name(), task.version);
        let reason = why.to_string();
        let place = task.place().to_owned();
        self.feed(Event::Blocked { task, why, until });
        self.complain(&what, &place, &reason);
    }
}

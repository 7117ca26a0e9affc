//! The steps that bring a version in: the question for the manifest, what follows from the answer,
//! download, sealing, and the page that puts it on trial. Each is an effect of [`crate::upgrade`]; what
//! takes long runs in a task, and its outcome comes back through [`crate::wire`].

use shared_fetch::{FetchError, ManifestReply};
use shared_handover::layout::Component;
use shared_slots::{Digest, Moment, OsFs, SealError};
use tracing::{info, warn};

use crate::complaints::{REFUSED, UNREACHABLE};
use crate::perform::Host;
use crate::step_check::{self, Installed, Why};
use crate::trust::{Trust, advice};
use crate::upgrade::{Event, Task, Upgrade};
use crate::wire::Happening;
use crate::{step_download, step_stage, step_switch};

impl Host<'_> {
    pub(crate) fn check(&mut self) -> Option<Event> {
        if self.trust.is_none() {
            // What was in the way at the start may be mended.
            let given = self.settings.trust_root.as_deref();
            self.trust = Trust::load(&self.state, given, &self.settings.channel).ok();
        }
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
                .map_err(|error| (REFUSED, advice(&error), None)),
            Ok(ManifestReply::NotModified) => Ok(false),
            Err(error) => {
                let rest = error.retry_after();
                Err((UNREACHABLE, error.to_string(), rest))
            }
        };
        match accepted {
            Ok(is_new) => {
                self.complaints.manifest_came(is_new);
                if is_new {
                    self.manifest_changed();
                }
                self.compare();
            }
            Err((what, reason, rest)) => {
                // A host without an agent may have all of one in its store already.
                if self.agent_page.committed().is_none() && self.has_manifest() {
                    self.compare();
                } else {
                    self.feed(Event::Failed { rest });
                }
                let file = format!("{}/manifest.json", self.settings.channel);
                self.complain(what, &file, &reason);
            }
        }
    }

    fn has_manifest(&self) -> bool {
        self.trust
            .as_ref()
            .is_some_and(|trust| trust.manifest().is_some())
    }

    /// Another manifest is another chance for what the one before could not bring in.
    fn manifest_changed(&mut self) {
        self.spoiled.clear();
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
            spoiled: &self.spoiled.resting(self.now()),
        };
        let plan = step_check::plan(manifest, &installed);
        for skipped in plan
            .skipped
            .iter()
            .filter(|skipped| skipped.why != Why::Spoiled)
        {
            let what = format!(
                "{} {} not installed",
                skipped.component.name(),
                skipped.version
            );
            self.complain(&what, "manifest.json", &skipped.why.to_string());
        }
        let Some(task) = plan.task else {
            self.feed(Event::NothingNew);
            return self.sweep_once();
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

    pub(crate) fn download(&self, task: Task) -> Option<Event> {
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
            Err(error) if error.is_retryable() => {
                let rest = error.retry_after();
                self.step_failed(&error.to_string(), Event::Failed { rest });
            }
            Err(error) => self.step_failed(&error.to_string(), Event::Spoiled),
        }
    }

    pub(crate) fn stage(&self, task: Task) {
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
            // The file went into the attempt, so all of it would have to come again.
            Err(error) => self.step_failed(&error.to_string(), Event::Spoiled),
        }
    }

    fn step_failed(&mut self, reason: &str, event: Event) {
        let (Upgrade::Downloading { task, .. } | Upgrade::Staging { task, .. }) = &self.upgrade
        else {
            return;
        };
        let what = format!("{} {} not installed", task.component.name(), task.version);
        let file = task.urls.first().cloned().unwrap_or_default();
        let spoiled = (event == Event::Spoiled).then_some(task.digest);
        self.feed(event);
        match spoiled {
            Some(digest) => {
                let wait = self.spoiled.note(digest, self.now(), self.settings.poll());
                self.complain_until(&what, &file, reason, Some(wait));
            }
            None => self.complain(&what, &file, reason),
        }
    }

    pub(crate) fn arm(&mut self, task: &Task) -> Event {
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
}

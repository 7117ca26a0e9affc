//! The steps that bring a version in: download, sealing, and the page that puts it on trial. Each is
//! an effect of [`crate::upgrade`]; what takes long runs in a task, and its outcome comes back through
//! [`crate::wire`], with the digest it is about: a task that was given up may still report.

use std::time::Duration;

use shared_fetch::{FetchError, Obtained};
use shared_handover::layout::Component;
use shared_release::Target;
use shared_slots::{Digest, SealError, Short};
use tracing::info;

use crate::make_room::{self, Need};
use crate::order::Old;
use crate::perform::Host;
use crate::step_download::Download;
use crate::upgrade::{Block, Event, Step, Supply, Task};
use crate::wire::Happening;
use crate::{step_download, step_stage, step_switch};

impl Host<'_> {
    pub(crate) fn download(&mut self, task: Task) -> Option<Event> {
        let name = task.component.name();
        if self.store.verified(task.digest, name).is_ok() {
            return Some(Event::Downloaded);
        }
        let Supply::Release(target) = &task.supply else {
            // It was there a moment ago.
            return Some(Event::Spoiled);
        };
        let need = step_download::need(target, task.plugins.as_deref());
        if let Err(short) = self.make_room(&need) {
            return Some(self.hindered(task, Block::Disk(short), None));
        }
        let (fetcher, reports) = (self.fetcher.clone(), self.reports.clone());
        let download = Download {
            target: Target::clone(target),
            trees: self.trees(),
            old: self.old_files(&task),
            folder: self.state.partial(),
            program: self.own.program.clone(),
            task,
        };
        let fetching = tokio::spawn(async move {
            let done = step_download::download(&fetcher, &download, &reports).await;
            let _ = reports.send(Happening::Downloaded(download.task.digest, done));
        });
        self.fetching = Some(fetching.abort_handle());
        None
    }

    /// The versions of this component that a delta can start from; each is compared with its digest
    /// when the result is.
    fn old_files(&self, task: &Task) -> Vec<Old> {
        let name = task.component.name();
        let entries = self.store.list().unwrap_or_default().into_iter();
        let same = entries.filter(|(_, meta)| meta.component == name);
        same.map(|(digest, _)| Old {
            digest,
            file: self.store.folder(digest).join(name),
        })
        .collect()
    }

    fn make_room(&self, need: &Need) -> Result<(), Short> {
        let keep = self.to_keep();
        make_room::make_room(&self.store, &self.state, need, keep.as_ref())
    }

    /// Says what stands in the way of the step under way.
    fn hindered(&mut self, task: Task, why: Block, until: Option<Duration>) -> Event {
        let what = format!("{} {} waits", task.component.name(), task.version);
        let wait = until.map(|until| until.saturating_sub(self.now()));
        self.complain_until(&what, task.place(), &why.to_string(), wait);
        Event::Blocked { task, why, until }
    }

    pub(crate) fn received(&mut self, digest: Digest, done: u64, total: u64) {
        if self.is_under_way(digest, Step::Downloading) {
            self.feed(Event::Received(done, total));
        }
    }

    pub(crate) fn downloaded(&mut self, digest: Digest, done: Result<Obtained, FetchError>) {
        if !self.is_under_way(digest, Step::Downloading) {
            return;
        }
        match done {
            Ok(obtained) => {
                self.outward.obtained(self.upgrade.task(), &obtained);
                self.feed(Event::Downloaded);
            }
            // The look at the disk could not see it: a quota, or somebody was quicker.
            Err(error) if error.is_disk_full() => {
                self.step_failed(&error.to_string(), Event::Failed { rest: None });
            }
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
            let _ = reports.send(Happening::Sealed(task.digest, sealed));
        });
    }

    pub(crate) fn sealed(&mut self, digest: Digest, sealed: Result<(), SealError>) {
        if !self.is_under_way(digest, Step::Staging) {
            return;
        }
        let Some(task) = self.upgrade.task().cloned() else {
            return;
        };
        match sealed {
            // The file went into the attempt, so all of it would have to come again.
            Err(error) => self.step_failed(&error.to_string(), Event::Spoiled),
            Ok(()) => match self.ruled_out(&task, true) {
                Some((why, until)) => self.blocked(task, why, until),
                None => self.feed(Event::Staged),
            },
        }
    }

    fn is_under_way(&self, digest: Digest, step: Step) -> bool {
        let is_it = self
            .upgrade
            .task()
            .is_some_and(|task| task.digest == digest);
        is_it && self.upgrade.step() == step
    }

    fn step_failed(&mut self, reason: &str, event: Event) {
        let Some(task) = self.upgrade.task() else {
            return;
        };
        let what = format!("{} {} not installed", task.component.name(), task.version);
        let file = task.place().to_owned();
        let spoiled = (event == Event::Spoiled).then_some(task.digest);
        self.outward.step_failed(task.component, reason);
        self.feed(event);
        match spoiled {
            Some(digest) => {
                let poll = self.settings.poll_interval;
                let wait = self.spoiled.note(digest, self.now(), poll);
                self.complain_until(&what, &file, reason, Some(wait));
            }
            None => self.complain(&what, &file, reason),
        }
    }

    pub(crate) fn arm(&mut self, task: &Task) -> Event {
        let launcher_page = self.launcher_slot.read().page;
        let unproved = launcher_page.trial().map(|trial| trial.digest);
        let slot = match task.component {
            // The bootstrapper writes that page, too: first it has to commit this launcher.
            Component::Launcher if unproved.is_some() && unproved == self.own.digest => {
                let until = Some(self.now() + self.gate.ping_interval);
                return self.hindered(task.clone(), Block::OwnCommit, until);
            }
            Component::Launcher => &self.launcher_slot,
            Component::Agent => &self.agent_slot,
        };
        let pages = [&launcher_page, &self.agent_page];
        let counted = self.effort.begins(task.serial, pages, &self.records);
        // What cannot stay is not kept for want of a count.
        let need_not_count =
            task.cause.is_urgent() || (task.component == Component::Agent && self.has_no_agent());
        let armed = counted
            .or_else(|error| if need_not_count { Ok(()) } else { Err(error) })
            .map_err(|error| format!("the tries cannot be counted: {error}"))
            .and_then(|()| step_switch::arm(slot, task).map_err(|error| error.to_string()));
        match armed {
            Ok(page) => {
                if task.component == Component::Launcher {
                    info!(from = self.own.stamp, to = %task.version, "launcher staged; handing over to it");
                } else {
                    self.agent_page = page;
                }
                Event::Armed
            }
            Err(error) => {
                self.complain("cannot put a version on trial", "slot", &error);
                Event::Failed { rest: None }
            }
        }
    }
}

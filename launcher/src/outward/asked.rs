//! What operators ask and order.

use std::collections::BTreeSet;

use launcher_control::{Asked, Replier};
use shared_control::reply::Entry;
use shared_control::status::Phase;
use shared_control::{Answer, RefusedFor, Request, Retry};
use shared_handover::layout::Component;
use shared_slots::{Digest, EntryError, Meta, Page, Store};
use tracing::info;

use super::{Wish, phase};
use crate::crew::Ending;
use crate::perform::Host;
use crate::step_switch;
use crate::upgrade::{Cause, Event, Step, Supply, Task, Verdict};

impl Host<'_> {
    pub(crate) fn asked(&mut self, asked: Asked) {
        let Asked { request, replier } = asked;
        if !request.only_asks() {
            info!(?request, "an operator asks");
            if self.ending != Ending::No {
                return replier.refused(RefusedFor::Stopping, "this launcher is being stopped");
            }
        }
        match request {
            Request::Status => replier.done(Answer::Status {
                status: Box::new(self.status()),
            }),
            Request::Check => self.ask_server(Wish::Check, replier),
            Request::Apply { to } => {
                self.rules.order(to);
                self.ask_server(Wish::Apply { brought: false }, replier);
            }
            Request::Rollback { component } => self.go_back(component, replier),
            Request::Retry { whose } => self.retry(&whose, replier),
            Request::Verify => self.verify(replier),
            Request::Gc { dry_run } => self.clean_up(dry_run, replier),
            Request::PolicyChanged => {
                self.rules.reload();
                self.feed(Event::AskNow);
                replier.done(Answer::Ok);
            }
            Request::Unknown => {
                replier.refused(RefusedFor::NotUnderstood, "this launcher cannot do that");
            }
        }
    }

    fn ask_server(&mut self, wish: Wish, replier: Replier) {
        if self.trust.is_none() {
            return replier.refused(
                RefusedFor::Trust,
                "there is no trust root; start the host once with --trust-root FILE",
            );
        }
        self.outward.waiting.push((wish, replier));
        self.feed(Event::Asked);
    }

    fn go_back(&mut self, component: Component, replier: Replier) {
        let busy = matches!(
            self.upgrade.step(),
            Step::Arming | Step::Trying | Step::Settling | Step::Leaving
        );
        if busy {
            return replier.refused(RefusedFor::Busy, "a version is on trial; ask again later");
        }
        let page = self.page_of(component);
        let Some(previous) = page.previous() else {
            return replier.refused(RefusedFor::Nothing, "there is no version before this one");
        };
        if self.is_revoked(previous) {
            let why = "the version before was taken back by a release";
            return replier.refused(RefusedFor::Policy, why);
        }
        if component == Component::Launcher && !self.own.has_bootstrapper {
            let why = "no bootstrapper runs that could start another launcher";
            return replier.refused(RefusedFor::Unable, why);
        }
        if let Err(error) = self.store.verified(previous, component.name()) {
            return replier.refused(RefusedFor::Nothing, format!("the version before {error}"));
        }
        let task = self.task_from_store(component, previous, Cause::Asked);
        let wish = Wish::Rollback {
            component,
            from: self.version_of(page.committed()),
            to: task.version.clone(),
        };
        self.outward.waiting.push((wish, replier));
        self.feed(Event::FallBack(task));
    }

    /// A version that is in the store, to be put on trial.
    pub(crate) fn task_from_store(
        &self,
        component: Component,
        digest: Digest,
        cause: Cause,
    ) -> Task {
        let meta = self.store.meta(digest);
        Task {
            component,
            version: meta.version,
            digest,
            size: meta.size,
            serial: self.serial(),
            security: false,
            plugins: None,
            supply: Supply::Store,
            cause,
        }
    }

    fn page_of(&self, component: Component) -> Page {
        match component {
            Component::Launcher => self.launcher_slot.read().page,
            Component::Agent => self.agent_page.clone(),
        }
    }

    fn retry(&mut self, whose: &Retry, replier: Replier) {
        let mut forgiven = Vec::new();
        for component in Component::ALL {
            let is_meant = |digest: Digest| match whose {
                Retry::All => true,
                Retry::Component(wanted) => *wanted == component,
                Retry::Digest(wanted) => digest.to_string() == *wanted,
            };
            let slot = match component {
                Component::Launcher => &self.launcher_slot,
                Component::Agent => &self.agent_slot,
            };
            let marked = slot.read().page;
            let marked: Vec<Digest> = marked.bad().iter().map(|bad| bad.digest).collect();
            let meant: Vec<Digest> = marked.into_iter().filter(|d| is_meant(*d)).collect();
            if meant.is_empty() {
                continue;
            }
            let changed = step_switch::change(slot, |page| {
                Ok(meant
                    .iter()
                    .fold(page, |page, digest| page.forgive(*digest)))
            });
            if let Err(error) = changed {
                return replier.refused(RefusedFor::Disk, error.to_string());
            }
            forgiven.extend(meant.iter().map(Digest::to_string));
        }
        self.agent_page = self.agent_slot.read().page;
        self.effort.ends();
        self.spoiled.clear();
        self.feed(Event::Asked);
        replier.done(Answer::Forgiven { digests: forgiven });
    }

    fn verify(&self, replier: Replier) {
        let store = self.store.clone();
        let entries = self.entries(|_| true);
        tokio::task::spawn_blocking(move || {
            let total = entries.len() as u64;
            let mut checked = Vec::new();
            for (digest, mut entry) in entries {
                replier.progress(Phase::Verifying, "", checked.len() as u64, total);
                entry.trouble = trouble(&store, digest, &entry.component);
                checked.push(entry);
            }
            replier.done(Answer::Verified { entries: checked });
        });
    }

    /// The entries of the store.
    fn entries(&self, is_meant: impl Fn(Digest) -> bool) -> Vec<(Digest, Entry)> {
        let pages = Component::ALL.map(|component| self.page_of(component));
        let entries = self.store.list().unwrap_or_default().into_iter();
        entries
            .filter(|(digest, _)| is_meant(*digest))
            .map(|(digest, meta)| (digest, entry(digest, meta, &pages)))
            .collect()
    }

    fn clean_up(&mut self, dry_run: bool, replier: Replier) {
        let Some(keep) = self.to_keep() else {
            return replier.refused(
                RefusedFor::Disk,
                "a slot cannot be read; nothing is removed",
            );
        };
        if !dry_run && matches!(self.upgrade.step(), Step::Downloading | Step::Staging) {
            return replier.refused(RefusedFor::Busy, "a version is coming in; ask again later");
        }
        let used: BTreeSet<Digest> = keep
            .iter()
            .filter_map(|digest| self.store.meta(*digest).plugins)
            .collect();
        let doomed = self.entries(|digest| !keep.contains(&digest) && !used.contains(&digest));
        let mut entries: Vec<Entry> = doomed.into_iter().map(|(_, entry)| entry).collect();
        let mut leftovers = 0;
        if !dry_run {
            match self.store.sweep(&keep) {
                Err(error) => return replier.refused(RefusedFor::Disk, error.to_string()),
                Ok(swept) => {
                    leftovers = swept.leftovers as u64;
                    let gone: BTreeSet<String> =
                        swept.removed.iter().map(Digest::to_string).collect();
                    entries.retain(|entry| gone.contains(&entry.digest));
                }
            }
        }
        replier.done(Answer::Swept {
            dry_run,
            bytes: entries.iter().map(|entry| entry.size).sum(),
            entries,
            leftovers,
        });
    }

    /// Tells those who wait how far it is, and answers them when the machine has come to rest.
    pub(super) fn answer_those_who_wait(&mut self) {
        if self.outward.waiting.is_empty() {
            return;
        }
        let step = self.upgrade.step();
        if !matches!(step, Step::Idle | Step::Waiting | Step::Leaving) {
            return self.tell_progress(step);
        }
        let committed = self.outward.verdict == Some(Verdict::Commit);
        // There may be more to do: another hop, or the agent after the launcher.
        if committed && step == Step::Idle && self.outward.note_brought() {
            self.outward.verdict = None;
            return self.feed(Event::Asked);
        }
        for (wish, replier) in std::mem::take(&mut self.outward.waiting) {
            self.answer(wish, replier);
        }
        self.rules.order_ends();
        self.outward.verdict = None;
    }

    fn tell_progress(&self, step: Step) {
        let subject = self.outward.subject.as_ref();
        let component = subject.map_or("", |(component, _)| component.name());
        let (done, total) = self.upgrade.received();
        for (_, replier) in &self.outward.waiting {
            replier.progress(phase(step), component, done, total);
        }
    }

    fn answer(&self, wish: Wish, replier: Replier) {
        // What came from the drop folder is there, whatever the server says after that.
        let needs_server = matches!(wish, Wish::Check | Wish::Apply { brought: false });
        if let Some(trouble) = &self.outward.server_trouble
            && needs_server
        {
            let reason = if trouble.class == "trust" {
                RefusedFor::Trust
            } else {
                RefusedFor::Server
            };
            return replier.refused(reason, trouble.detail.clone());
        }
        let rejected = match self.outward.verdict {
            Some(Verdict::Reject(reason)) => Some(reason.text()),
            Some(Verdict::Withdraw) => Some("it could not be proved"),
            _ => None,
        };
        match (wish, rejected) {
            (Wish::Check, _) | (Wish::Apply { .. }, None) => replier.done(Answer::Release {
                serial: self.serial(),
                changes: self.outward.changes(&self.upgrade),
            }),
            (_, Some(why)) => replier.refused(RefusedFor::Rejected, why),
            (
                Wish::Rollback {
                    component,
                    from,
                    to,
                },
                None,
            ) => replier.done(Answer::RolledBack {
                component: component.name().to_owned(),
                from,
                to,
            }),
        }
    }
}

impl super::Outward {
    /// Notes for those who want a release installed that a part of it is; whether there are any.
    fn note_brought(&mut self) -> bool {
        let mut any = false;
        for (wish, _) in &mut self.waiting {
            if let Wish::Apply { brought } = wish {
                *brought = true;
                any = true;
            }
        }
        any
    }

    /// What follows from the manifest, with what stands in the way now.
    fn changes(&self, upgrade: &crate::upgrade::Upgrade) -> Vec<shared_control::reply::Change> {
        let mut changes = self.changes.clone();
        let waits = match upgrade {
            crate::upgrade::Upgrade::Waiting { task, why, .. } => {
                Some((task.component.name(), why.to_string()))
            }
            _ => None,
        };
        for change in &mut changes {
            if let Some((component, why)) = &waits
                && change.component == *component
            {
                change.why.clone_from(why);
            }
            if change.why.is_empty()
                && let Some(error) = Component::from_name(&change.component)
                    .and_then(|component| self.last_errors.get(&component))
            {
                change.why.clone_from(&error.detail);
            }
        }
        changes
    }
}

fn entry(digest: Digest, meta: Meta, [launcher, agent]: &[Page; 2]) -> Entry {
    let role = [launcher, agent].into_iter().find_map(|page| {
        let on_trial = page.trial().map(|trial| trial.digest);
        match Some(digest) {
            digest if digest == page.committed() => Some("committed"),
            digest if digest == page.previous() => Some("previous"),
            digest if digest == on_trial => Some("trial"),
            _ => None,
        }
    });
    Entry {
        digest: digest.to_string(),
        component: meta.component,
        version: meta.version,
        size: meta.size,
        role: role.unwrap_or_default().to_owned(),
        trouble: String::new(),
    }
}

fn trouble(store: &Store, digest: Digest, component: &str) -> String {
    match store.verified(digest, component) {
        Ok(_) => String::new(),
        Err(EntryError::Io(error)) => format!("it cannot be read: {error}"),
        Err(error) => error.to_string(),
    }
}

//! Comparing a manifest with what is installed: which version to install next, if any, and why a
//! newer one is left alone. Pure.
//!
//! The launcher goes before the agent. What the manifest has taken back is replaced by whatever may
//! run: the version that the manifest leads to, or else the one before, which is in the store.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::env::consts::{ARCH, OS};
use std::fmt;

use shared_handover::layout::Component;
use shared_release::{Blocked, Hop, Installed as Here, Manifest, Release, Target, Wish};
use shared_slots::{Digest, Moment, Page, Reason};

use crate::upgrade::{Cause, Supply, Task};

/// What is installed on this host, and what is wanted of it.
#[derive(Debug)]
pub(crate) struct Installed<'a> {
    /// Digest of the launcher that runs; `None` if no bootstrapper could start another one.
    pub(crate) launcher: Option<Digest>,
    pub(crate) launcher_page: &'a Page,
    pub(crate) agent_page: &'a Page,
    pub(crate) now: Moment,
    /// Files that came wrong and are not fetched again yet.
    pub(crate) spoiled: &'a [Digest],
    /// The sequence numbers that versions had when this host heard of them.
    pub(crate) sequences: &'a BTreeMap<Digest, u64>,
    /// Versions in the store.
    pub(crate) sealed: &'a BTreeSet<Digest>,
    /// Versions that the components are to be at; the newest otherwise.
    pub(crate) pins: &'a HashMap<Component, String>,
    /// Whether no installed version of the launcher works, and of the agent, so that one that failed
    /// is worth another try.
    pub(crate) rescue: [bool; 2],
}

/// What follows from a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Plan {
    /// What to install next.
    pub(crate) task: Option<Task>,
    /// The agent that the manifest leads to, even if a launcher goes before it.
    pub(crate) agent: Option<Task>,
    /// Versions that differ from the installed ones and are left alone.
    pub(crate) skipped: Vec<Skipped>,
}

/// A version that is left alone, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skipped {
    pub(crate) component: Component,
    pub(crate) version: String,
    pub(crate) why: Why,
}

/// Why a version is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// The manifest does not lead there.
    Blocked(Blocked),
    /// The pinned version is not in the manifest.
    NotListed,
    /// It failed here, and its hold has not ended.
    Held(Reason),
    /// Its file came wrong a while ago, and is fetched again later.
    Spoiled,
    /// Somebody went back from it.
    Left,
    /// It is armed, and the bootstrapper has yet to start it.
    AwaitsStart,
    /// It is installed and was taken back, and nothing could run in its place.
    NothingElse,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blocked(Blocked::NoTarget) => {
                write!(f, "the release has no file for {OS}-{ARCH}")
            }
            Self::Blocked(Blocked::Revoked) => f.write_str("the release takes it back"),
            Self::Blocked(Blocked::Downgrade) => {
                f.write_str("it is older than what is installed, and no signature allows that")
            }
            Self::Blocked(Blocked::TooOld) => {
                f.write_str("what is installed is too old for it, and no version leads there")
            }
            Self::NotListed => f.write_str("the release does not have the pinned version"),
            Self::Held(reason) => {
                let reason = reason.text();
                write!(f, "it was rejected here and is held back: {reason}")
            }
            Self::Spoiled => f.write_str("its file came wrong; it is fetched again later"),
            Self::Left => f.write_str(
                "somebody went back from it; `trireme update retry` or the next release brings it on",
            ),
            Self::AwaitsStart => f.write_str("it waits for the bootstrapper to start it"),
            Self::NothingElse => {
                f.write_str("it was taken back, and runs on for want of another version")
            }
        }
    }
}

/// Compares a manifest with what is installed.
pub(crate) fn plan(manifest: &Manifest, installed: &Installed<'_>) -> Plan {
    let mut plan = Plan::default();
    for component in Component::ALL {
        let Some(place) = Place::of(component, installed) else {
            continue;
        };
        match place.next_version(manifest) {
            Some(Ok(task)) => {
                plan.agent = (component == Component::Agent).then(|| task.clone());
                plan.task.get_or_insert(task);
            }
            Some(Err(skipped)) => plan.skipped.push(skipped),
            None => {}
        }
    }
    plan
}

/// Whether a launcher is on trial that the bootstrapper passed over when it started this one: its
/// try could not be counted, or its file not be read. Where no try is left, only the verdict of the
/// bootstrapper is missing, and that takes its next look, too.
pub(crate) fn is_passed_over(launcher_page: &Page, own: Option<Digest>) -> bool {
    let trial = launcher_page.trial().map(|trial| trial.digest);
    trial.is_some() && own.is_some() && trial != own
}

/// One component of this host.
struct Place<'a> {
    component: Component,
    page: &'a Page,
    /// What runs or should run.
    digest: Option<Digest>,
    installed: &'a Installed<'a>,
}

impl<'a> Place<'a> {
    /// `None` for a launcher that nobody could replace.
    fn of(component: Component, installed: &'a Installed<'a>) -> Option<Self> {
        let (page, digest) = match component {
            Component::Launcher => (installed.launcher_page, Some(installed.launcher?)),
            Component::Agent => (installed.agent_page, installed.agent_page.committed()),
        };
        Some(Self {
            component,
            page,
            digest,
            installed,
        })
    }

    /// The version to install; `None` if it is the installed one.
    fn next_version(&self, manifest: &Manifest) -> Option<Result<Task, Skipped>> {
        let wanted = self.by_manifest(manifest);
        let revoked = self.digest.filter(|digest| manifest.is_revoked(digest));
        match (wanted, revoked) {
            (Some(Ok(task)), revoked) => {
                let cause = revoked.map_or(task.cause, |_| Cause::Revoked);
                Some(Ok(Task { cause, ..task }))
            }
            (wanted, None) => wanted,
            (wanted, Some(_)) => Some(self.previous(manifest).ok_or_else(|| {
                let stays = || self.skipped("installed", Why::NothingElse);
                wanted.and_then(Result::err).unwrap_or_else(stays)
            })),
        }
    }

    fn by_manifest(&self, manifest: &Manifest) -> Option<Result<Task, Skipped>> {
        let pin = self.installed.pins.get(&self.component);
        let seq = |digest| self.installed.sequences.get(&digest).copied();
        let wish = Wish {
            component: self.component.name(),
            os: OS,
            arch: ARCH,
            installed: self.digest.map(|digest| Here {
                seq: seq(digest).unwrap_or(0),
                digest,
            }),
            pin: pin.map(String::as_str),
        };
        match manifest.next_hop(&wish) {
            Hop::Stay => None,
            Hop::NotListed => {
                let version = pin.map_or("", String::as_str);
                Some(Err(self.skipped(version, Why::NotListed)))
            }
            Hop::Blocked(release, why) => {
                Some(Err(self.skipped(&release.version, Why::Blocked(why))))
            }
            // Running another one than is committed, a launcher is the factory copy: what is
            // committed was tried, and the bootstrapper will again.
            Hop::Install(_, target) if self.page.committed() == Some(target.sha256) => None,
            Hop::Install(release, target) => Some(match self.objection(target.sha256) {
                Some(why) => Err(self.skipped(&release.version, why)),
                None => Ok(self.task(manifest, release, target)),
            }),
        }
    }

    /// What speaks against a version on this very host.
    fn objection(&self, digest: Digest) -> Option<Why> {
        let on_trial = self.page.trial().map(|trial| trial.digest);
        if self.component == Component::Launcher && on_trial == Some(digest) {
            return Some(Why::AwaitsStart);
        }
        if self.installed.spoiled.contains(&digest) {
            return Some(Why::Spoiled);
        }
        // With nothing else to run, a version that failed is better than none.
        let [launcher, agent] = self.installed.rescue;
        let rescue = match self.component {
            Component::Launcher => launcher,
            Component::Agent => agent,
        };
        let has_rival = self.page.committed().is_some() && !rescue;
        let held = self.page.held(digest, self.installed.now);
        held.filter(|_| has_rival).map(|bad| match bad.reason {
            Reason::LeftByHand => Why::Left,
            reason => Why::Held(reason),
        })
    }

    /// The version before, if it may and can run.
    fn previous(&self, manifest: &Manifest) -> Option<Task> {
        let digest = self.page.previous()?;
        let usable = self.installed.sealed.contains(&digest)
            && !manifest.is_revoked(&digest)
            && self.page.held(digest, self.installed.now).is_none();
        usable.then(|| Task {
            component: self.component,
            version: String::new(),
            digest,
            size: 0,
            serial: manifest.serial,
            security: true,
            plugins: None,
            supply: Supply::Store,
            cause: Cause::Revoked,
        })
    }

    fn task(&self, manifest: &Manifest, release: &Release, target: &Target) -> Task {
        let plugins = manifest
            .plugins_of(release, OS, ARCH)
            .filter(|_| self.component == Component::Agent);
        Task {
            component: self.component,
            version: release.version.clone(),
            digest: target.sha256,
            size: target.size,
            serial: manifest.serial,
            security: release.security,
            plugins: plugins.cloned().map(Box::new),
            supply: Supply::Release(Box::new(target.clone())),
            cause: Cause::Release,
        }
    }

    fn skipped(&self, version: &str, why: Why) -> Skipped {
        Skipped {
            component: self.component,
            version: version.to_owned(),
            why,
        }
    }
}

#[cfg(test)]
mod tests;

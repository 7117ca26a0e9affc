//! The pointer page as a value, and its transitions.
//!
//! A transition consumes the page and returns the next one, or refuses. Nothing here touches a
//! disk: [`crate::Slot::write`] makes the result durable, and only then may it be acted upon.

use std::collections::BTreeSet;
use std::fmt;

use crate::bad::{self, Bad, Hold, Reason};
use crate::record::SPARE_BYTES;
use crate::{Digest, Moment};

/// What a slot names.
#[must_use = "a page counts once it is written"]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub(crate) generation: u64,
    pub(crate) committed: Option<Digest>,
    pub(crate) previous: Option<Digest>,
    pub(crate) trial: Option<Trial>,
    pub(crate) boot: [u8; 16],
    pub(crate) bad: Vec<Bad>,
    /// Bytes that a newer version may use; an older one hands them on untouched.
    pub(crate) spare: [u8; SPARE_BYTES],
}

/// A version that runs, or is about to, without being committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trial {
    /// The version.
    pub digest: Digest,
    /// Starts it has left. The last one runs while this is 0.
    pub tries_left: u8,
}

/// What a version is to its slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// On trial with a try left: count it before the start.
    Trial,
    /// The version that is known to work.
    Committed,
    /// The one that worked before that.
    Previous,
}

/// A transition that makes no sense for the page as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// There is no trial to count, commit or reject.
    NoTrial,
    /// The trial has no try left.
    NoTryLeft,
    /// A trial needs at least one try.
    NoTries,
    /// The version is the committed one already.
    AlreadyCommitted,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            generation: 0,
            committed: None,
            previous: None,
            trial: None,
            boot: [0; 16],
            bad: Vec::new(),
            spare: [0; SPARE_BYTES],
        }
    }
}

// === what it says ===

impl Page {
    /// Counts the writes of this slot; 0 means that it was never written.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// The version that is known to work.
    pub const fn committed(&self) -> Option<Digest> {
        self.committed
    }

    /// The version that worked before the committed one.
    pub const fn previous(&self) -> Option<Digest> {
        self.previous
    }

    /// The version on trial, be it with tries left or in its last one.
    pub const fn trial(&self) -> Option<Trial> {
        self.trial
    }

    /// The marks of rejected versions, oldest first.
    pub fn bad(&self) -> &[Bad] {
        &self.bad
    }

    /// What to start, best first. A trial without tries is not among it: reject it.
    pub fn candidates(&self) -> Vec<(Digest, Role)> {
        let trial = self
            .trial
            .filter(|trial| trial.tries_left > 0)
            .map(|trial| (trial.digest, Role::Trial));
        let committed = self.committed.map(|digest| (digest, Role::Committed));
        let previous = self.previous.map(|digest| (digest, Role::Previous));
        [trial, committed, previous].into_iter().flatten().collect()
    }

    /// Every version the page names and clean-up must keep.
    pub fn named(&self) -> BTreeSet<Digest> {
        let trial = self.trial.map(|trial| trial.digest);
        [self.committed, self.previous, trial]
            .into_iter()
            .flatten()
            .collect()
    }

    /// The mark that keeps `digest` from being tried at `now`, if there is one.
    pub fn held(&self, digest: Digest, now: Moment) -> Option<&Bad> {
        self.bad
            .iter()
            .find(|bad| bad.digest == digest && bad.lasts(self.boot, now))
    }
}

// === how it changes ===

impl Page {
    /// Puts `trial` on trial with `tries` starts; a trial that is open gives way without a mark.
    /// Whether the version is [held](Self::held) is for the caller to ask.
    pub fn arm(mut self, trial: Digest, tries: u8) -> Result<Self, Refused> {
        if tries == 0 {
            return Err(Refused::NoTries);
        }
        if self.committed == Some(trial) {
            return Err(Refused::AlreadyCommitted);
        }
        self.trial = Some(Trial {
            digest: trial,
            tries_left: tries,
        });
        Ok(self)
    }

    /// Takes one try. To be durable before the version is started.
    pub fn count_try(mut self) -> Result<Self, Refused> {
        let trial = self.trial.as_mut().ok_or(Refused::NoTrial)?;
        trial.tries_left = trial.tries_left.checked_sub(1).ok_or(Refused::NoTryLeft)?;
        Ok(self)
    }

    /// Gives back the try of a start that was ended from outside, which says nothing about the
    /// version. To be written only once that process is gone. There are never more than `most`.
    pub fn give_try_back(mut self, most: u8) -> Result<Self, Refused> {
        let trial = self.trial.as_mut().ok_or(Refused::NoTrial)?;
        trial.tries_left = trial.tries_left.saturating_add(1).min(most);
        Ok(self)
    }

    /// Another manifest names these versions: those that were held until then get another chance.
    /// Holds that end by themselves stay.
    pub fn manifest_changed(mut self, named: &[Digest]) -> Self {
        self.bad
            .retain(|bad| bad.hold() != Hold::UntilManifestChanges || !named.contains(&bad.digest));
        self
    }

    /// The trial is healthy: it becomes the committed version, and that one the previous. A mark
    /// it had from before is taken back.
    pub fn commit(mut self) -> Result<Self, Refused> {
        let trial = self.trial.take().ok_or(Refused::NoTrial)?;
        if self.committed.is_some() {
            self.previous = self.committed;
        }
        self.committed = Some(trial.digest);
        Ok(self.forgive(trial.digest))
    }

    /// The trial failed on local evidence: it is marked, and the committed version stands.
    pub fn reject(mut self, reason: Reason, now: Moment) -> Result<Self, Refused> {
        let trial = self.trial.take().ok_or(Refused::NoTrial)?;
        self = self.in_boot(now.boot);
        bad::mark(&mut self.bad, trial.digest, reason, now.seconds);
        Ok(self)
    }

    /// A version that was committed once has failed again and again since: it is marked until the
    /// manifest changes, for there is nothing more to find out about it. What it is to the slot
    /// stays, so that it still runs where nothing else does.
    pub fn condemn(mut self, digest: Digest, reason: Reason, now: Moment) -> Self {
        self = self.in_boot(now.boot);
        bad::condemn(&mut self.bad, digest, reason, now.seconds);
        self
    }

    /// The trial ends undecided: no mark, and the committed version stands.
    pub fn withdraw(mut self) -> Result<Self, Refused> {
        self.trial.take().ok_or(Refused::NoTrial)?;
        Ok(self)
    }

    /// Commits the version this host was installed with, when nothing else is committed or the
    /// slot had to give up what was. A trial of another version stays open.
    pub fn adopt_factory(mut self, digest: Digest) -> Result<Self, Refused> {
        if self.committed == Some(digest) {
            return Err(Refused::AlreadyCommitted);
        }
        self.previous = self.committed.or(self.previous);
        self.previous = self.previous.filter(|old| *old != digest);
        self.trial = self.trial.filter(|trial| trial.digest != digest);
        self.committed = Some(digest);
        Ok(self)
    }

    /// The store has lost this version: wherever the page names it, what stands behind it moves
    /// up. No mark, for the version is not to blame.
    pub fn lost(mut self, digest: Digest) -> Self {
        self.trial = self.trial.filter(|trial| trial.digest != digest);
        self.previous = self.previous.filter(|previous| *previous != digest);
        if self.committed == Some(digest) {
            self.committed = self.previous.take();
        }
        self
    }

    /// Takes a mark back: somebody asked for another try, or a new manifest names the version.
    pub fn forgive(mut self, digest: Digest) -> Self {
        self.bad.retain(|bad| bad.digest != digest);
        self
    }

    /// Moves the marks into this boot: those of an earlier one count from its start.
    fn in_boot(mut self, boot: [u8; 16]) -> Self {
        if self.boot != boot {
            self.boot = boot;
            for bad in &mut self.bad {
                bad.since = 0;
            }
        }
        self
    }
}

impl Role {
    /// The role as an adjective before "launcher" or "agent".
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trial => "trial",
            Self::Committed => "committed",
            Self::Previous => "previous",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoTrial => "no version is on trial",
            Self::NoTryLeft => "the trial has no try left",
            Self::NoTries => "a trial needs at least one try",
            Self::AlreadyCommitted => "the version is the committed one already",
        })
    }
}

impl std::error::Error for Refused {}

//! Which of the listed versions to install next, so that a host of any age gets where it should be.
//!
//! A version says from how old a one it can be reached (`min_from_seq`), and a barrier must be
//! passed through by whatever is older. From where a host is, the highest version it may go to is
//! always the best next step: being newer never closes a way.

use shared_slots::Digest;

use crate::{Manifest, Release, Target};

/// What a host has and wants of one component.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// Name of the component.
    pub component: &'a str,
    /// The platform, as in [`Target`].
    pub os: &'a str,
    /// The platform, as in [`Target`].
    pub arch: &'a str,
    /// What is installed; `None` where nothing is, and any version may be the first.
    pub installed: Option<Installed>,
    /// The version to be at; `None` for the newest.
    pub pin: Option<&'a str>,
}

/// A version that is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Installed {
    /// The sequence number it was installed as; 0 where that is not known. A manifest that lists
    /// the file under a higher number counts for more.
    pub seq: u64,
    /// Digest of its file.
    pub digest: Digest,
}

/// What to do about a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hop<'m> {
    /// Nothing: the wanted version is installed, or the manifest has none.
    Stay,
    /// Install this one; then ask again.
    Install(&'m Release, &'m Target),
    /// The wanted version cannot be reached.
    Blocked(&'m Release, Blocked),
    /// The manifest lists no version of the pinned name.
    NotListed,
}

/// Why a version cannot be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocked {
    /// It has no file for this platform.
    NoTarget,
    /// The manifest has taken its file back.
    Revoked,
    /// It is older than what is installed, and no signed `allow_downgrade` reaches down to it.
    Downgrade,
    /// What is installed is too old for it, and no listed version leads there.
    TooOld,
}

impl Manifest {
    /// The next version of a component to install. The goal is the newest version that this
    /// platform can use, or the pinned one.
    pub fn next_hop(&self, wish: &Wish<'_>) -> Hop<'_> {
        let Some(goal) = self.goal(wish) else {
            return wish.pin.map_or(Hop::Stay, |_| Hop::NotListed);
        };
        let Some(installed) = wish.installed else {
            return self.install(goal, wish);
        };
        let has_file = |release: &Release| {
            release
                .target_for(wish.os, wish.arch)
                .is_some_and(|target| target.sha256 == installed.digest)
        };
        let here = self
            .listed(wish.component)
            .filter(|release| has_file(release))
            .map(|release| release.seq)
            .fold(installed.seq, u64::max);
        if has_file(goal) || here == goal.seq {
            return Hop::Stay;
        }
        if here < goal.seq {
            return self.step(wish, here, goal);
        }
        if self.allows_downgrade(wish.component, goal.seq) {
            self.install(goal, wish)
        } else {
            Hop::Blocked(goal, Blocked::Downgrade)
        }
    }

    fn goal(&self, wish: &Wish<'_>) -> Option<&Release> {
        let named = self
            .listed(wish.component)
            .filter(|release| wish.pin.is_none_or(|pin| release.version == pin));
        named.max_by_key(|release| (self.usable(release, wish).is_ok(), release.seq))
    }

    /// The highest version up to the goal that may be installed from here: no higher than the next
    /// barrier, and not one that wants a newer host.
    fn step<'m>(&'m self, wish: &Wish<'_>, here: u64, goal: &'m Release) -> Hop<'m> {
        let ahead = || {
            self.listed(wish.component)
                .filter(|release| here < release.seq && release.seq <= goal.seq)
        };
        let fence = ahead()
            .filter(|release| release.barrier)
            .min_by_key(|release| release.seq)
            .unwrap_or(goal);
        let next = ahead()
            .filter(|release| release.seq <= fence.seq && release.min_from_seq <= here)
            .filter(|release| self.usable(release, wish).is_ok())
            .max_by_key(|release| release.seq);
        match (next, self.usable(fence, wish)) {
            (Some(next), _) => self.install(next, wish),
            (None, Err(why)) => Hop::Blocked(fence, why),
            (None, Ok(_)) => Hop::Blocked(goal, Blocked::TooOld),
        }
    }

    fn install<'m>(&'m self, release: &'m Release, wish: &Wish<'_>) -> Hop<'m> {
        match self.usable(release, wish) {
            Ok(target) => Hop::Install(release, target),
            Err(why) => Hop::Blocked(release, why),
        }
    }

    fn usable<'m>(&self, release: &'m Release, wish: &Wish<'_>) -> Result<&'m Target, Blocked> {
        let target = release
            .target_for(wish.os, wish.arch)
            .ok_or(Blocked::NoTarget)?;
        if self.is_revoked(&target.sha256) {
            return Err(Blocked::Revoked);
        }
        Ok(target)
    }
}

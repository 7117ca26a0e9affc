//! What lies outside of the disk: what the server offers, how good each version is, and what has
//! happened so far, as a witness that no crash can make forget.

use std::collections::BTreeMap;

use shared_slots::{Digest, Meta, Moment};

use crate::disk::mark;

/// Starts that a trial gets.
pub(crate) const TRIES: u8 = 3;

/// The two components with a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Tier {
    Launcher,
    Agent,
}

impl Tier {
    pub(crate) const BOTH: [Self; 2] = [Self::Launcher, Self::Agent];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Launcher => "launcher",
            Self::Agent => "agent",
        }
    }
}

/// A version of something. Its content is its name, so a bad one stays bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Version {
    pub(crate) component: &'static str,
    pub(crate) number: u8,
    /// Whether its trial ends well.
    pub(crate) good: bool,
}

/// The launcher that the host was installed with.
pub(crate) const FACTORY: Version = launcher(0, true);

pub(crate) const fn launcher(number: u8, good: bool) -> Version {
    Version {
        component: "launcher",
        number,
        good,
    }
}

pub(crate) const fn agent(number: u8, good: bool) -> Version {
    Version {
        component: "agent",
        number,
        good,
    }
}

impl Version {
    pub(crate) fn bytes(self) -> Vec<u8> {
        format!("{} {} {}", self.component, self.number, self.good).into_bytes()
    }

    pub(crate) fn digest(self) -> Digest {
        thread_local! {
            static KNOWN: std::cell::RefCell<BTreeMap<Version, Digest>> = std::cell::RefCell::default();
        }
        KNOWN.with_borrow_mut(|known| {
            *known
                .entry(self)
                .or_insert_with(|| Digest::of(&self.bytes()))
        })
    }

    /// The plugins that come with an agent.
    pub(crate) fn plugins(self) -> Option<Self> {
        (self.component == "agent").then_some(Self {
            component: "plugins",
            number: self.number,
            good: true,
        })
    }

    /// How it is described in the store.
    pub(crate) fn meta(self) -> Meta {
        Meta {
            component: self.component.into(),
            version: format!("0.{}", self.number),
            serial: self.number.into(),
            size: self.bytes().len() as u64,
            plugins: self.plugins().map(Self::digest),
        }
    }

    /// Every version that there is.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let of = |component| {
            (0..=3).flat_map(move |number| {
                [true, false].map(|good| Self {
                    component,
                    number,
                    good,
                })
            })
        };
        ["launcher", "agent", "plugins"].into_iter().flat_map(of)
    }

    pub(crate) fn of(digest: Digest) -> Option<Self> {
        Self::all().find(|version| version.digest() == digest)
    }
}

/// What the server offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Release {
    pub(crate) serial: u8,
    pub(crate) launcher: Version,
    pub(crate) agent: Version,
}

impl Release {
    pub(crate) const fn of(self, tier: Tier) -> Version {
        match tier {
            Tier::Launcher => self.launcher,
            Tier::Agent => self.agent,
        }
    }
}

/// The witness. A crash changes nothing here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    /// `None` while the server cannot be reached.
    pub(crate) release: Option<Release>,
    /// Boots so far, which is also how time passes: no hold lasts beyond the next one.
    pub(crate) boots: u8,
    /// Generation of the page that a write last called durable.
    pub(crate) written: BTreeMap<Tier, u64>,
    /// Whether a committed version was ever called durable.
    pub(crate) has_committed: BTreeMap<Tier, bool>,
    /// Starts of each version on trial since it was last put on trial.
    pub(crate) starts: BTreeMap<Digest, u8>,
    /// Highest serial whose record was called durable.
    pub(crate) serial: u8,
    /// The disk garbled something by itself: asked is only that the host comes back.
    pub(crate) garbled: bool,
}

impl World {
    pub(crate) const fn new(release: Release) -> Self {
        Self {
            release: Some(release),
            boots: 0,
            written: BTreeMap::new(),
            has_committed: BTreeMap::new(),
            starts: BTreeMap::new(),
            serial: 0,
            garbled: false,
        }
    }

    /// A number for all that a check asks for. The time is left out: it only moves on.
    pub(crate) fn mark(&self) -> u64 {
        let timeless = Self {
            boots: 0,
            ..self.clone()
        };
        mark(&timeless)
    }

    /// A moment of the current boot, later than any hold of the one before.
    pub(crate) const fn now(&self) -> Moment {
        Moment {
            boot: [1; 16],
            seconds: 100_000 * (1 + self.boots as u32),
        }
    }
}

//! Whether a version may be adopted now. Pure: a policy, a version and the time in, a decision out.

use std::fmt;

use jiff::{Timestamp, Zoned};
use shared_handover::layout::Component;

use crate::policy::{Hold, Mode, Policy};

/// How many blackouts and windows in a row are looked at to find the next opening; where there are
/// more, the answer is to ask again after these.
const STEPS: usize = 64;

/// What a policy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Adopt it.
    Go,
    /// Not now. Ask again at `until`: it is the first moment at which the answer can be another.
    Wait {
        /// When to ask again.
        until: Timestamp,
        /// Why not now.
        why: Wait,
    },
    /// Not while the policy is what it is.
    Never {
        /// Why not.
        why: Never,
    },
}

/// Why a version has to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// No window is open.
    Window,
    /// Nothing is adopted on these days.
    Blackout {
        /// What the blackout is for.
        why: String,
    },
    /// The host is held, and that ends by itself.
    Hold {
        /// What for.
        reason: String,
    },
    /// The component is pinned to another version, and that ends by itself.
    Pin {
        /// The version it is pinned to.
        version: String,
        /// Who wants that.
        owner: String,
    },
}

/// Why a version is not adopted until somebody changes the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Never {
    /// Upgrades are done by hand only.
    Off,
    /// The host is held.
    Hold {
        /// What for.
        reason: String,
    },
    /// The component is pinned to another version.
    Pin {
        /// The version it is pinned to.
        version: String,
        /// Who wants that.
        owner: String,
    },
    /// Only pinned versions are adopted, and the component has no pin.
    NoPin,
    /// No window ever opens.
    NoWindow,
    /// The mode is one this version does not know.
    UnknownMode,
}

impl Policy {
    /// Whether `version` of a component may be adopted at `now`.
    ///
    /// Holds and pins come first, then the mode, then blackouts and windows. A `security` release
    /// does not wait for a window; it is held up by everything else, for those say "not this" or
    /// "not these days" where a window only says when it suits best.
    pub fn decide(
        &self,
        component: Component,
        version: &str,
        security: bool,
        now: &Zoned,
    ) -> Decision {
        let now = now.timestamp();
        if let Some(stopped) = self
            .held(now)
            .or_else(|| self.pinned(component, version, now))
        {
            return stopped;
        }
        let windows = match self.mode.unwrap_or_default() {
            Mode::Off => return Decision::Never { why: Never::Off },
            Mode::Unknown => {
                return Decision::Never {
                    why: Never::UnknownMode,
                };
            }
            Mode::Pin if !self.has_pin(component, now) => {
                return Decision::Never { why: Never::NoPin };
            }
            Mode::Window => !security,
            Mode::Auto | Mode::Pin => false,
        };
        self.when(windows, now)
    }

    /// As [`Policy::decide`], for what an operator orders: only holds and pins stand against it.
    pub fn decide_by_hand(&self, component: Component, version: &str, now: &Zoned) -> Decision {
        let now = now.timestamp();
        self.held(now)
            .or_else(|| self.pinned(component, version, now))
            .unwrap_or(Decision::Go)
    }

    /// The hold, if it lasts at `now`.
    pub fn hold_at(&self, now: Timestamp) -> Option<&Hold> {
        self.hold.as_ref().filter(|hold| lasts(hold.until, now))
    }

    /// The version that a component is pinned to at `now`.
    pub fn pin_of(&self, component: Component, now: Timestamp) -> Option<&str> {
        let pin = self
            .pins
            .iter()
            .find(|pin| pin.component == component.name())?;
        lasts(pin.until, now).then_some(pin.version.as_str())
    }

    fn has_pin(&self, component: Component, now: Timestamp) -> bool {
        self.pin_of(component, now).is_some()
    }

    fn held(&self, now: Timestamp) -> Option<Decision> {
        let hold = self.hold_at(now)?;
        let reason = hold.reason.clone();
        Some(match hold.until {
            Some(until) => Decision::Wait {
                until,
                why: Wait::Hold { reason },
            },
            None => Decision::Never {
                why: Never::Hold { reason },
            },
        })
    }

    fn pinned(&self, component: Component, wanted: &str, now: Timestamp) -> Option<Decision> {
        let pin = self
            .pins
            .iter()
            .find(|pin| pin.component == component.name())?;
        if pin.version == wanted || !lasts(pin.until, now) {
            return None;
        }
        let (version, owner) = (pin.version.clone(), pin.owner.clone());
        Some(match pin.until {
            Some(until) => Decision::Wait {
                until,
                why: Wait::Pin { version, owner },
            },
            None => Decision::Never {
                why: Never::Pin { version, owner },
            },
        })
    }

    /// Blackouts, and windows if they count: the first moment that neither stands against.
    fn when(&self, windows: bool, now: Timestamp) -> Decision {
        let mut at = now;
        let mut first = None;
        for _ in 0..STEPS {
            let (next, why) = if let Some((until, why)) = self.blackout(at) {
                (until, Wait::Blackout { why })
            } else if windows && !self.windows.iter().any(|window| window.is_open(at)) {
                let opens = self.windows.iter().filter_map(|w| w.next_opening(at)).min();
                let Some(opens) = opens else {
                    return Decision::Never {
                        why: Never::NoWindow,
                    };
                };
                (opens, Wait::Window)
            } else {
                break;
            };
            first.get_or_insert(why);
            at = next;
        }
        first.map_or(Decision::Go, |why| Decision::Wait { until: at, why })
    }

    /// The blackout that lasts longest at `at`.
    fn blackout(&self, at: Timestamp) -> Option<(Timestamp, String)> {
        self.blackouts
            .iter()
            .filter_map(|blackout| Some((blackout.lasts_until(at)?, blackout.why.clone())))
            .max()
    }
}

fn lasts(until: Option<Timestamp>, now: Timestamp) -> bool {
    until.is_none_or(|until| now < until)
}

// === as fragments of a sentence: "agent 1.2.3 waits: …" ===

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Window => f.write_str("no window is open"),
            Self::Blackout { why } => because(f, "these days are blacked out", why),
            Self::Hold { reason } => because(f, "this host is held", reason),
            Self::Pin { version, owner } => pin(f, version, owner),
        }
    }
}

impl fmt::Display for Never {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("upgrades are off; `trireme update apply` does them by hand"),
            Self::Hold { reason } => because(f, "this host is held", reason),
            Self::Pin { version, owner } => pin(f, version, owner),
            Self::NoPin => f.write_str("only pinned versions are adopted, and it has no pin"),
            Self::NoWindow => f.write_str("no window ever opens"),
            Self::UnknownMode => f.write_str("policy.json has a mode this version does not know"),
        }
    }
}

fn because(f: &mut fmt::Formatter<'_>, what: &str, why: &str) -> fmt::Result {
    match why {
        "" => f.write_str(what),
        why => write!(f, "{what} ({why})"),
    }
}

fn pin(f: &mut fmt::Formatter<'_>, version: &str, owner: &str) -> fmt::Result {
    match owner {
        "" => write!(f, "it is pinned to {version}"),
        owner => write!(f, "it is pinned to {version} by {owner}"),
    }
}

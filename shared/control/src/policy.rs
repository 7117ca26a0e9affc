//! `policy.json`: when this host may adopt a release, and which one.
//!
//! ```json
//! {
//!   "mode": "window",
//!   "windows": [{"days": ["mon", "tue"], "from": "22:00", "to": "04:00", "zone": "Europe/Berlin"}],
//!   "blackouts": [{"from": "2026-12-23", "to": "2027-01-03", "zone": "Europe/Berlin", "why": "holidays"}],
//!   "pins": [{"component": "agent", "version": "1.4.2", "until": "2026-12-01T00:00:00Z", "owner": "ci-team"}],
//!   "hold": {"until": "2026-11-30T08:00:00Z", "reason": "release week"}
//! }
//! ```
//!
//! A missing file is the default: releases are adopted as the launcher's command line says. A file that makes no sense
//! is [`Policy::unusable`]: nothing is adopted, and what is installed runs.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Longest file that is read, in bytes.
pub const MAX_BYTES: usize = 256 * 1024;

/// The document.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// What happens to a newer release; where the file does not say it, the launcher's command line
    /// does. So a pin or hold that is written into a new file changes nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// When it may be adopted, for [`Mode::Window`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
    /// Days on which nothing is adopted, in any mode.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blackouts: Vec<Blackout>,
    /// Versions that components are kept at, in any mode.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pins: Vec<Pin>,
    /// Nothing is adopted for now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// Fields of later versions; kept when the file is written again.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// What happens to a newer release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It is adopted as it comes.
    #[default]
    Auto,
    /// It is adopted while a window is open.
    Window,
    /// Only pinned versions are adopted; a component without a pin stays what it is.
    Pin,
    /// It is adopted by hand only.
    Off,
    /// A later version's mode: nothing is adopted.
    #[serde(other)]
    Unknown,
}

/// Hours of some days, as the clock on a wall shows them in a zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Days on which it opens; every day if there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Day>,
    /// When it opens.
    #[serde(with = "minutes")]
    pub from: Time,
    /// When it closes: on the next day if that is not after `from`.
    #[serde(with = "minutes")]
    pub to: Time,
    /// IANA name of the zone, such as `Europe/Berlin`.
    pub zone: String,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// Days on which nothing is adopted, first and last included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blackout {
    /// First day.
    pub from: Date,
    /// Last day; the first if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Date>,
    /// IANA name of the zone in which the days begin; UTC if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// A version that a component is kept at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The component's name.
    pub component: String,
    /// The version as the release writes it.
    pub version: String,
    /// When the pin ends by itself; never if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Who wants it, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub owner: String,
}

/// Nothing is adopted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// When it ends by itself; never if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Why a policy cannot be used. The texts fit after "policy.json: ".
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// It is longer than [`MAX_BYTES`].
    #[error("it is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// It is not of this form.
    #[error("{0}")]
    Malformed(#[from] serde_json::Error),
    /// A zone is not in the time zone database.
    #[error("{0:?} is no time zone; use an IANA name such as Europe/Berlin")]
    Zone(String),
    /// Windows are asked for and there is none.
    #[error("mode is \"window\" and there is no window; add one to `windows`")]
    NoWindow,
    /// A blackout ends before it begins.
    #[error("the blackout from {from} ends before it begins, on {to}")]
    Backwards {
        /// Its first day.
        from: Date,
        /// Its last day.
        to: Date,
    },
    /// A pin names no version or component.
    #[error("a pin needs a component and a version")]
    EmptyPin,
    /// Two pins of one component.
    #[error("{0} is pinned twice; leave one pin")]
    PinnedTwice(String),
}

impl Policy {
    /// Reads the file and checks that it makes sense.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        if bytes.len() > MAX_BYTES {
            return Err(PolicyError::TooLong);
        }
        let policy: Self = serde_json::from_slice(bytes)?;
        policy.check()?;
        Ok(policy)
    }

    /// The file's text, which [`Policy::parse`] reads back.
    pub fn encode(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("plain data always serialises");
        text.push('\n');
        text
    }

    /// What stands in for a file that cannot be used: nothing is adopted until it is mended. An
    /// operator who wrote "off" must not get "auto" because of a slip.
    pub fn unusable(error: &PolicyError) -> Self {
        Self {
            hold: Some(Hold {
                until: None,
                reason: format!("policy.json cannot be used: {error}"),
            }),
            ..Self::default()
        }
    }

    /// Whether it makes sense.
    pub fn check(&self) -> Result<(), PolicyError> {
        if self.mode == Some(Mode::Window) && self.windows.is_empty() {
            return Err(PolicyError::NoWindow);
        }
        for window in &self.windows {
            zone(&window.zone)?;
        }
        for blackout in &self.blackouts {
            blackout.zone.as_deref().map(zone).transpose()?;
            if let Some(to) = blackout.to.filter(|to| *to < blackout.from) {
                let from = blackout.from;
                return Err(PolicyError::Backwards { from, to });
            }
        }
        for (place, pin) in self.pins.iter().enumerate() {
            if pin.component.is_empty() || pin.version.is_empty() {
                return Err(PolicyError::EmptyPin);
            }
            let same = |other: &Pin| other.component == pin.component;
            if self.pins[..place].iter().any(same) {
                return Err(PolicyError::PinnedTwice(pin.component.clone()));
            }
        }
        Ok(())
    }
}

/// The zone of that IANA name.
pub(crate) fn zone(name: &str) -> Result<TimeZone, PolicyError> {
    TimeZone::get(name).map_err(|_| PolicyError::Zone(name.to_owned()))
}

/// Times of a day as `22:00`.
mod minutes {
    use jiff::civil::Time;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde calls it like this"
    )]
    pub(super) fn serialize<S: Serializer>(time: &Time, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&time.strftime("%H:%M"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Time, D::Error> {
        let text = String::deserialize(from)?;
        // A clock shows 24:00 as 00:00, and a window may end with its day.
        let text = if text == "24:00" { "00:00" } else { &text };
        Time::strptime("%H:%M", text)
            .map_err(|_| D::Error::custom(format!("{text:?} is no time of a day such as 22:30")))
    }
}

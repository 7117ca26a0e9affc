//! `status.json`: what this host is doing, for people and collectors.
//!
//! Derived and rewritten as a whole. A field that is missing or null is not known; a field that a
//! reader does not know is skipped. Digests are sha256 in lower-case hex.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared_handover::layout;

use crate::policy::{Mode, Policy};

/// The format this crate writes. Raised only if a reader could no longer do the right thing.
pub const FORMAT: u32 = 1;

/// The document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// See [`FORMAT`].
    pub format: u32,
    /// When it was written. What it says may have changed since.
    pub as_of: Option<Timestamp>,
    /// Stream of releases this host follows.
    pub channel: String,
    /// Where it asks for them.
    pub server: String,
    /// Serial of the newest release it has verified.
    pub serial: Option<u64>,
    /// When that release ends to be adoptable.
    pub expires: Option<Timestamp>,
    /// Version of the trust root in force.
    pub root_version: Option<u64>,
    /// When the server is asked next.
    pub next_check: Option<Timestamp>,
    /// Whether the server answered when it was asked last, and what went wrong.
    pub server_trouble: Option<LastError>,
    /// The processes of this host, first tier first. Agents are in `agents`.
    pub tiers: Vec<Tier>,
    /// What is released and switched, by name: `launcher`, `agent`.
    pub components: BTreeMap<String, Component>,
    /// Agents that run; two while one takes over from the other.
    pub agents: Vec<Agent>,
    /// The disk of the state folder.
    pub disk: Option<Disk>,
    /// Server's clock minus ours, in seconds, as of the last answer.
    pub clock_skew: Option<i64>,
    /// The policy in force.
    pub policy: PolicyInForce,
}

impl Default for Status {
    fn default() -> Self {
        Self {
            format: FORMAT,
            as_of: None,
            channel: String::new(),
            server: String::new(),
            serial: None,
            expires: None,
            root_version: None,
            next_check: None,
            server_trouble: None,
            tiers: Vec::new(),
            components: BTreeMap::new(),
            agents: Vec::new(),
            disk: None,
            clock_skew: None,
            policy: PolicyInForce::default(),
        }
    }
}

/// A process of the first or second tier.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tier {
    /// `bootstrapper` or `launcher`.
    pub name: String,
    /// Its version stamp; empty if not known.
    pub version: String,
    /// Digest of its file; empty if it does not run from the store.
    pub digest: String,
    /// Process id.
    pub pid: u32,
    /// Seconds since it started.
    pub uptime: u64,
}

/// Where a component stands.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Component {
    /// The version that is known to work.
    pub committed: Option<Version>,
    /// The one before it.
    pub previous: Option<Version>,
    /// The one on trial.
    pub trial: Option<Trial>,
    /// Counts the writes of its slot.
    pub generation: u64,
    /// What is being done to it.
    pub phase: Phase,
    /// The version that is left, while one is switched.
    pub from: Option<Version>,
    /// The version that is wanted.
    pub to: Option<Version>,
    /// Of the phase, if that is known.
    pub percent: Option<u8>,
    /// Bytes that came in for `to` so far, by source: `full`, `zstd`, `delta`, `drop`, `local`.
    pub bytes: BTreeMap<String, u64>,
    /// How often `to` was begun, this time included.
    pub attempt: u32,
    /// What went wrong last, until something succeeds.
    pub last_error: Option<LastError>,
    /// The health gate that is open.
    pub gate: Option<Gate>,
    /// Why `to` is not adopted now.
    pub waiting: Option<Waiting>,
    /// Versions that failed here.
    pub marks: Vec<Mark>,
}

/// A version that is installed or wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Version {
    /// As people write it; empty if not known.
    pub version: String,
    /// Its digest.
    pub digest: String,
    /// Serial of the release it came with; 0 for a factory copy.
    pub serial: u64,
}

/// A version on trial.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Trial {
    /// The version.
    #[serde(flatten)]
    pub version: Version,
    /// Starts it has left.
    pub tries_left: u8,
}

/// What is being done to a component.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Nothing.
    #[default]
    Idle,
    /// The server is asked, and what it says is verified.
    Checking,
    /// A newer version is known and may not be adopted yet.
    Waiting,
    /// Its file comes in.
    Downloading,
    /// Its file is hashed.
    Verifying,
    /// Its file is sealed into the store.
    Staging,
    /// The page that puts it on trial is written.
    Arming,
    /// It runs and has to prove itself.
    Trial,
    /// The verdict is carried out.
    Settling,
    /// The version before is put back.
    RollingBack,
    /// This launcher makes room for the next.
    Leaving,
    /// What nothing names is removed.
    Sweeping,
    /// No version can run; the last known ones are tried in turn.
    Rescue,
    /// A later version's phase.
    #[serde(other)]
    Unknown,
}

impl Phase {
    /// Every phase of this version, in the order in which an upgrade passes them.
    pub const ALL: [Self; 13] = [
        Self::Idle,
        Self::Checking,
        Self::Waiting,
        Self::Downloading,
        Self::Verifying,
        Self::Staging,
        Self::Arming,
        Self::Trial,
        Self::Settling,
        Self::RollingBack,
        Self::Leaving,
        Self::Sweeping,
        Self::Rescue,
    ];

    /// The phase as it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Checking => "checking",
            Self::Waiting => "waiting",
            Self::Downloading => "downloading",
            Self::Verifying => "verifying",
            Self::Staging => "staging",
            Self::Arming => "arming",
            Self::Trial => "trial",
            Self::Settling => "settling",
            Self::RollingBack => "rolling-back",
            Self::Leaving => "leaving",
            Self::Sweeping => "sweeping",
            Self::Rescue => "rescue",
            Self::Unknown => "unknown",
        }
    }
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LastError {
    /// The kind: `network`, `server`, `trust`, `disk`, `health`, `policy`, `internal`.
    pub class: String,
    /// One word for programs, such as `stalled` or `no-space`; never changes its meaning.
    pub code: String,
    /// For people.
    pub detail: String,
    /// When.
    pub at: Option<Timestamp>,
}

/// A health gate.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Gate {
    /// When it was opened.
    pub since: Option<Timestamp>,
    /// What has to hold, and whether it does.
    pub facts: BTreeMap<String, bool>,
}

/// Why a version waits.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Waiting {
    /// Until when, if that is known.
    pub until: Option<Timestamp>,
    /// A fragment that fits after ": ".
    pub why: String,
}

/// A version that failed here.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Mark {
    /// The version.
    #[serde(flatten)]
    pub version: Version,
    /// How often it failed. The first time makes it a suspect only.
    pub count: u8,
    /// Why, as a fragment.
    pub reason: String,
    /// How long it is not tried again.
    pub until: Until,
}

/// The end of a mark's hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Until {
    /// It is over.
    #[default]
    Over,
    /// It lasts until then, as far as the clock is right: holds are counted without it.
    At(Timestamp),
    /// It lasts until another release names the version, or `retry`.
    NextRelease,
}

/// An agent that runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Agent {
    /// Process id.
    pub pid: u32,
    /// Which version.
    #[serde(flatten)]
    pub version: Version,
    /// What it is to its slot: `committed`, `previous`, `trial`, or empty.
    pub role: String,
    /// `starting`, `standby`, `serving`, `draining`.
    pub phase: String,
    /// Workers it runs.
    pub workers: u32,
    /// Workers that could take a job now.
    pub ready: u32,
    /// Jobs that run.
    pub busy: u32,
    /// Jobs finished since it started.
    pub jobs_done: u64,
}

/// The disk of the state folder.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Disk {
    /// Bytes that may be used.
    pub free: u64,
    /// Bytes it has.
    pub total: u64,
    /// Files that may be made; missing where the file system has no such limit.
    pub free_files: Option<u64>,
    /// Bytes that the upgrade under way needs; 0 if there is none.
    pub needed: u64,
}

/// The policy in force.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyInForce {
    /// Its mode.
    pub mode: Mode,
    /// What is wrong with `policy.json`; nothing is adopted until it is mended.
    pub trouble: Option<String>,
    /// The hold, if there is one: until when, and why.
    pub hold: Option<Waiting>,
    /// The pins in force, by component.
    pub pins: BTreeMap<String, String>,
}

impl PolicyInForce {
    /// What of a policy counts at `now`.
    pub fn of(policy: &Policy, now: Timestamp) -> Self {
        let pin = |component: layout::Component| {
            let version = policy.pin_of(component, now)?;
            Some((component.name().to_owned(), version.to_owned()))
        };
        Self {
            mode: policy.mode.unwrap_or_default(),
            trouble: None,
            hold: policy.hold_at(now).map(|hold| Waiting {
                until: hold.until,
                why: hold.reason.clone(),
            }),
            pins: layout::Component::ALL.into_iter().filter_map(pin).collect(),
        }
    }
}

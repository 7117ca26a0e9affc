//! What a launcher answers: any number of progress lines, then one final line.

use serde::{Deserialize, Serialize};

use crate::status::{Phase, Status};

/// After so many silent seconds a launcher says [`Reply::Still`]. A client that hears nothing for
/// several times as long may give up.
pub const STILL_AFTER: u64 = 5;

/// A line of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "kebab-case")]
pub enum Reply {
    /// It goes on. Sent when the phase changes, and at most a few times a second within one.
    Progress {
        /// What is being done.
        phase: Phase,
        /// To what: a component's name, or empty for the host as a whole.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        component: String,
        /// How much of it is done, in bytes, or in entries while it verifies.
        #[serde(default)]
        done: u64,
        /// How much there is; 0 when that is not known.
        #[serde(default)]
        total: u64,
    },
    /// Nothing new: the launcher lives, and the step takes its time. Sent every [`STILL_AFTER`]
    /// seconds in which nothing else is, so that a client can tell slow from stuck.
    Still,
    /// Final: it was done.
    Done {
        /// What came of it.
        answer: Answer,
    },
    /// Final: it was not done, and nothing was changed that the detail does not name.
    Refused {
        /// Why, for programs.
        reason: RefusedFor,
        /// Why, for people, and what to do: a fragment that fits after ": ".
        #[serde(default)]
        detail: String,
    },
    /// A later version's line, to be skipped.
    #[serde(other)]
    Unknown,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Answer {
    /// Nothing more to say.
    Ok,
    /// To [`crate::Request::Status`].
    Status {
        /// The document as it would be written now.
        status: Box<Status>,
    },
    /// To [`crate::Request::Check`] and [`crate::Request::Apply`].
    Release {
        /// Serial of the release that this host knows now.
        serial: u64,
        /// What follows for each component; one that is up to date is not listed.
        #[serde(default)]
        changes: Vec<Change>,
    },
    /// To [`crate::Request::Rollback`].
    RolledBack {
        /// The component.
        component: String,
        /// The version that is left.
        from: String,
        /// The version that runs now, or will at the next start.
        to: String,
    },
    /// To [`crate::Request::Retry`].
    Forgiven {
        /// Digests whose marks are gone.
        #[serde(default)]
        digests: Vec<String>,
    },
    /// To [`crate::Request::Verify`].
    Verified {
        /// Every version in the store.
        entries: Vec<Entry>,
    },
    /// To [`crate::Request::Gc`].
    Swept {
        /// Whether it was only said, not done.
        #[serde(default)]
        dry_run: bool,
        /// What is gone, or would be.
        entries: Vec<Entry>,
        /// Unfinished and corrupt folders that are gone, or would be.
        #[serde(default)]
        leftovers: u64,
        /// Bytes that are free because of it, or would be.
        #[serde(default)]
        bytes: u64,
    },
    /// A later version's answer: it was done.
    #[serde(other)]
    Unknown,
}

/// What follows from a release for a component.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Change {
    /// The component.
    pub component: String,
    /// The version that is installed; empty if there is none.
    pub from: String,
    /// The version of the release.
    pub to: String,
    /// Whether it is installed and proved now.
    pub done: bool,
    /// Why it is not: a fragment such as "waits for its window, which opens at …".
    pub why: String,
}

/// A version in the store.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// Its sha256: what it was sealed as.
    pub digest: String,
    /// The component it is a version of.
    pub component: String,
    /// The version as people write it.
    pub version: String,
    /// Size in bytes.
    pub size: u64,
    /// What it is to its slot: `committed`, `previous`, `trial`, or empty.
    pub role: String,
    /// What is wrong with it: a fragment; empty if it is whole.
    pub trouble: String,
}

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusedFor {
    /// Something else is under way; ask again later.
    Busy,
    /// There is nothing it could be done to: no previous version, no such mark, no such release.
    Nothing,
    /// The policy does not let it: pin or hold.
    Policy,
    /// The version failed here and is held back; `retry` takes that back.
    Marked,
    /// The server cannot be reached or did not answer as it should.
    Server,
    /// What the server sent is not trusted.
    Trust,
    /// The disk is full or not writable.
    Disk,
    /// The version was started and did not prove itself; the one before runs again.
    Rejected,
    /// This launcher cannot do that: no bootstrapper, another platform.
    Unable,
    /// The launcher is ending.
    Stopping,
    /// The request is not one this version knows, or is no request at all.
    NotUnderstood,
    /// Too many clients are connected.
    TooMany,
    /// Something broke; the launcher's log says more.
    Failed,
    /// A later version's reason.
    #[serde(other)]
    Unknown,
}

impl Reply {
    /// A refusal.
    pub fn refused(reason: RefusedFor, detail: impl Into<String>) -> Self {
        Self::Refused {
            reason,
            detail: detail.into(),
        }
    }

    /// Whether nothing follows it.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Refused { .. })
    }
}

//! Versions that failed here, why, and for how long they are left alone.
//!
//! A mark ends by itself: a version that failed because the network was not up yet must not be
//! refused for ever. Time is counted in [`Moment`]s, so clock jumps change nothing.

use crate::{Digest, Moment};

/// How many marks a page has room for; the oldest makes room for a new one.
pub(crate) const MOST: usize = 7;

/// From this count on a mark lasts until the manifest changes.
const FOR_GOOD: u8 = 5;

/// Why a version was rejected. Written as one byte, so numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Reason {
    /// All its starts were counted and none led to a commit.
    TriesUsedUp = 1,
    /// It exited while it was on trial.
    ExitedOnTrial = 2,
    /// It stopped answering while it was on trial.
    NoAnswer = 3,
    /// Its own self-test failed.
    SelfTestFailed = 4,
    /// The operating system would not start it.
    WouldNotStart = 5,
    /// A signed release took it back.
    Revoked = 6,
    /// It ended again and again after it was committed.
    CrashLoop = 7,
    /// Somebody went back from it by hand.
    LeftByHand = 8,
    /// A reason that a newer version wrote.
    Other = 255,
}

impl Reason {
    pub(crate) const fn from_byte(byte: u8) -> Self {
        match byte {
            1 => Self::TriesUsedUp,
            2 => Self::ExitedOnTrial,
            3 => Self::NoAnswer,
            4 => Self::SelfTestFailed,
            5 => Self::WouldNotStart,
            6 => Self::Revoked,
            7 => Self::CrashLoop,
            8 => Self::LeftByHand,
            _ => Self::Other,
        }
    }

    /// The reason as a fragment of a sentence: "rejected: …".
    pub const fn text(self) -> &'static str {
        match self {
            Self::TriesUsedUp => "all its tries ended before it was healthy",
            Self::ExitedOnTrial => "it exited while on trial",
            Self::NoAnswer => "it stopped answering while on trial",
            Self::SelfTestFailed => "its self-test failed",
            Self::WouldNotStart => "the operating system would not start it",
            Self::Revoked => "a release took it back",
            Self::CrashLoop => "it ended again and again after it was committed",
            Self::LeftByHand => "somebody went back from it",
            Self::Other => "a reason this version does not know",
        }
    }
}

/// The mark of one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bad {
    /// The version.
    pub digest: Digest,
    /// Why it was rejected last.
    pub reason: Reason,
    /// How often it was rejected.
    pub count: u8,
    /// When it was rejected last: seconds since the boot that the page names.
    pub since: u32,
}

/// How long a marked version is not tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hold {
    /// For this many seconds from the mark, or from boot if the host was restarted since.
    Seconds(u32),
    /// Until another manifest names it, or somebody takes the mark back.
    UntilManifestChanges,
}

impl Bad {
    /// Ten minutes, one hour, six hours, a day; from the fifth time on until the manifest changes.
    ///
    /// The first hold is short on purpose: one failure may be the host's own, such as a network
    /// that was not up yet, and only a second, independent one speaks against the version.
    pub const fn hold(&self) -> Hold {
        match self.count {
            0 | 1 => Hold::Seconds(600),
            2 => Hold::Seconds(3_600),
            3 => Hold::Seconds(6 * 3_600),
            4 => Hold::Seconds(24 * 3_600),
            _ => Hold::UntilManifestChanges,
        }
    }

    /// Whether the hold still lasts at `now`; `boot` is the boot that `since` belongs to.
    ///
    /// A reboot starts the hold anew, once: how long the host was off is not known.
    pub(crate) fn lasts(&self, boot: [u8; 16], now: Moment) -> bool {
        let held = if now.boot == boot {
            now.seconds.saturating_sub(self.since)
        } else {
            now.seconds
        };
        match self.hold() {
            Hold::Seconds(seconds) => held < seconds,
            Hold::UntilManifestChanges => true,
        }
    }
}

/// Marks `digest` until the manifest changes, whatever marks it had.
pub(crate) fn condemn(list: &mut Vec<Bad>, digest: Digest, reason: Reason, since: u32) {
    mark(list, digest, reason, since);
    if let Some(bad) = list.last_mut() {
        bad.count = bad.count.max(FOR_GOOD);
    }
}

/// Adds a mark for `digest`, or counts up the one it has.
pub(crate) fn mark(list: &mut Vec<Bad>, digest: Digest, reason: Reason, since: u32) {
    let count = list
        .iter()
        .find(|bad| bad.digest == digest)
        .map_or(0, |bad| bad.count);
    list.retain(|bad| bad.digest != digest);
    if list.len() == MOST {
        list.remove(0);
    }
    list.push(Bad {
        digest,
        reason,
        count: count.saturating_add(1),
        since,
    });
}

//! What is to be installed, why, and what can stand in its way.

use std::fmt;

use shared_handover::layout::Component;
use shared_release::Target;
use shared_slots::{Digest, Short};

/// A version that is to be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) component: Component,
    pub(crate) version: String,
    pub(crate) digest: Digest,
    /// Length of the file in bytes.
    pub(crate) size: u64,
    /// Serial of the manifest it comes from.
    pub(crate) serial: u64,
    /// Whether it closes a hole, so that windows do not hold it back.
    pub(crate) security: bool,
    /// The plugins that belong to this agent.
    pub(crate) plugins: Option<Box<Target>>,
    pub(crate) supply: Supply,
    pub(crate) cause: Cause,
}

/// Where the file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Supply {
    /// To be fetched as the manifest says.
    Release(Box<Target>),
    /// In the store already.
    Store,
}

/// Why a version is to be installed. The first is the usual one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A release names it.
    Release,
    /// What is committed was taken back by a signed manifest.
    Revoked,
    /// What is committed ends again and again.
    CrashLoop,
    /// A person asked for it.
    Asked,
}

impl Task {
    /// Where its file is, for people.
    pub(crate) fn place(&self) -> &str {
        match &self.supply {
            Supply::Release(target) => target.url.first().map_or("", String::as_str),
            Supply::Store => "store",
        }
    }
}

impl Cause {
    /// Whether what is installed must not or cannot stay, so that no rule may hold this up.
    pub(crate) const fn is_urgent(self) -> bool {
        !matches!(self, Self::Release)
    }

    /// For people.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Release => "a release names it",
            Self::Revoked => "the installed version was taken back",
            Self::CrashLoop => "the committed version ends again and again",
            Self::Asked => "somebody asked for it",
        }
    }
}

/// What stands in the way of a version without being its fault or the server's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Block {
    /// The policy of this host, and why as a fragment.
    Policy(String),
    /// This host's turn in the spread of the release has not come.
    Spread,
    /// The disk has no room.
    Disk(Short),
    /// The bootstrapper has yet to commit this launcher.
    OwnCommit,
    /// This release was tried too often without a commit.
    Effort,
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy(why) => f.write_str(why),
            Self::Spread => f.write_str("its turn among the hosts has not come"),
            Self::Disk(short) => write!(f, "blocked: disk: {short}"),
            Self::OwnCommit => f.write_str("this launcher is not committed yet"),
            Self::Effort => f.write_str(
                "it was tried too often without a commit; `trireme update retry` or the next \
                 release gives it another chance",
            ),
        }
    }
}

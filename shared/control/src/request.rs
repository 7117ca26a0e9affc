//! What can be asked of a launcher.

use serde::{Deserialize, Serialize};
use shared_handover::layout::Component;

use crate::component;

/// A question or an order. One per connection; the replies follow until one that is final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub enum Request {
    /// How is it? Answered with [`crate::Answer::Status`].
    Status,
    /// Ask the server for a release now, and adopt it as far as the policy lets. Answered when the
    /// release is known.
    Check,
    /// Bring this host to a release now, windows or not: what an operator orders needs no policy.
    /// Holds, pins and bad marks still count. Answered when the last version is proved.
    Apply {
        /// The version to come to; the newest of the release if there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    },
    /// Go back to the version before, without the network. The version that is left gets no mark.
    Rollback {
        /// Which one.
        #[serde(with = "component")]
        component: Component,
    },
    /// Take bad marks back.
    Retry {
        /// Whose.
        whose: Retry,
    },
    /// Hash every version in the store again.
    Verify,
    /// Remove what nothing names any more.
    Gc {
        /// Say only what would go.
        #[serde(default)]
        dry_run: bool,
    },
    /// `policy.json` was written: read it now.
    PolicyChanged,
    /// A later version's request; answered with [`crate::RefusedFor::NotUnderstood`].
    #[serde(other)]
    Unknown,
}

/// Whose marks are taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Retry {
    /// Those of all versions.
    All,
    /// Those of all versions of a component.
    #[serde(with = "component")]
    Component(Component),
    /// That of the version with this sha256, in lower-case hex.
    Digest(String),
}

impl Request {
    /// Whether it changes nothing on the host, so that it may be answered while a step is under way.
    pub const fn only_asks(&self) -> bool {
        matches!(
            self,
            Self::Status | Self::Verify | Self::Gc { dry_run: true }
        )
    }
}

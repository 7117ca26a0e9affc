//! Until when a manifest may be adopted. Pure rules over what several clocks say.
//!
//! Clocks lie: a wall clock may stand at 1970 or 2100. So expiry only ever delays the adoption of
//! something new; it never stops what is installed, and no wall clock is ever written down.

use jiff::{SignedDuration, Timestamp};

use crate::{Manifest, Seen};

/// How long after its expiry a manifest may still be adopted on the word of the server.
pub const HEALING: SignedDuration = SignedDuration::from_hours(24);

/// What is known of the present.
#[derive(Debug, Clone, Copy)]
pub struct Clocks {
    /// The operating system's clock.
    pub wall: Timestamp,
    /// When this program was built, where that is known: nothing is older than that.
    pub built: Option<Timestamp>,
    /// The `Date` of the reply that the manifest came in. Only where TLS has shown whose reply it
    /// is: over plain HTTP anybody could have written it.
    pub server: Option<Timestamp>,
}

/// Whether a manifest may be adopted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// It may.
    Fresh,
    /// It may, with a warning: this host's clock is past its expiry by less than [`HEALING`], and
    /// the server says that it is not, or not much.
    Healed,
    /// It may not. What is installed stays.
    Expired,
}

impl Manifest {
    fn is_fresh(&self, now: Timestamp) -> bool {
        now < self.expires
    }

    /// Whether its content may be adopted now.
    ///
    /// Signed times and the build time prove that a moment has passed, so nothing outweighs them.
    /// The wall clock proves nothing; a server's date may outweigh it, but for a day only: a server
    /// in the wrong hands could say the same date for ever.
    pub fn freshness(&self, seen: Option<&Seen>, clocks: &Clocks) -> Freshness {
        let proven = [seen.map(Seen::issued), clocks.built];
        let proven = proven.into_iter().flatten().max();
        let now = proven.map_or(clocks.wall, |proven| proven.max(clocks.wall));
        if self.is_fresh(now) {
            return Freshness::Fresh;
        }
        let is_proven = proven.is_some_and(|proven| !self.is_fresh(proven));
        let last = self.expires.saturating_add(HEALING);
        let last = last.unwrap_or(Timestamp::MAX);
        let is_said = clocks
            .server
            .is_some_and(|server| server < last && proven.is_none_or(|proven| proven <= server));
        if !is_proven && now < last && is_said {
            Freshness::Healed
        } else {
            Freshness::Expired
        }
    }
}

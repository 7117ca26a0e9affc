//! What a manifest may follow, and until when it may be adopted. Pure rules over values.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{Error, Manifest};

/// The high-water marks of one channel, taken from the last manifest that was trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    channel: String,
    serial: u64,
    issued: Timestamp,
    sequences: BTreeMap<String, u64>,
}

impl Seen {
    /// The marks that a trusted manifest leaves behind.
    pub fn of(manifest: &Manifest) -> Self {
        let mut sequences = BTreeMap::new();
        for release in &manifest.releases {
            let highest: &mut u64 = sequences.entry(release.component.clone()).or_default();
            *highest = release.seq.max(*highest);
        }
        Self {
            channel: manifest.channel.clone(),
            serial: manifest.serial,
            issued: manifest.issued,
            sequences,
        }
    }

    /// When the newest trusted manifest was signed: a signed lower bound of the present.
    pub const fn issued(&self) -> Timestamp {
        self.issued
    }
}

impl Manifest {
    /// Refuses a manifest that is older than what this host has seen in the same channel.
    ///
    /// The same manifest again is fine; another one under the same serial is not, which is why
    /// `issued` is compared too.
    pub fn may_follow(&self, seen: &Seen) -> Result<(), Error> {
        if self.channel != seen.channel {
            return Ok(());
        }
        if self.serial < seen.serial {
            return Err(Error::SerialRolledBack {
                found: self.serial,
                seen: seen.serial,
            });
        }
        if self.serial == seen.serial && *seen != Seen::of(self) {
            return Err(Error::SerialReused(self.serial));
        }
        let offered = Seen::of(self).sequences;
        for (component, found) in offered {
            let floor = seen.sequences.get(&component).copied().unwrap_or(0);
            if found < floor && !self.allows_downgrade(&component, found) {
                return Err(Error::SequenceRolledBack {
                    component,
                    found,
                    seen: floor,
                });
            }
        }
        Ok(())
    }

    /// Whether its content may still be adopted at `now` (see [`adoption_time`]).
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now < self.expires
    }

    fn allows_downgrade(&self, component: &str, seq: u64) -> bool {
        self.allow_downgrade
            .iter()
            .any(|allowed| allowed.component == component && allowed.to_seq <= seq)
    }
}

/// The time to judge expiry by: the wall clock, but never before the newest signed time.
///
/// A clock in the past cannot bring an expired manifest back to life. A clock in the future makes
/// manifests look expired while it lasts, and leaves nothing behind: only signed times are kept.
pub fn adoption_time(wall: Timestamp, seen: Option<&Seen>) -> Timestamp {
    seen.map_or(wall, |seen| wall.max(seen.issued))
}

//! What a manifest may follow. Pure rules over values.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::wire::rfc3339;
use crate::{Error, Manifest, Root};

/// The high-water marks of one channel: what the manifests that this host has trusted leave behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    channel: String,
    /// Version of the root under which the newest of them was signed.
    root: u64,
    serial: u64,
    #[serde(with = "rfc3339")]
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
            root: manifest.root,
            serial: manifest.serial,
            issued: manifest.issued,
            sequences,
        }
    }

    /// The marks after a manifest that was accepted beside them: its own, and those of components
    /// that it does not list. A component that a manifest leaves out keeps its mark.
    #[must_use]
    pub fn then(self, manifest: &Manifest) -> Self {
        let mut next = Self::of(manifest);
        if self.channel == next.channel {
            next.issued = next.issued.max(self.issued);
            for (component, seq) in self.sequences {
                next.sequences.entry(component).or_insert(seq);
            }
        }
        next
    }

    /// The marks, if this root still honours them: a root may take back all marks of a channel that
    /// were set under the roots before it.
    ///
    /// That is the way back after a serial near the end of all numbers, or a date in the far
    /// future, was signed by mistake or by a thief.
    #[must_use]
    pub fn under(self, root: &Root) -> Option<Self> {
        let is_reset = root
            .reset_of(&self.channel)
            .is_some_and(|reset| self.root < reset);
        (!is_reset).then_some(self)
    }

    /// The channel.
    pub fn channel(&self) -> &str {
        &self.channel
    }

    /// The highest serial.
    pub const fn serial(&self) -> u64 {
        self.serial
    }

    /// When the newest trusted manifest was signed: a signed lower bound of the present.
    pub const fn issued(&self) -> Timestamp {
        self.issued
    }
}

impl Root {
    /// The manifest in the envelope, if everything speaks for it but the clock: the release role
    /// signed it, it is of this channel, and it does not fall behind what this host has seen.
    ///
    /// What was seen under roots before a reset of the channel counts for nothing.
    pub fn accept(
        &self,
        bytes: &[u8],
        channel: &str,
        seen: Option<&Seen>,
    ) -> Result<Manifest, Error> {
        let manifest = self.verify_manifest(bytes)?;
        manifest.expect_channel(channel)?;
        match seen.cloned().and_then(|seen| seen.under(self)) {
            Some(seen) => manifest.may_follow(&seen).map(|()| manifest),
            None => Ok(manifest),
        }
    }
}

impl Manifest {
    /// Refuses a manifest that is older than what this host has seen in the same channel.
    ///
    /// The same manifest again is fine; another one under the same serial is not, which is why
    /// `issued` is compared too.
    fn may_follow(&self, seen: &Seen) -> Result<(), Error> {
        if self.channel != seen.channel {
            return Ok(());
        }
        if self.serial < seen.serial {
            return Err(Error::SerialRolledBack {
                found: self.serial,
                seen: seen.serial,
            });
        }
        if self.serial == seen.serial && seen.clone().then(self) != *seen {
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
}

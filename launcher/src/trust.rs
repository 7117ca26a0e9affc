//! What this host trusts: the chain of roots, and the last manifest it verified.
//!
//! The manifest is kept as transported, so that it is verified again at each start; with it, the
//! high-water marks below which nothing is accepted, and the sequence numbers of the versions that
//! this host has. The record may be missing: then the next manifest sets the marks.

mod chain;

use std::collections::{BTreeMap, BTreeSet};
use std::env::consts::{ARCH, OS};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use shared_fault::point;
use shared_handover::layout::{Component, StateDir};
use shared_release::{Clocks, Error, Freshness, Manifest, Root, Seen};
use shared_slots::{Digest, Fs as _, OsFs, Records};
use tracing::{info, warn};

use chain::Chain;

use crate::milestone::passed;

/// Longest record that is read, in bytes: a manifest and what is kept beside it.
const RECORD_MOST: u64 = 4 << 20;

/// Why there is no root to trust.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrustError {
    #[error(
        "there is no trust root; give --trust-root FILE once, with the root.json of the server"
    )]
    NoRoot,
    #[error("cannot read the trust root {}: {cause}", path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error("the trust root {} was refused: {cause}", path.display())]
    Refused { path: PathBuf, cause: Error },
    #[error("cannot keep the trust root as {}: {cause}", path.display())]
    NotKept { path: PathBuf, cause: io::Error },
}

/// Why a manifest was refused, and what a person may do about it. A manifest that none of our keys
/// has signed comes from an attacker, or the host was given another server's root.
pub(crate) fn advice(error: &Error) -> String {
    match error {
        Error::Signatures {
            valid: 0,
            mismatched,
            ..
        } if mismatched.is_empty() => format!(
            "{error}; if the server is the right one, the trust root is not: stop the host, remove \
             `trust` from its state folder, and start it with that server's --trust-root"
        ),
        _ => error.to_string(),
    }
}

/// The trusted roots and the last manifest of one channel.
#[derive(Debug)]
pub(crate) struct Trust {
    chain: Chain,
    channel: String,
    path: PathBuf,
    records: Records,
    seen: Option<Seen>,
    known: Option<Known>,
    /// The sequence numbers of versions that this host has or was offered.
    sequences: BTreeMap<Digest, u64>,
}

#[derive(Debug)]
struct Known {
    manifest: Manifest,
    etag: Option<String>,
}

/// The file that keeps the last manifest.
#[derive(Serialize, Deserialize)]
struct Record {
    etag: Option<String>,
    /// The envelope as transported, which is text.
    envelope: String,
    #[serde(default)]
    seen: Option<Seen>,
    /// By digest in hex.
    #[serde(default)]
    sequences: BTreeMap<String, u64>,
}

impl Trust {
    /// Loads the roots of this host, or imports the first from `given` if it has none yet, and the
    /// last manifest.
    pub(crate) fn load(
        state: &StateDir,
        given: Option<&Path>,
        channel: &str,
    ) -> Result<Self, TrustError> {
        let records = Records::new(state.root(), state.quarantine());
        let mut trust = Self {
            chain: Chain::load(state, given, &records)?,
            channel: channel.to_owned(),
            path: state.manifest(),
            records,
            seen: None,
            known: None,
            sequences: BTreeMap::new(),
        };
        if let Err(reason) = trust.recall() {
            put_aside(&trust.records, &trust.path);
            warn!(%reason, "the last manifest cannot be used; starting without it");
        }
        Ok(trust)
    }

    /// ETag of the known manifest, if it has one.
    pub(crate) fn etag(&self) -> Option<&str> {
        self.known.as_ref()?.etag.as_deref()
    }

    /// The last manifest that was verified.
    pub(crate) fn manifest(&self) -> Option<&Manifest> {
        Some(&self.known.as_ref()?.manifest)
    }

    /// The newest root that is trusted.
    pub(crate) const fn root(&self) -> &Root {
        self.chain.newest()
    }

    /// The high-water marks, below which no manifest is accepted.
    pub(crate) const fn seen(&self) -> Option<&Seen> {
        self.seen.as_ref()
    }

    /// The sequence numbers of versions that this host has or was offered.
    pub(crate) const fn sequences(&self) -> &BTreeMap<Digest, u64> {
        &self.sequences
    }

    /// Whether the known manifest may still be adopted.
    pub(crate) fn freshness(&self, clocks: &Clocks) -> Freshness {
        self.manifest().map_or(Freshness::Expired, |manifest| {
            manifest.freshness(self.seen.as_ref(), clocks)
        })
    }

    /// Trusts the next root from now on. Durable before anything that only it allows is accepted.
    pub(crate) fn follow(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.chain.follow(bytes, &self.records)?;
        info!(version = self.root().version(), "new trust root");
        Ok(())
    }

    /// Verifies what the server sent, and keeps it as the new mark before anybody acts on it. Returns
    /// whether it is another one than the known. `has` is what this host has: the sequence numbers of
    /// these versions stay known.
    pub(crate) fn accept(
        &mut self,
        bytes: Vec<u8>,
        etag: Option<String>,
        has: &BTreeSet<Digest>,
    ) -> Result<bool, Error> {
        let root = self.chain.newest();
        let manifest = root.accept(&bytes, &self.channel, self.seen.as_ref())?;
        let is_new = self.manifest() != Some(&manifest);
        let seen = self.seen.take().and_then(|seen| seen.under(root));
        self.seen = Some(match seen {
            Some(seen) => seen.then(&manifest),
            None => Seen::of(&manifest),
        });
        self.sequences.retain(|digest, _| has.contains(digest));
        self.sequences.extend(sequences(&manifest));
        self.keep(etag.clone(), bytes);
        if is_new {
            info!(serial = manifest.serial, channel = %manifest.channel, "new manifest verified");
        }
        self.known = Some(Known { manifest, etag });
        Ok(is_new)
    }

    fn keep(&self, etag: Option<String>, envelope: Vec<u8>) {
        let sequences = self.sequences.iter();
        let record = Record {
            etag,
            envelope: String::from_utf8(envelope).unwrap_or_default(),
            seen: self.seen.clone(),
            sequences: sequences
                .map(|(digest, seq)| (digest.to_string(), *seq))
                .collect(),
        };
        let text = serde_json::to_vec(&record).expect("text and numbers always serialise");
        if let Err(cause) = self.records.replace(&self.path, &text) {
            warn!(%cause, file = %self.path.display(), "cannot keep the manifest");
        }
        passed(point("upgrade.manifest-kept"));
    }

    /// Reads the last manifest back. A missing one is fine; of another channel, it is forgotten; one
    /// that needs a root that was lost is asked for again, together with that.
    fn recall(&mut self) -> Result<(), String> {
        let bytes = match OsFs.read("manifest.read", &self.path, RECORD_MOST) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            read => read.map_err(|error| error.to_string())?,
        };
        let record: Record = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        let is_ours = |seen: &Seen| seen.channel() == self.channel;
        self.seen = record.seen.filter(is_ours);
        let envelope = record.envelope.as_bytes();
        let manifest = match self.root().accept(envelope, &self.channel, None) {
            Err(Error::WrongChannel { .. } | Error::BeforeReset { .. }) => return Ok(()),
            Err(Error::RootBehind { .. }) => None,
            // As above, if the keys changed with the roots. The marks say that it was good once.
            Err(Error::Signatures { .. }) if self.seen.is_some() => None,
            judged => Some(judged.map_err(|error| error.to_string())?),
        };
        let digests = record.sequences.into_iter();
        self.sequences = digests
            .filter_map(|(digest, seq)| Some((digest.parse().ok()?, seq)))
            .collect();
        if let Some(manifest) = &manifest {
            self.seen.get_or_insert_with(|| Seen::of(manifest));
        }
        self.known = manifest.map(|manifest| Known {
            manifest,
            etag: record.etag,
        });
        Ok(())
    }
}

/// Puts a record aside that makes no sense; one that cannot be moved is in the way of nothing.
fn put_aside(records: &Records, path: &Path) {
    match records.put_aside(path) {
        Ok(aside) => info!(aside = %aside.display(), "put aside"),
        Err(error) => warn!(%error, file = %path.display(), "cannot put it aside"),
    }
}

/// The sequence numbers of the files that a manifest lists for this platform.
fn sequences(manifest: &Manifest) -> impl Iterator<Item = (Digest, u64)> {
    Component::ALL
        .into_iter()
        .flat_map(|component| manifest.listed(component.name()))
        .filter_map(|release| Some((release.target_for(OS, ARCH)?.sha256, release.seq)))
}

#[cfg(test)]
mod tests;

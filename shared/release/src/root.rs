//! The trust root: which keys may sign what, how many of them must, and how a root follows another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::envelope::{Envelope, expect_type};
use crate::key::PublicKey;
use crate::names::{is_base_url, is_channel, limit};
use crate::{Error, Manifest};

/// Most keys in a root, most keys of a role, and most base URLs or channels a root names.
const MAX_KEYS: usize = 64;
const MAX_LISTED: usize = 16;

/// What a key may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Root files.
    Root,
    /// Manifests.
    Release,
}

impl Role {
    /// The name in a root file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Release => "release",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The keys of one role. Every threshold is at least 1 and can be reached.
#[derive(Debug, Clone)]
pub(crate) struct RoleKeys {
    root: u64,
    keys: BTreeMap<String, PublicKey>,
    threshold: usize,
}

impl RoleKeys {
    /// Version of the root that lists these keys.
    pub(crate) const fn root(&self) -> u64 {
        self.root
    }

    pub(crate) fn key(&self, kid: &str) -> Option<&PublicKey> {
        self.keys.get(kid)
    }

    pub(crate) fn keys(&self) -> Vec<PublicKey> {
        self.keys.values().copied().collect()
    }

    pub(crate) const fn threshold(&self) -> usize {
        self.threshold
    }
}

/// A trust root that was read and makes sense.
#[derive(Debug, Clone)]
pub struct Root {
    version: u64,
    pub(crate) signs_roots: RoleKeys,
    pub(crate) signs_releases: RoleKeys,
    base_urls: Vec<String>,
    expires: Timestamp,
    /// For each channel whose marks were reset: the newest root that did it.
    resets: BTreeMap<String, u64>,
}

impl Root {
    /// Reads a root file that is trusted because of where it came from: it was built in, or
    /// installed with the host. Its own root keys must have signed it, so a damaged or hand-edited
    /// file is refused.
    ///
    /// Its `expires` is not looked at: a host must never lose its trust by waiting.
    pub fn from_trusted(bytes: &[u8]) -> Result<Self, Error> {
        let envelope = Envelope::open(bytes)?;
        Self::signed_by_itself(&envelope)
    }

    /// The next root in the chain: its version is one more than this one's, and a threshold of the
    /// root keys of both has signed it.
    ///
    /// Neither root's `expires` is looked at: a host that was off for years must be able to follow.
    pub fn follow(&self, next: &[u8]) -> Result<Self, Error> {
        let envelope = Envelope::open(next)?;
        envelope.verify(Role::Root, &self.signs_roots)?;
        let mut next = Self::signed_by_itself(&envelope)?;
        if Some(next.version) != self.version.checked_add(1) {
            return Err(Error::RootOrder {
                found: next.version,
                after: self.version,
            });
        }
        for (channel, version) in &self.resets {
            next.resets.entry(channel.clone()).or_insert(*version);
        }
        Ok(next)
    }

    /// Reads a payload that nobody has signed yet.
    pub(crate) fn from_unsigned(payload: &[u8]) -> Result<Self, Error> {
        WireRoot::parse(payload)?.read()
    }

    fn signed_by_itself(envelope: &Envelope) -> Result<Self, Error> {
        let root = Self::from_unsigned(envelope.unverified_payload())?;
        envelope.verify(Role::Root, &root.signs_roots)?;
        Ok(root)
    }

    /// The root's version; the first is 1.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Where the release tree can be fetched, best first, each an `http` or `https` address without
    /// a slash at its end; `v1/…` follows it. Empty: only where the host's configuration says.
    pub fn base_urls(&self) -> &[String] {
        &self.base_urls
    }

    /// When a newer root should have replaced this one. For people; nothing stops then.
    pub const fn expires(&self) -> Timestamp {
        self.expires
    }

    /// The root that last took back what hosts have seen of a channel, if any of the chain did.
    pub fn reset_of(&self, channel: &str) -> Option<u64> {
        self.resets.get(channel).copied()
    }

    /// The manifest in the envelope, if a threshold of release keys signed it, it makes sense, and
    /// it was signed under a root that this one can judge: not a newer one, and none before its
    /// channel was reset.
    pub fn verify_manifest(&self, bytes: &[u8]) -> Result<Manifest, Error> {
        let envelope = Envelope::open(bytes)?;
        let payload = envelope.verify(Role::Release, &self.signs_releases)?;
        let manifest = Manifest::from_payload(payload)?;
        if manifest.root > self.version {
            return Err(Error::RootBehind {
                needs: manifest.root,
                has: self.version,
            });
        }
        match self.reset_of(&manifest.channel) {
            Some(reset) if manifest.root < reset => Err(Error::BeforeReset {
                root: manifest.root,
                reset,
            }),
            _ => Ok(manifest),
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct WireRoot {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) version: u64,
    pub(crate) keys: BTreeMap<String, String>,
    pub(crate) roles: BTreeMap<String, WireRole>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) base_urls: Vec<String>,
    pub(crate) expires: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) reset_seen: Vec<String>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct WireRole {
    pub(crate) kids: Vec<String>,
    pub(crate) threshold: usize,
}

impl WireRoot {
    fn parse(payload: &[u8]) -> Result<Self, Error> {
        expect_type(payload, Role::Root)?;
        serde_json::from_slice(payload).map_err(|error| Error::senseless("payload", error))
    }

    fn read(self) -> Result<Root, Error> {
        if self.version == 0 {
            return Err(Error::senseless("version", "it must be at least 1"));
        }
        limit("keys", &self.keys, MAX_KEYS)?;
        let distinct: BTreeSet<&String> = self.keys.values().collect();
        if distinct.len() != self.keys.len() {
            return Err(Error::senseless("keys", "one key has two ids"));
        }
        limit("base_urls", &self.base_urls, MAX_LISTED)?;
        if let Some(url) = self.base_urls.iter().find(|url| !is_base_url(url)) {
            let detail = format!("{url:?} is no http or https address without a slash at its end");
            return Err(Error::senseless("base_urls", detail));
        }
        limit("reset_seen", &self.reset_seen, MAX_LISTED)?;
        if let Some(channel) = self.reset_seen.iter().find(|name| !is_channel(name)) {
            let detail = format!("{channel:?} is no name");
            return Err(Error::senseless("reset_seen", detail));
        }
        let expires = self.expires.parse();
        Ok(Root {
            version: self.version,
            signs_roots: self.role(Role::Root)?,
            signs_releases: self.role(Role::Release)?,
            expires: expires.map_err(|error| Error::senseless("expires", error))?,
            resets: (self.reset_seen.into_iter())
                .map(|channel| (channel, self.version))
                .collect(),
            base_urls: self.base_urls,
        })
    }

    /// The keys of a role, each a real ed25519 point, with a threshold that can be reached.
    fn role(&self, role: Role) -> Result<RoleKeys, Error> {
        let wire = self
            .roles
            .get(role.name())
            .ok_or_else(|| Error::senseless("roles", format!("role {role} is missing")))?;
        limit("roles", &wire.kids, MAX_KEYS)?;
        let mut keys = BTreeMap::new();
        for kid in &wire.kids {
            let hex = self
                .keys
                .get(kid)
                .ok_or_else(|| Error::senseless("keys", format!("{kid:?} is missing")))?;
            let key = PublicKey::from_text(hex)
                .map_err(|error| Error::senseless("keys", format!("{kid:?}: {error}")))?;
            keys.insert(kid.clone(), key);
        }
        if wire.threshold == 0 || wire.threshold > keys.len() {
            return Err(Error::senseless(
                "roles",
                format!(
                    "the {role} role needs {} of {} keys",
                    wire.threshold,
                    keys.len()
                ),
            ));
        }
        Ok(RoleKeys {
            root: self.version,
            keys,
            threshold: wire.threshold,
        })
    }
}

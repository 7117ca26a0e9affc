//! The trust root: which keys may sign what, and how many of them must.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ed25519_dalek::VerifyingKey;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::envelope::Envelope;
use crate::key::{Keypair, from_hex};
use crate::{Error, Manifest};

/// What a key may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Root files.
    Root,
    /// Manifests.
    Release,
}

impl Role {
    const fn name(self) -> &'static str {
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
    keys: BTreeMap<String, VerifyingKey>,
    threshold: usize,
}

impl RoleKeys {
    pub(crate) fn key(&self, kid: &str) -> Option<&VerifyingKey> {
        self.keys.get(kid)
    }

    pub(crate) const fn threshold(&self) -> usize {
        self.threshold
    }
}

/// A trust root that was read and makes sense.
#[derive(Debug, Clone)]
pub struct Root {
    version: u64,
    release: RoleKeys,
}

impl Root {
    /// Reads a root file that is trusted because of where it came from: it was installed with the
    /// host. Its own root keys must have signed it, so a damaged or hand-edited file is refused.
    ///
    /// Its `expires` is not looked at: a host must never lose its trust by waiting.
    pub fn from_trusted(bytes: &[u8]) -> Result<Self, Error> {
        let envelope = Envelope::open(bytes)?;
        let wire = WireRoot::parse(envelope.unverified_payload())?;
        envelope.verify(Role::Root, &wire.role(Role::Root)?)?;
        Ok(Self {
            version: wire.version,
            release: wire.role(Role::Release)?,
        })
    }

    /// The root's version; the first is 1.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The manifest in the envelope, if a threshold of release keys signed it and it makes sense.
    pub fn verify_manifest(&self, bytes: &[u8]) -> Result<Manifest, Error> {
        let envelope = Envelope::open(bytes)?;
        let payload = envelope.verify(Role::Release, &self.release)?;
        Manifest::from_payload(payload)
    }
}

/// What the publisher says to make the first root.
#[derive(Debug)]
pub struct RootDraft<'a> {
    /// Keys that will sign the next root.
    pub root_keys: &'a [&'a Keypair],
    /// How many of them must.
    pub root_threshold: usize,
    /// Keys that will sign manifests.
    pub release_keys: &'a [&'a Keypair],
    /// How many of them must.
    pub release_threshold: usize,
    /// When a newer root should have replaced this one.
    pub expires: Timestamp,
}

impl RootDraft<'_> {
    /// Root version 1, signed with all root keys, as it is published and laid on hosts.
    ///
    /// Fails where a reader would: an unreachable or zero threshold.
    pub fn build(&self) -> Result<Vec<u8>, Error> {
        let role = |keys: &[&Keypair], threshold| WireRole {
            kids: keys.iter().map(|key| key.kid()).collect(),
            threshold,
        };
        let wire = WireRoot {
            kind: Role::Root.name().to_owned(),
            version: 1,
            keys: self
                .root_keys
                .iter()
                .chain(self.release_keys)
                .map(|key| (key.kid(), key.public_hex()))
                .collect(),
            roles: [
                (Role::Root, role(self.root_keys, self.root_threshold)),
                (
                    Role::Release,
                    role(self.release_keys, self.release_threshold),
                ),
            ]
            .map(|(name, role)| (name.name().to_owned(), role))
            .into(),
            expires: self.expires.to_string(),
        };
        let payload = serde_json::to_vec(&wire).expect("a map of strings always serialises");
        let signed = crate::sign(&payload, self.root_keys);
        Root::from_trusted(&signed)?;
        Ok(signed)
    }
}

#[derive(Serialize, Deserialize)]
struct WireRoot {
    #[serde(rename = "type")]
    kind: String,
    version: u64,
    keys: BTreeMap<String, String>,
    roles: BTreeMap<String, WireRole>,
    expires: String,
}

#[derive(Serialize, Deserialize)]
struct WireRole {
    kids: Vec<String>,
    threshold: usize,
}

impl WireRoot {
    fn parse(payload: &[u8]) -> Result<Self, Error> {
        let wire: Self =
            serde_json::from_slice(payload).map_err(|error| Error::senseless("payload", error))?;
        if wire.kind != Role::Root.name() {
            return Err(Error::WrongType {
                found: wire.kind,
                wanted: "root",
            });
        }
        if wire.version == 0 {
            return Err(Error::senseless("version", "it must be at least 1"));
        }
        let distinct: BTreeSet<&String> = wire.keys.values().collect();
        if distinct.len() != wire.keys.len() {
            return Err(Error::senseless("keys", "one key has two ids"));
        }
        Ok(wire)
    }

    /// The keys of a role, each a real ed25519 point, with a threshold that can be reached.
    fn role(&self, role: Role) -> Result<RoleKeys, Error> {
        let wire = self
            .roles
            .get(role.name())
            .ok_or_else(|| Error::senseless("roles", format!("role {role} is missing")))?;
        let mut keys = BTreeMap::new();
        for kid in &wire.kids {
            let key = self
                .keys
                .get(kid)
                .and_then(|hex| from_hex(hex))
                .and_then(|raw| VerifyingKey::from_bytes(&raw).ok())
                .filter(|key| !key.is_weak())
                .ok_or_else(|| {
                    Error::senseless("keys", format!("{kid} is missing or is no ed25519 key"))
                })?;
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
            keys,
            threshold: wire.threshold,
        })
    }
}

//! The publisher's side of roots: what the next one is to say, and the bytes to be signed.

use jiff::Timestamp;

use crate::key::{Keypair, PublicKey};
use crate::root::{WireRole, WireRoot};
use crate::{Error, Role, Root};

/// What a root is to say. To make the next one, take [`RootPlan::after`] and change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootPlan {
    /// Version; the first is 1.
    pub version: u64,
    /// Keys that sign the next root.
    pub root_keys: Vec<PublicKey>,
    /// How many of them must.
    pub root_threshold: usize,
    /// Keys that sign manifests.
    pub release_keys: Vec<PublicKey>,
    /// How many of them must.
    pub release_threshold: usize,
    /// Where the release tree can be fetched, best first.
    pub base_urls: Vec<String>,
    /// Channels whose high-water marks hosts are to forget once.
    pub reset_seen: Vec<String>,
    /// When a newer root should have replaced this one.
    pub expires: Timestamp,
}

impl RootPlan {
    /// The same again, as the version after `root`, without its resets. After the last version there
    /// is none: that plan can follow nothing.
    pub fn after(root: &Root) -> Self {
        Self {
            version: root.version().saturating_add(1),
            root_keys: root.signs_roots.keys(),
            root_threshold: root.signs_roots.threshold(),
            release_keys: root.signs_releases.keys(),
            release_threshold: root.signs_releases.threshold(),
            base_urls: root.base_urls().to_vec(),
            reset_seen: Vec::new(),
            expires: root.expires(),
        }
    }

    /// Refuses what a reader would, before anybody is asked to sign it.
    pub fn check(&self) -> Result<(), Error> {
        Root::from_unsigned(&self.to_payload()).map(drop)
    }

    /// The bytes to be signed by a threshold of these root keys, and of those of the root before.
    /// The envelope is checked with [`Root::from_trusted`] or [`Root::follow`] before it goes out.
    pub fn to_payload(&self) -> Vec<u8> {
        let role = |keys: &[PublicKey], threshold| WireRole {
            kids: keys.iter().map(PublicKey::kid).collect(),
            threshold,
        };
        let roles = [
            (Role::Root, role(&self.root_keys, self.root_threshold)),
            (
                Role::Release,
                role(&self.release_keys, self.release_threshold),
            ),
        ];
        let wire = WireRoot {
            kind: Role::Root.name().to_owned(),
            version: self.version,
            keys: (self.root_keys.iter().chain(&self.release_keys))
                .map(|key| (key.kid(), key.to_hex()))
                .collect(),
            roles: roles
                .map(|(name, role)| (name.name().to_owned(), role))
                .into(),
            base_urls: self.base_urls.clone(),
            expires: self.expires.to_string(),
            reset_seen: self.reset_seen.clone(),
        };
        serde_json::to_vec(&wire).expect("a map of strings always serialises")
    }
}

/// The first root, made where all keys are at hand.
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
        let public = |keys: &[&Keypair]| keys.iter().map(|key| key.public()).collect();
        let plan = RootPlan {
            version: 1,
            root_keys: public(self.root_keys),
            root_threshold: self.root_threshold,
            release_keys: public(self.release_keys),
            release_threshold: self.release_threshold,
            base_urls: Vec::new(),
            reset_seen: Vec::new(),
            expires: self.expires,
        };
        let signed = crate::sign(&plan.to_payload(), self.root_keys);
        Root::from_trusted(&signed)?;
        Ok(signed)
    }
}

//! The manifest: what a release consists of, for every target.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared_slots::Digest;

use crate::envelope::expect_type;
use crate::names::{is_channel, is_name, is_text, limit};
use crate::wire::{hex_digests, rfc3339};
use crate::{Error, Role, Target};

/// The manifest format this crate reads and writes. Raised only when an older launcher could no
/// longer do the right thing; fields may be added without.
const FORMAT: u32 = 1;

/// Most entries of each list. A publisher lists a handful of versions for some ten platforms.
const MAX_RELEASES: usize = 256;
const MAX_TARGETS: usize = 64;
const MAX_REVOKED: usize = 4096;
const MAX_DOWNGRADES: usize = 64;

/// A release as signed. Fields it does not know are ignored when read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    #[serde(rename = "type")]
    kind: Kind,
    format: u32,
    /// Stream of releases this one belongs to.
    pub channel: String,
    /// Grows with every manifest of the channel.
    pub serial: u64,
    /// When it was signed.
    #[serde(with = "rfc3339")]
    pub issued: Timestamp,
    /// From then on nothing in it may be adopted any more.
    #[serde(with = "rfc3339")]
    pub expires: Timestamp,
    /// Version of the trust root the publisher signed under.
    pub root: u64,
    /// The components, each at most once per sequence number. Beside the newest version of a
    /// component stand those that older hosts must pass through and those a host may be pinned to.
    pub releases: Vec<Release>,
    /// Files that must not be adopted any more, whatever else names them.
    #[serde(default, with = "hex_digests", skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<Digest>,
    /// Components that may go backwards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_downgrade: Vec<Downgrade>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Release,
}

/// One version of one component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Name of the component: `launcher`, `agent`, `plugins`; others are left alone.
    pub component: String,
    /// For people; never ordered. Equal versions belong together.
    pub version: String,
    /// For machines: grows with every version of the component.
    pub seq: u64,
    /// The lowest sequence number from which this version can be reached in one step.
    #[serde(default)]
    pub min_from_seq: u64,
    /// Whether older versions must pass through this one.
    #[serde(default)]
    pub barrier: bool,
    /// Whether it closes a hole, so that windows do not hold it back.
    #[serde(default)]
    pub security: bool,
    /// One file per operating system and architecture.
    pub targets: Vec<Target>,
}

/// A signed permission to go backwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Downgrade {
    /// Name of the component.
    pub component: String,
    /// The lowest sequence number it may go back to.
    pub to_seq: u64,
    /// Why, for people.
    pub reason: String,
}

impl Manifest {
    /// A manifest to be published, of the format this crate writes.
    pub fn new(channel: &str, serial: u64, issued: Timestamp, expires: Timestamp) -> Self {
        Self {
            kind: Kind::Release,
            format: FORMAT,
            channel: channel.to_owned(),
            serial,
            issued,
            expires,
            root: 1,
            releases: Vec::new(),
            revoked: Vec::new(),
            allow_downgrade: Vec::new(),
        }
    }

    /// The bytes to be signed. Fails where a reader would refuse them.
    pub fn to_payload(&self) -> Result<Vec<u8>, Error> {
        self.check()?;
        Ok(serde_json::to_vec_pretty(self).expect("plain data always serialises"))
    }

    /// Reads a payload whose signatures were verified.
    pub(crate) fn from_payload(payload: &[u8]) -> Result<Self, Error> {
        Header::check(payload)?;
        let manifest: Self =
            serde_json::from_slice(payload).map_err(|error| Error::senseless("payload", error))?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The newest version of a component, if this manifest has one.
    pub fn release(&self, component: &str) -> Option<&Release> {
        self.listed(component).max_by_key(|release| release.seq)
    }

    /// All versions of a component that are listed, in no order.
    pub fn listed(&self, component: &str) -> impl Iterator<Item = &Release> {
        (self.releases.iter()).filter(move |release| release.component == component)
    }

    /// The plugins that belong to a version of the agent, for its platform: those of the same
    /// version.
    pub fn plugins_of(&self, agent: &Release, os: &str, arch: &str) -> Option<&Target> {
        self.listed("plugins")
            .filter(|plugins| plugins.version == agent.version)
            .max_by_key(|plugins| plugins.seq)?
            .target_for(os, arch)
    }

    /// Whether a file must not be adopted any more.
    pub fn is_revoked(&self, digest: &Digest) -> bool {
        self.revoked.contains(digest)
    }

    /// Whether a component may go back to this sequence number.
    pub fn allows_downgrade(&self, component: &str, seq: u64) -> bool {
        self.allow_downgrade
            .iter()
            .any(|allowed| allowed.component == component && allowed.to_seq <= seq)
    }

    /// Refuses a manifest of another channel than the one that was asked for.
    pub(crate) fn expect_channel(&self, wanted: &str) -> Result<(), Error> {
        if self.channel == wanted {
            return Ok(());
        }
        Err(Error::WrongChannel {
            found: self.channel.clone(),
            wanted: wanted.to_owned(),
        })
    }

    fn check(&self) -> Result<(), Error> {
        if self.serial == 0 {
            return Err(Error::senseless("serial", "it must be at least 1"));
        }
        if self.root == 0 {
            return Err(Error::senseless("root", "it must be at least 1"));
        }
        if !is_channel(&self.channel) {
            let detail = format!("{:?} is no name", self.channel);
            return Err(Error::senseless("channel", detail));
        }
        if self.expires <= self.issued {
            return Err(Error::senseless("expires", "it is not after issued"));
        }
        limit("releases", &self.releases, MAX_RELEASES)?;
        limit("revoked", &self.revoked, MAX_REVOKED)?;
        limit("allow_downgrade", &self.allow_downgrade, MAX_DOWNGRADES)?;
        let mut seen = BTreeSet::new();
        for release in &self.releases {
            if !seen.insert((release.component.as_str(), release.seq)) {
                let detail = format!("{} {} is listed twice", release.component, release.seq);
                return Err(Error::senseless("releases", detail));
            }
            release.check()?;
        }
        self.allow_downgrade.iter().try_for_each(Downgrade::check)
    }
}

impl Release {
    /// The file for an operating system and architecture.
    pub fn target_for(&self, os: &str, arch: &str) -> Option<&Target> {
        self.targets
            .iter()
            .find(|target| target.os == os && target.arch == arch)
    }

    fn check(&self) -> Result<(), Error> {
        if !is_name(&self.component) {
            let detail = format!("{:?} is no component name", self.component);
            return Err(Error::senseless("releases", detail));
        }
        if !is_text(&self.version) {
            let detail = "it is empty, unprintable or too long";
            return Err(Error::senseless("version", detail));
        }
        limit("targets", &self.targets, MAX_TARGETS)?;
        let mut platforms = BTreeSet::new();
        for target in &self.targets {
            if !platforms.insert((&target.os, &target.arch)) {
                let detail = format!("{}-{} is listed twice", target.os, target.arch);
                return Err(Error::senseless("targets", detail));
            }
            target.check()?;
        }
        Ok(())
    }
}

impl Downgrade {
    fn check(&self) -> Result<(), Error> {
        if is_name(&self.component) && is_text(&self.reason) {
            return Ok(());
        }
        let detail = "a component and a reason are needed";
        Err(Error::senseless("allow_downgrade", detail))
    }
}

/// The field that decides whether the rest can be read at all.
#[derive(Deserialize)]
struct Header {
    #[serde(default)]
    format: u32,
}

impl Header {
    fn check(payload: &[u8]) -> Result<(), Error> {
        expect_type(payload, Role::Release)?;
        let header: Self =
            serde_json::from_slice(payload).map_err(|error| Error::senseless("payload", error))?;
        if header.format == FORMAT {
            return Ok(());
        }
        let detail = format!("this version reads format {FORMAT}, not {}", header.format);
        Err(Error::senseless("format", detail))
    }
}

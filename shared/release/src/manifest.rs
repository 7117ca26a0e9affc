//! The manifest: what a release consists of, for every target.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared_slots::Digest;

use crate::Error;

/// The manifest format this crate reads and writes. Raised only when an older launcher could no
/// longer do the right thing; fields may be added without.
const FORMAT: u32 = 1;

/// Largest file a manifest may name, in bytes: a bound on the disk a wrong manifest can ask for.
const MAX_FILE: u64 = 1 << 30;

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
    /// The components, each at most once per sequence number.
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
    /// Name of the component: `launcher`, `agent`; others are left alone.
    pub component: String,
    /// For people; never compared.
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

/// The file of a component for one operating system and architecture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// As `std::env::consts::OS`: `linux`, `macos`, `windows`.
    pub os: String,
    /// As `std::env::consts::ARCH`: `x86_64`, `aarch64`.
    pub arch: String,
    /// Digest of the file.
    #[serde(with = "hex_digest")]
    pub sha256: Digest,
    /// Length of the file in bytes.
    pub size: u64,
    /// Where it lies, relative to the manifest tree; mirrors of each other.
    pub url: Vec<String>,
    /// How the transported bytes are encoded; this version reads only plain files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enc: Option<String>,
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

    /// The newest version of a component, if this release has one.
    pub fn release(&self, component: &str) -> Option<&Release> {
        self.releases
            .iter()
            .filter(|release| release.component == component)
            .max_by_key(|release| release.seq)
    }

    /// Whether a file must not be adopted any more.
    pub fn is_revoked(&self, digest: &Digest) -> bool {
        self.revoked.contains(digest)
    }

    /// Refuses a manifest of another channel than the one that was asked for.
    pub fn expect_channel(&self, wanted: &str) -> Result<(), Error> {
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
        if !is_name(&self.channel) {
            return Err(Error::senseless(
                "channel",
                format!("{:?} is no name", self.channel),
            ));
        }
        if self.expires <= self.issued {
            return Err(Error::senseless("expires", "it is not after issued"));
        }
        let mut seen = BTreeSet::new();
        for release in &self.releases {
            if !seen.insert((release.component.as_str(), release.seq)) {
                let detail = format!("{} {} is listed twice", release.component, release.seq);
                return Err(Error::senseless("releases", detail));
            }
            release.check()?;
        }
        Ok(())
    }
}

impl Release {
    /// The file for an operating system and architecture that this version can read: the first
    /// one without an encoding.
    pub fn target_for(&self, os: &str, arch: &str) -> Option<&Target> {
        self.targets
            .iter()
            .find(|target| target.os == os && target.arch == arch && target.is_plain())
    }

    fn check(&self) -> Result<(), Error> {
        if !is_name(&self.component) {
            let detail = format!("{:?} is no component name", self.component);
            return Err(Error::senseless("releases", detail));
        }
        if self.version.is_empty() || self.version.chars().any(char::is_control) {
            return Err(Error::senseless("version", "it is empty or unprintable"));
        }
        self.targets.iter().try_for_each(Target::check)
    }
}

impl Target {
    fn is_plain(&self) -> bool {
        self.enc.as_deref().is_none_or(|enc| enc == "none")
    }

    fn check(&self) -> Result<(), Error> {
        if self.size == 0 || self.size > MAX_FILE {
            let detail = format!("{} is not within 1 and {MAX_FILE} bytes", self.size);
            return Err(Error::senseless("size", detail));
        }
        if self.url.is_empty() {
            return Err(Error::senseless("url", "there is none"));
        }
        match self.url.iter().find(|url| !is_relative(url)) {
            Some(url) => Err(Error::senseless(
                "url",
                format!("{url:?} does not stay inside the release tree"),
            )),
            None => Ok(()),
        }
    }
}

/// Lower-case letters, digits, `-`, `_`, `.`; not empty, not starting with a dot.
fn is_name(text: &str) -> bool {
    let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_' | '.');
    !text.is_empty() && text.len() <= 64 && !text.starts_with('.') && text.chars().all(allowed)
}

/// A path of names below the release tree: no scheme, no host, no way up or out.
fn is_relative(url: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
    !url.is_empty()
        && url.len() <= 512
        && url
            .split('/')
            .all(|part| !part.is_empty() && !part.starts_with('.') && part.chars().all(allowed))
}

/// The fields that decide whether the rest can be read at all.
#[derive(Deserialize)]
struct Header {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    format: u32,
}

impl Header {
    fn check(payload: &[u8]) -> Result<(), Error> {
        let header: Self =
            serde_json::from_slice(payload).map_err(|error| Error::senseless("payload", error))?;
        if header.kind != "release" {
            return Err(Error::WrongType {
                found: header.kind,
                wanted: "release",
            });
        }
        if header.format != FORMAT {
            let detail = format!("this version reads format {FORMAT}, not {}", header.format);
            return Err(Error::senseless("format", detail));
        }
        Ok(())
    }
}

mod rfc3339 {
    use jiff::Timestamp;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(time)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

mod hex_digest {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};
    use shared_slots::Digest;

    pub(super) fn serialize<S: Serializer>(digest: &Digest, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(digest)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Digest, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

mod hex_digests {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};
    use shared_slots::Digest;

    pub(super) fn serialize<S: Serializer>(all: &[Digest], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(all.iter().map(ToString::to_string))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Digest>, D::Error> {
        let all = Vec::<String>::deserialize(from)?;
        let parsed: Result<_, _> = all.iter().map(|text| text.parse()).collect();
        parsed.map_err(D::Error::custom)
    }
}

//! Publishing: files in by digest first, then the manifest that names them, then nothing.
//!
//! A crash before the manifest's rename leaves files that nobody asks for; after it everything the
//! manifest names is there.

use std::fs::OpenOptions;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use shared_release::{Manifest, Release, Target};

use crate::keys::Signer;
use crate::{PublishError, Tree, disk};

/// How long a manifest may be adopted: a year. What is installed runs on.
const MANIFEST_LIFE: SignedDuration = SignedDuration::from_hours(365 * 24);

/// Operating system and architecture, each as Rust's `std::env::consts` spells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// `linux`, `macos`, `windows`.
    pub os: String,
    /// `x86_64`, `aarch64`.
    pub arch: String,
}

impl Platform {
    /// The platform this program runs on.
    pub fn here() -> Self {
        Self {
            os: std::env::consts::OS.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
        }
    }

    /// Reads `os-arch`.
    pub fn parse(text: &str) -> Result<Self, PublishError> {
        let word = |part: &str| {
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            !part.is_empty() && part.bytes().all(plain)
        };
        match text.split_once('-') {
            Some((os, arch)) if word(os) && word(arch) => Ok(Self {
                os: os.to_owned(),
                arch: arch.to_owned(),
            }),
            _ => Err(PublishError::Platform(text.to_owned())),
        }
    }
}

/// What is to be published.
#[derive(Debug, Clone)]
pub struct Draft<'a> {
    /// The stream of releases it joins.
    pub channel: &'a str,
    /// Its version, for people.
    pub version: &'a str,
    /// What the files run on. A version that is published for one platform after the other keeps
    /// them all; another version begins with none.
    pub platform: Platform,
    /// The launcher's file.
    pub launcher: &'a Path,
    /// The agent's file.
    pub agent: &'a Path,
}

/// What was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The manifest's serial.
    pub serial: u64,
    /// The files.
    pub components: Vec<Component>,
}

/// One file of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// `launcher` or `agent`.
    pub name: &'static str,
    /// The sha256 of the file, in hex.
    pub digest: String,
    /// Its length in bytes.
    pub size: u64,
    /// The number by which hosts tell newer from older.
    pub seq: u64,
}

impl Tree {
    /// Publishes a release: the channel's serial grows by one, and a component's number grows when
    /// its files changed. Makes keys and trust root at the first time. Waits for other publishers.
    pub fn publish(&self, draft: &Draft<'_>, now: Timestamp) -> Result<Published, PublishError> {
        let place = self
            .manifest_file(draft.channel)
            .ok_or_else(|| no_channel(draft.channel))?;
        let lock = self.publish_lock();
        disk::touch(&lock)?;
        let held = OpenOptions::new()
            .append(true)
            .open(&lock)
            .map_err(PublishError::file("open", &lock))?;
        held.lock().map_err(PublishError::file("lock", &lock))?;

        let signer = Signer::open(self, now)?;
        let before = self.current(draft.channel, &signer.root)?;
        let serial = before.as_ref().map_or(0, |manifest| manifest.serial) + 1;
        let mut manifest = Manifest::new(draft.channel, serial, now, expiry(now));
        manifest.root = signer.root.version();
        let mut components = Vec::new();
        for (name, file) in [("launcher", draft.launcher), ("agent", draft.agent)] {
            let (digest, size) = disk::copy_by_digest(file, &self.blobs())?;
            let target = Target::plain(&draft.platform.os, &draft.platform.arch, digest, size);
            let last = before.as_ref().and_then(|manifest| manifest.release(name));
            let release = next_release(name, draft.version, target, last);
            components.push(Component {
                name,
                digest: digest.to_string(),
                size,
                seq: release.seq,
            });
            manifest.releases.push(release);
        }
        if let Some(before) = before {
            manifest.revoked = before.revoked;
        }
        let payload = manifest.to_payload().map_err(PublishError::Senseless)?;
        let bytes = shared_release::sign(&payload, &[&signer.release]);
        disk::replace(&place, &bytes)?;
        Ok(Published { serial, components })
    }
}

/// The component's next entry: the targets of the same version stay, and the number grows with any
/// change of version or files.
fn next_release(name: &str, version: &str, target: Target, last: Option<&Release>) -> Release {
    let mut targets: Vec<Target> = last
        .filter(|last| last.version == version)
        .map(|last| last.targets.clone())
        .unwrap_or_default();
    targets.retain(|other| (&other.os, &other.arch) != (&target.os, &target.arch));
    targets.push(target);
    targets.sort_by(|a, b| (&a.os, &a.arch).cmp(&(&b.os, &b.arch)));
    let mut release = Release {
        component: name.to_owned(),
        version: version.to_owned(),
        seq: last.map_or(1, |last| last.seq),
        min_from_seq: 0,
        barrier: false,
        security: false,
        targets,
    };
    if last.is_some_and(|last| *last != release) {
        release.seq += 1;
    }
    release
}

fn expiry(now: Timestamp) -> Timestamp {
    now.saturating_add(MANIFEST_LIFE).unwrap_or(Timestamp::MAX)
}

fn no_channel(channel: &str) -> PublishError {
    PublishError::Senseless(shared_release::Error::Senseless {
        part: "channel",
        detail: format!("{channel:?} is no name"),
    })
}

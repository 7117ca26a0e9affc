//! What is to be published, and what was.

use std::path::PathBuf;

use jiff::SignedDuration;
use shared_release::Downgrade;

use crate::PublishError;

/// How long a manifest may be adopted where nothing else is said: a year. What is installed runs on.
pub const MANIFEST_LIFE: SignedDuration = SignedDuration::from_hours(365 * 24);

/// Operating system and architecture, each as Rust's `std::env::consts` spells it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
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

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.os, self.arch)
    }
}

/// The files of a release for one platform.
#[derive(Debug, Clone)]
pub struct Files {
    /// What they run on.
    pub platform: Platform,
    /// The launcher's file.
    pub launcher: PathBuf,
    /// The agent's file.
    pub agent: PathBuf,
    /// The agent's plugins: a zip, or a folder that becomes one.
    pub plugins: Option<PathBuf>,
}

/// What is to be published.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The stream of releases it joins.
    pub channel: String,
    /// Its version, for people.
    pub version: String,
    /// Its files. A version that is published for one platform after the other keeps them all;
    /// another version begins with none.
    pub files: Vec<Files>,
    /// Whether it closes a hole, so that windows do not hold it back.
    pub security: bool,
    /// Whether older versions must pass through this one.
    pub barrier: bool,
    /// From how old a version it can be reached in one step, per component, by sequence number.
    pub min_from_seq: Vec<(String, u64)>,
    /// Components that may go backwards.
    pub allow_downgrade: Vec<Downgrade>,
    /// How long it may be adopted.
    pub life: SignedDuration,
    /// Whether smaller encodings are made: zstd, and deltas.
    pub encode: bool,
    /// From how many earlier files of the same component and platform deltas are made.
    pub delta_from: usize,
}

impl Draft {
    /// A release of these files, with nothing special about it.
    pub fn new(channel: &str, version: &str, files: Vec<Files>) -> Self {
        Self {
            channel: channel.to_owned(),
            version: version.to_owned(),
            files,
            security: false,
            barrier: false,
            min_from_seq: Vec::new(),
            allow_downgrade: Vec::new(),
            life: MANIFEST_LIFE,
            encode: true,
            delta_from: 5,
        }
    }
}

/// What was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The manifest's serial.
    pub serial: u64,
    /// The files, in the order of the draft.
    pub components: Vec<Component>,
}

/// One file of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// `launcher`, `agent` or `plugins`.
    pub name: &'static str,
    /// What it runs on.
    pub platform: Platform,
    /// The sha256 of the file, in hex.
    pub digest: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its length as zstd, if that is published.
    pub encoded: Option<u64>,
    /// The lengths of the deltas to it.
    pub deltas: Vec<u64>,
    /// The number by which hosts tell newer from older.
    pub seq: u64,
}

//! The file of a component for one platform, and the ways to get it with fewer bytes.

use serde::{Deserialize, Serialize};
use shared_slots::Digest;

use crate::Error;
use crate::names::{is_name, is_relative, limit};
use crate::wire::hex_digest;

/// Largest file a manifest may name, in bytes: a bound on the disk a wrong manifest can ask for.
pub const MAX_FILE: u64 = 1 << 30;

/// Most mirrors of a file, most encodings of it and most deltas to it.
const MAX_URLS: usize = 16;
const MAX_ENCODED: usize = 8;
const MAX_DELTAS: usize = 32;

/// The file of a component for one operating system and architecture.
///
/// `sha256` and `size` are of the file as it is installed. The plain file is always there; what
/// else is there saves bytes and is trusted no more than it: the result must have this digest.
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
    /// Where it lies, relative to `v1/` of the release tree; mirrors of each other.
    pub url: Vec<String>,
    /// The whole file, encoded. Encodings that a reader does not know are left alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub encoded: Vec<Encoded>,
    /// What makes the file of another one that a host may have. Unknown algorithms are left alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deltas: Vec<Delta>,
}

/// The whole file in an encoding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encoded {
    /// Name of the encoding: `zstd`.
    pub enc: String,
    /// Where it lies, as [`Target::url`].
    pub url: Vec<String>,
    /// Length of the encoded bytes.
    pub size: u64,
    /// Digest of the encoded bytes.
    #[serde(with = "hex_digest")]
    pub sha256: Digest,
}

/// A patch from another file to this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// Digest of the file it starts from.
    #[serde(with = "hex_digest")]
    pub from: Digest,
    /// Name of the algorithm: `bsdiff4` or `zstd`.
    pub algo: String,
    /// Where it lies, as [`Target::url`].
    pub url: Vec<String>,
    /// Length of the patch in bytes.
    pub size: u64,
    /// Digest of the patch.
    #[serde(with = "hex_digest")]
    pub sha256: Digest,
}

impl Target {
    /// A plain file that lies at `blobs/<digest>` of the tree.
    pub fn plain(os: &str, arch: &str, sha256: Digest, size: u64) -> Self {
        Self {
            os: os.to_owned(),
            arch: arch.to_owned(),
            sha256,
            size,
            url: vec![format!("blobs/{sha256}")],
            encoded: Vec::new(),
            deltas: Vec::new(),
        }
    }

    /// The file in this encoding, if it is published in it.
    pub fn encoded(&self, enc: &str) -> Option<&Encoded> {
        self.encoded.iter().find(|encoded| encoded.enc == enc)
    }

    /// The deltas that start from a file that the host has, smallest first.
    pub fn deltas_from(&self, from: Digest) -> Vec<&Delta> {
        let mut deltas: Vec<&Delta> = (self.deltas.iter())
            .filter(|delta| delta.from == from)
            .collect();
        deltas.sort_by_key(|delta| delta.size);
        deltas
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        if !is_name(&self.os) || !is_name(&self.arch) {
            let detail = format!("{:?} on {:?} is no platform", self.os, self.arch);
            return Err(Error::senseless("targets", detail));
        }
        check_file(self.size, &self.url)?;
        limit("encoded", &self.encoded, MAX_ENCODED)?;
        for encoded in &self.encoded {
            check_name("encoded", &encoded.enc)?;
            check_file(encoded.size, &encoded.url)?;
        }
        limit("deltas", &self.deltas, MAX_DELTAS)?;
        for delta in &self.deltas {
            check_name("deltas", &delta.algo)?;
            check_file(delta.size, &delta.url)?;
        }
        Ok(())
    }
}

fn check_name(part: &'static str, name: &str) -> Result<(), Error> {
    if is_name(name) {
        return Ok(());
    }
    Err(Error::senseless(part, format!("{name:?} is no name")))
}

fn check_file(size: u64, urls: &[String]) -> Result<(), Error> {
    if size == 0 || size > MAX_FILE {
        let detail = format!("{size} is not within 1 and {MAX_FILE} bytes");
        return Err(Error::senseless("size", detail));
    }
    if urls.is_empty() {
        return Err(Error::senseless("url", "there is none"));
    }
    limit("url", urls, MAX_URLS)?;
    match urls.iter().find(|url| !is_relative(url)) {
        Some(url) => Err(Error::senseless(
            "url",
            format!("{url:?} does not stay inside the release tree"),
        )),
        None => Ok(()),
    }
}

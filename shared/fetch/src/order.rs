//! What is wanted, the ways to get it, and how far it has come.

use std::path::PathBuf;

use shared_delta::Algorithm;
use shared_delta::child::Work;
use shared_slots::Digest;

/// A file that is wanted, and all ways to get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// sha256 of the plain file.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// The ways to get it, best first; a plain one at the end is the last resort.
    pub sources: Vec<Source>,
}

/// One file that is, or can be made into, the wanted one; and where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Absolute addresses of the same bytes, tried in this order: `http:`, `https:`, or `file:` for
    /// a folder on this host, such as a stick in a place without a network.
    pub urls: Vec<String>,
    /// Length in bytes of what lies there.
    pub size: u64,
    /// sha256 of what lies there; for [`Encoding::Plain`] that of the order.
    pub digest: Digest,
    /// How the wanted file is made from it.
    pub encoding: Encoding,
}

impl Source {
    /// The wanted file itself, at these addresses.
    pub fn plain(digest: Digest, size: u64, urls: Vec<String>) -> Self {
        Self {
            urls,
            size,
            digest,
            encoding: Encoding::Plain,
        }
    }
}

/// How the wanted file is made from what a source has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encoding {
    /// It is the wanted file.
    Plain,
    /// It is the wanted file as a zstd frame.
    Zstd,
    /// It is a bsdiff 4 patch.
    Bsdiff4 {
        /// The old file on this host.
        from: PathBuf,
    },
    /// It is a zstd frame that refers to an old file.
    ZstdPatch {
        /// The old file on this host.
        from: PathBuf,
    },
}

impl Encoding {
    /// What is to be done with the fetched file; `None` for a plain one.
    pub(crate) fn work(&self) -> Option<Work<'_>> {
        match self {
            Self::Plain => None,
            Self::Zstd => Some(Work::Whole),
            Self::Bsdiff4 { from } => Some(Work::Apply(Algorithm::Bsdiff4, from)),
            Self::ZstdPatch { from } => Some(Work::Apply(Algorithm::Zstd, from)),
        }
    }

    /// Under which name its bytes are counted, when they come over a network.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Plain => Kind::Full,
            Self::Zstd => Kind::Zstd,
            Self::Bsdiff4 { .. } | Self::ZstdPatch { .. } => Kind::Delta,
        }
    }
}

/// The names under which bytes are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A patch to an older file.
    Delta,
    /// The whole file, compressed.
    Zstd,
    /// The whole file.
    Full,
    /// Anything from a folder of this host.
    Local,
}

impl Kind {
    /// The name in a status and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delta => "delta",
            Self::Zstd => "zstd",
            Self::Full => "full",
            Self::Local => "local",
        }
    }
}

/// How far an order has come. Reported with each piece, so the receiver decides how often it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// Bytes that are there, those of earlier tries included.
    pub done: u64,
    /// Bytes there will be at the end of this phase. A fallback starts over with another total.
    pub total: u64,
}

/// What is being done for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Bytes come in.
    Receiving(Kind),
    /// The plain file is made from what came in.
    Making(Kind),
}

//! The two ways to make a patch, and their names.

use std::fmt;
use std::str::FromStr;

/// How a patch was made. The names are those of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// `bsdiff4`: Colin Percival's format, 4.x. The smallest patches of compiled code.
    Bsdiff4,
    /// `zstd`: one frame whose prefix is the old file (`zstd --patch-from`). Applied ten times
    /// faster, and about twice as large.
    Zstd,
}

impl Algorithm {
    /// Both, the one with the smaller patches first.
    pub const ALL: [Self; 2] = [Self::Bsdiff4, Self::Zstd];

    /// The name in a manifest and on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bsdiff4 => "bsdiff4",
            Self::Zstd => "zstd",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is none of ours; a newer publisher's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such delta algorithm; known are bsdiff4 and zstd")]
pub struct UnknownAlgorithm;

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        let known = Self::ALL.into_iter().find(|known| known.name() == name);
        known.ok_or(UnknownAlgorithm)
    }
}

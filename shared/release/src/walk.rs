//! A walk along the chain of roots, from the one a host trusts to the newest one it can fetch.

use crate::{Error, Root};

/// Most roots that are followed in one walk; the next walk goes on where this one ended.
pub const MAX_WALK: u32 = 256;

/// One walk: ask for [`Walk::next_version`] until there is none, the server has no such file, or a
/// step is refused; then trust [`Walk::root`].
///
/// A refused step leaves the walk where it was: a bad root never costs a good one.
#[derive(Debug)]
pub struct Walk {
    root: Root,
    left: u32,
}

impl Walk {
    /// Starts at a trusted root.
    pub const fn from(root: Root) -> Self {
        Self {
            root,
            left: MAX_WALK,
        }
    }

    /// The version to ask for, as `v1/roots/<version>.root.json`; `None` at the end of the walk.
    pub fn next_version(&self) -> Option<u64> {
        (self.left > 0)
            .then(|| self.root.version().checked_add(1))
            .flatten()
    }

    /// Follows to the next root.
    pub fn step(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let left = self.left.checked_sub(1).ok_or(Error::WalkTooLong)?;
        self.root = self.root.follow(bytes)?;
        self.left = left;
        Ok(())
    }

    /// The newest root that was reached.
    pub const fn root(&self) -> &Root {
        &self.root
    }

    /// Ends the walk.
    pub fn into_root(self) -> Root {
        self.root
    }
}

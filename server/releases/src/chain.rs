//! The trust roots of the tree, oldest first, each signed by the keys of the one before.

use shared_release::{Error, Manifest, Root};

use crate::{PublishError, Tree, disk};

/// All roots of the tree, at least one.
#[derive(Debug)]
pub(crate) struct Chain {
    first: Root,
    later: Vec<Root>,
}

impl Chain {
    /// Reads the roots; nothing where none was made yet.
    pub(crate) fn read(tree: &Tree) -> Result<Option<Self>, PublishError> {
        let Some(version) = oldest(tree)? else {
            // A tree from before there were versions of roots has the first one only.
            let path = tree.root_file();
            let Some(bytes) = disk::read_if_there(&path)? else {
                return Ok(None);
            };
            let first = Root::from_trusted(&bytes).map_err(PublishError::damaged(&path))?;
            let later = Vec::new();
            return Ok(Some(Self { first, later }));
        };
        let path = tree.root_version_file(version);
        let bytes = disk::read(&path)?;
        let first = Root::from_trusted(&bytes).map_err(PublishError::damaged(&path))?;
        let mut chain = Self {
            first,
            later: Vec::new(),
        };
        loop {
            let path = tree.root_version_file(chain.newest().version() + 1);
            let Some(bytes) = disk::read_if_there(&path)? else {
                return Ok(Some(chain));
            };
            let next = chain.newest().follow(&bytes);
            chain
                .later
                .push(next.map_err(PublishError::damaged(&path))?);
        }
    }

    /// Completes what an older version or an interrupted command has left: every root lies under
    /// its version, and `root.json` is the newest. To be called by publishers only.
    pub(crate) fn settle(&self, tree: &Tree) -> Result<(), PublishError> {
        let (newest, open) = (self.newest().version(), tree.root_file());
        let path = tree.root_version_file(newest);
        let known = disk::read_if_there(&open)?;
        match disk::read_if_there(&path)? {
            Some(bytes) if known.as_ref() == Some(&bytes) => Ok(()),
            Some(bytes) => disk::replace(&open, &bytes),
            None => disk::replace(&path, &known.unwrap_or_default()),
        }
    }

    /// The root that hosts should trust now.
    pub(crate) fn newest(&self) -> &Root {
        self.later.last().unwrap_or(&self.first)
    }

    /// The manifest in the envelope, as a host of any time would have accepted it: an old one is
    /// judged by the root of its time.
    pub(crate) fn manifest(&self, bytes: &[u8]) -> Result<Manifest, Error> {
        let newest = self.newest().verify_manifest(bytes);
        let mut older = self.later.iter().rev().chain([&self.first]).skip(1);
        newest.or_else(|error| {
            older
                .find_map(|root| root.verify_manifest(bytes).ok())
                .ok_or(error)
        })
    }
}

fn oldest(tree: &Tree) -> Result<Option<u64>, PublishError> {
    let names = disk::names(&tree.roots())?;
    let version = |name: &String| name.strip_suffix(".root.json")?.parse::<u64>().ok();
    Ok(names.iter().filter_map(version).min())
}

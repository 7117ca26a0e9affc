//! The trust roots of the tree, oldest first, each signed by the keys of the one before.

use std::ops::RangeInclusive;

use shared_release::{Error, Manifest, Root};

use crate::disk::{self, Readers};
use crate::{PublishError, Tree};

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
        while let Some(version) = chain.newest().version().checked_add(1) {
            let path = tree.root_version_file(version);
            let Some(bytes) = disk::read_if_there(&path)? else {
                break;
            };
            let next = chain.newest().follow(&bytes);
            chain
                .later
                .push(next.map_err(PublishError::damaged(&path))?);
        }
        Ok(Some(chain))
    }

    /// Completes what an older version or an interrupted command has left: every root lies under
    /// its version, `root.json` is the newest, and each channel has a manifest of its keys. To be
    /// called by publishers only.
    pub(crate) fn settle(&self, tree: &Tree, tell: &dyn Fn(&str)) -> Result<(), PublishError> {
        let open = tree.root_file();
        let path = tree.root_version_file(self.newest().version());
        let known = disk::read_if_there(&open)?;
        match (disk::read_if_there(&path)?, known) {
            (Some(bytes), known) if known.as_ref() != Some(&bytes) => {
                disk::replace(&open, &bytes, Readers::Everybody)?;
            }
            (None, Some(known)) => disk::replace(&path, &known, Readers::Everybody)?,
            _ => {}
        }
        for channel in tree.channels()? {
            if self.settle_channel(tree, &channel)? {
                tell(&format!(
                    "note: no keys of the newest root had signed the manifest of {channel}; \
                     the newest that they did sign is in its place"
                ));
            }
        }
        Ok(())
    }

    /// A rotation lays each channel's next manifest into the history before its root goes out. If
    /// it got no further than that root, the manifest is still waiting there. Whether it was so.
    fn settle_channel(&self, tree: &Tree, channel: &str) -> Result<bool, PublishError> {
        let is_vouched = |bytes: &[u8]| self.newest().verify_manifest(bytes).is_ok();
        let Some(place) = tree.manifest_file(channel) else {
            return Ok(false);
        };
        let history = tree.history(channel);
        let Some(newest) = disk::names(&history)?.pop() else {
            return Ok(false);
        };
        let waiting = disk::read(&history.join(newest))?;
        let is_due = !is_vouched(&disk::read(&place)?) && is_vouched(&waiting);
        if is_due {
            disk::replace(&place, &waiting, Readers::Everybody)?;
        }
        Ok(is_due)
    }

    /// The versions of the roots, oldest first.
    pub(crate) fn versions(&self) -> RangeInclusive<u64> {
        self.first.version()..=self.newest().version()
    }

    /// The root that hosts should trust now.
    pub(crate) fn newest(&self) -> &Root {
        self.later.last().unwrap_or(&self.first)
    }

    /// The manifest in the envelope, as a host of any time would have accepted it: an old one is
    /// judged by the root of its time. To look at; whatever is signed next follows only what the
    /// newest root vouches for, or a key that was stolen and dropped would still have its say.
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

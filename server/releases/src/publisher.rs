//! What all publishing commands share: one at a time, keys and roots at hand, and a manifest that
//! is checked as a host would before it is written.

use std::fs::File;

use jiff::{SignedDuration, Timestamp};
use shared_release::{Manifest, Root, RootPlan, Seen};

use crate::chain::Chain;
use crate::disk::{self, Readers};
use crate::key_list::KeyList;
use crate::signing::{Wanted, collect};
use crate::{KeyAccess, PublishError, Tree, prune};

/// A publisher at work in a tree.
pub struct Publisher<'a> {
    /// Where the releases are.
    pub tree: &'a Tree,
    /// How keys are reached that are not files here.
    pub access: KeyAccess,
    /// The present.
    pub now: Timestamp,
    /// Told what takes long and what a person should know, line by line.
    pub tell: &'a dyn Fn(&str),
}

/// The tree, held against other publishers.
pub(crate) struct Open {
    pub(crate) chain: Chain,
    pub(crate) list: KeyList,
    _lock: File,
}

impl Publisher<'_> {
    /// Opens a tree that has a trust root.
    pub(crate) fn open(&self) -> Result<Open, PublishError> {
        let read = || {
            Chain::read(self.tree)?.ok_or_else(|| {
                PublishError::Refused(
                    "there is no trust root yet; `release init-keys` or the first `release \
                     publish` makes one"
                        .to_owned(),
                )
            })
        };
        // Looked for before the lock makes a file: this may be the wrong folder.
        read()?;
        let lock = self.tree.lock(self.tell)?;
        self.opened(read()?, lock)
    }

    /// Opens a tree, and makes keys and root first where there are none.
    pub(crate) fn open_or_begin(&self) -> Result<Open, PublishError> {
        let lock = self.tree.lock(self.tell)?;
        let chain = match Chain::read(self.tree)? {
            Some(chain) => chain,
            None => self.begin(&crate::KeyChange::default())?,
        };
        self.opened(chain, lock)
    }

    fn opened(&self, chain: Chain, lock: File) -> Result<Open, PublishError> {
        chain.settle(self.tree, self.tell)?;
        Ok(Open {
            chain,
            list: KeyList::read(self.tree)?,
            _lock: lock,
        })
    }

    /// The channel's manifest, if one was published. Only one that the newest root vouches for: what
    /// it says will be signed again.
    pub(crate) fn newest(
        &self,
        open: &Open,
        channel: &str,
    ) -> Result<Option<Manifest>, PublishError> {
        let root = open.chain.newest();
        self.tree
            .judged(channel, |bytes| root.verify_manifest(bytes))
    }

    /// The same; an error where nothing was published.
    pub(crate) fn current(&self, open: &Open, channel: &str) -> Result<Manifest, PublishError> {
        self.newest(open, channel)?.ok_or_else(|| {
            PublishError::Refused(format!("nothing was published in channel {channel}"))
        })
    }

    /// The next manifest of a channel: the same content under the next serial, issued now.
    pub(crate) fn successor(
        &self,
        before: &Manifest,
        root: &Root,
        life: SignedDuration,
    ) -> Result<Manifest, PublishError> {
        let mut next = before.clone();
        next.serial = before.serial.checked_add(1).ok_or_else(|| {
            PublishError::Refused(format!(
                "serial {} of channel {} is the last there is, so it was not made by \
                     publishing; put the newest honest manifest from {} into its place",
                before.serial,
                before.channel,
                self.tree.history(&before.channel).display()
            ))
        })?;
        // Never before the last one: hosts take signed times as proof that they have passed. Unless
        // they are to forget that one.
        let is_reset = root
            .reset_of(&before.channel)
            .is_some_and(|reset| before.root < reset);
        next.issued = if is_reset {
            self.now
        } else {
            self.now.max(before.issued)
        };
        next.expires = expiry(next.issued, life);
        next.root = root.version();
        Ok(next)
    }

    /// Signs a manifest with the release keys of `root`, and reads it as a host would that has
    /// followed so far.
    pub(crate) fn sign(
        &self,
        manifest: &Manifest,
        before: Option<&Manifest>,
        root: &Root,
        list: &KeyList,
    ) -> Result<Vec<u8>, PublishError> {
        let payload = manifest.to_payload().map_err(PublishError::Senseless)?;
        let wanted = Wanted::release(&RootPlan::after(root));
        let mut signatures = Vec::new();
        collect(&payload, &wanted, list, &self.access, &mut signatures)?;
        let bytes = shared_release::seal(&payload, &signatures);
        let seen = before.map(Seen::of);
        root.accept(&bytes, &manifest.channel, seen.as_ref())
            .map_err(PublishError::Senseless)?;
        Ok(bytes)
    }

    /// Puts a signed manifest where hosts find it, after everything that it names.
    pub(crate) fn put(&self, manifest: &Manifest, bytes: &[u8]) -> Result<(), PublishError> {
        let place = (self.tree.manifest_file(&manifest.channel))
            .ok_or_else(|| PublishError::channel(&manifest.channel))?;
        self.keep(manifest, bytes)?;
        disk::replace(&place, bytes, Readers::Everybody)
    }

    /// Lays a signed manifest into the history.
    pub(crate) fn keep(&self, manifest: &Manifest, bytes: &[u8]) -> Result<(), PublishError> {
        let kept = self.tree.history_file(&manifest.channel, manifest.serial);
        disk::replace(&kept, bytes, Readers::Everybody)
    }

    /// Signs and puts the next manifest of a channel, and removes what nothing names any more.
    pub(crate) fn issue(
        &self,
        open: &Open,
        manifest: &Manifest,
        before: Option<&Manifest>,
    ) -> Result<(), PublishError> {
        let bytes = self.sign(manifest, before, open.chain.newest(), &open.list)?;
        self.put(manifest, &bytes)?;
        // It is published; what cannot be removed costs room only.
        match prune::prune(self.tree, &open.chain) {
            Ok(0) => {}
            Ok(count) => (self.tell)(&format!("removed {count} old files that nothing names")),
            Err(error) => (self.tell)(&format!("note: old files were not removed: {error}")),
        }
        Ok(())
    }
}

/// How long a manifest was to be adopted.
pub(crate) fn life(manifest: &Manifest) -> SignedDuration {
    manifest.issued.duration_until(manifest.expires)
}

/// The end of a life that begins now.
pub(crate) fn expiry(now: Timestamp, life: SignedDuration) -> Timestamp {
    now.saturating_add(life).unwrap_or(Timestamp::MAX)
}

//! What all publishing commands share: one at a time, keys and roots at hand, and a manifest that
//! is checked as a host would before it is written.

use std::fs::File;

use jiff::{SignedDuration, Timestamp};
use shared_release::{Manifest, Root, RootPlan, Seen};

use crate::chain::Chain;
use crate::ring::Ring;
use crate::signing::{Wanted, collect};
use crate::{KeyAccess, PublishError, Tree, disk, prune};

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
    pub(crate) ring: Ring,
    _lock: File,
}

impl Publisher<'_> {
    /// Opens a tree that has a trust root.
    pub(crate) fn open(&self) -> Result<Open, PublishError> {
        let lock = self.tree.lock()?;
        let chain = Chain::read(self.tree)?.ok_or_else(|| {
            PublishError::Refused(
                "there is no trust root yet; `release init-keys` or the first `release publish` \
                 makes one"
                    .to_owned(),
            )
        })?;
        self.opened(chain, lock)
    }

    /// Opens a tree, and makes keys and root first where there are none.
    pub(crate) fn open_or_begin(&self) -> Result<Open, PublishError> {
        let lock = self.tree.lock()?;
        let chain = match Chain::read(self.tree)? {
            Some(chain) => chain,
            None => self.begin(&crate::KeyChange::default())?,
        };
        self.opened(chain, lock)
    }

    fn opened(&self, chain: Chain, lock: File) -> Result<Open, PublishError> {
        chain.settle(self.tree)?;
        Ok(Open {
            chain,
            ring: Ring::read(self.tree)?,
            _lock: lock,
        })
    }

    /// The channel's manifest; an error where nothing was published.
    pub(crate) fn current(&self, open: &Open, channel: &str) -> Result<Manifest, PublishError> {
        (self.tree.manifest_under(channel, &open.chain)?).ok_or_else(|| {
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
        next.serial = before
            .serial
            .checked_add(1)
            .ok_or_else(|| PublishError::Refused("there is no serial left".to_owned()))?;
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
        ring: &Ring,
    ) -> Result<Vec<u8>, PublishError> {
        let payload = manifest.to_payload().map_err(PublishError::Senseless)?;
        let wanted = Wanted::release(&RootPlan::after(root));
        let mut signatures = Vec::new();
        collect(&payload, &wanted, ring, &self.access, &mut signatures)?;
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
        let kept = self.tree.history_file(&manifest.channel, manifest.serial);
        disk::replace(&kept, bytes)?;
        disk::replace(&place, bytes)
    }

    /// Signs and puts the next manifest of a channel, and removes what nothing names any more.
    pub(crate) fn issue(
        &self,
        open: &Open,
        manifest: &Manifest,
        before: Option<&Manifest>,
    ) -> Result<(), PublishError> {
        let bytes = self.sign(manifest, before, open.chain.newest(), &open.ring)?;
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

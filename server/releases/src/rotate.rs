//! The trust root: the first one, and each that follows.
//!
//! All signatures are made before anything is written. Then the root goes out, and then the
//! manifests, signed by the keys of the new root: whoever still trusts the old root finds the
//! manifest signed under a newer one, fetches that, and goes on.

use shared_release::{Manifest, PublicKey, Role, Root, RootPlan, seal};

use crate::chain::Chain;
use crate::publisher::{Open, life};
use crate::ring::{Entry, Holder, Ring};
use crate::signing::{Wanted, collect};
use crate::{KeyChange, PublishError, Publisher, disk};

/// What a rotation has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// Version of the new root.
    pub version: u64,
    /// Channels whose manifest was signed anew, with its serial.
    pub channels: Vec<(String, u64)>,
    /// Files of keys that are trusted no more. They were left where they are.
    pub retired: Vec<std::path::PathBuf>,
}

impl Publisher<'_> {
    /// Makes keys and the first trust root. Refused where there is a root.
    pub fn init_keys(&self, change: &KeyChange) -> Result<(), PublishError> {
        let _lock = self.tree.lock()?;
        if let Some(chain) = Chain::read(self.tree)? {
            return Err(PublishError::Refused(format!(
                "there is a trust root already, version {}; `release rotate` changes its keys",
                chain.newest().version()
            )));
        }
        self.begin(change).map(drop)
    }

    pub(crate) fn begin(&self, change: &KeyChange) -> Result<Chain, PublishError> {
        let mut ring = Ring::read(self.tree)?;
        let (plan, fresh) = change.first(self.tree, &mut ring, self.now)?;
        let payload = plan.to_payload();
        let mut signatures = Vec::new();
        let wanted = Wanted::root(&plan);
        plan.check().map_err(PublishError::NoRoot)?;
        collect(&payload, &wanted, &ring, &self.access, &mut signatures)?;
        let bytes = seal(&payload, &signatures);
        Root::from_trusted(&bytes).map_err(PublishError::NoRoot)?;
        self.take_command(&mut ring, &plan);
        ring.write(self.tree)?;
        disk::replace(&self.tree.root_version_file(1), &bytes)?;
        disk::replace(&self.tree.root_file(), &bytes)?;
        fresh.keep();
        Ok(Chain::read(self.tree)?.expect("the first root was just written"))
    }

    /// Makes the next trust root, and signs the manifests of all channels under it.
    pub fn rotate(&self, change: &KeyChange) -> Result<Rotated, PublishError> {
        let mut open = self.open()?;
        let old = open.chain.newest().clone();
        let mut plan = RootPlan::after(&old);
        let fresh = change.apply(&mut plan, self.tree, &mut open.ring, self.now)?;
        plan.check().map_err(PublishError::NoRoot)?;
        let payload = plan.to_payload();
        let mut signatures = Vec::new();
        for plan in [&RootPlan::after(&old), &plan] {
            let wanted = Wanted::root(plan);
            collect(&payload, &wanted, &open.ring, &self.access, &mut signatures)?;
        }
        let bytes = seal(&payload, &signatures);
        let root = old.follow(&bytes).map_err(PublishError::NoRoot)?;
        let manifests = self.reissue(&open, &root)?;

        // The list names old and new keys until the new root is out: a crash here loses neither.
        self.take_command(&mut open.ring, &plan);
        open.ring.write(self.tree)?;
        disk::replace(&self.tree.root_version_file(root.version()), &bytes)?;
        fresh.keep();
        disk::replace(&self.tree.root_file(), &bytes)?;
        for (manifest, bytes) in &manifests {
            self.put(manifest, bytes)?;
        }
        let retired = retire(&mut open.ring, &plan);
        open.ring.write(self.tree)?;
        Ok(Rotated {
            version: root.version(),
            channels: (manifests.into_iter())
                .map(|(manifest, _)| (manifest.channel, manifest.serial))
                .collect(),
            retired,
        })
    }

    /// The next manifest of every channel, signed under a root that is not out yet.
    fn reissue(&self, open: &Open, root: &Root) -> Result<Vec<(Manifest, Vec<u8>)>, PublishError> {
        let mut manifests = Vec::new();
        for channel in self.tree.channels()? {
            let before = self.current(open, &channel)?;
            let next = self.successor(&before, root, life(&before))?;
            let bytes = self.sign(&next, Some(&before), root, &open.ring)?;
            manifests.push((next, bytes));
        }
        Ok(manifests)
    }

    /// Writes the given key command down for the keys that nobody else answers for.
    fn take_command(&self, ring: &mut Ring, plan: &RootPlan) {
        let Some(line) = &self.access.command else {
            return;
        };
        for (role, keys) in [
            (Role::Root, &plan.root_keys),
            (Role::Release, &plan.release_keys),
        ] {
            for key in keys {
                let entry =
                    (ring.0.iter_mut()).find(|entry| entry.role == role && entry.public == *key);
                let command = Holder::Command(line.clone());
                match entry {
                    Some(entry) if entry.holder == Holder::Elsewhere => entry.holder = command,
                    Some(_) => {}
                    None => ring.0.push(Entry {
                        role,
                        public: *key,
                        holder: command,
                    }),
                }
            }
        }
    }
}

/// Takes the keys out of the list that the root does not name; their files.
fn retire(ring: &mut Ring, plan: &RootPlan) -> Vec<std::path::PathBuf> {
    let is_named = |entry: &Entry| {
        let named: &[PublicKey] = match entry.role {
            Role::Root => &plan.root_keys,
            Role::Release => &plan.release_keys,
        };
        named.contains(&entry.public)
    };
    let (kept, gone): (Vec<Entry>, Vec<Entry>) = ring.0.drain(..).partition(is_named);
    ring.0 = kept;
    gone.into_iter()
        .filter_map(|entry| match entry.holder {
            Holder::File(path) => Some(path),
            Holder::Command(_) | Holder::Elsewhere => None,
        })
        .collect()
}

//! The trust root: the first one, and each that follows.
//!
//! All signatures are made before anything is written. The manifests, signed by the keys of the new
//! root, wait in the history while the root goes out, and then go out themselves: whoever still
//! trusts the old root finds the manifest signed under a newer one, fetches that, and goes on.

use shared_release::{Manifest, PublicKey, Role, Root, RootPlan, seal};

use crate::chain::Chain;
use crate::disk::{self, Readers};
use crate::key_list::{Entry, Holder, KeyList};
use crate::publisher::{Open, life};
use crate::signing::{Wanted, collect};
use crate::{KeyChange, PublishError, Publisher};

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
        let _lock = self.tree.lock(self.tell)?;
        if let Some(chain) = Chain::read(self.tree)? {
            return Err(PublishError::Refused(format!(
                "there is a trust root already, version {}; `release rotate` changes its keys",
                chain.newest().version()
            )));
        }
        self.begin(change).map(drop)
    }

    pub(crate) fn begin(&self, change: &KeyChange) -> Result<Chain, PublishError> {
        let mut list = KeyList::read(self.tree)?;
        let (plan, fresh) = change.first(self.tree, &mut list, self.now)?;
        let payload = plan.to_payload();
        let mut signatures = Vec::new();
        let wanted = Wanted::root(&plan);
        plan.check().map_err(PublishError::NoRoot)?;
        collect(&payload, &wanted, &list, &self.access, &mut signatures)?;
        let bytes = seal(&payload, &signatures);
        Root::from_trusted(&bytes).map_err(PublishError::NoRoot)?;
        self.take_command(&mut list, &plan);
        list.write(self.tree)?;
        fresh.keep();
        disk::replace(&self.tree.root_version_file(1), &bytes, Readers::Everybody)?;
        disk::replace(&self.tree.root_file(), &bytes, Readers::Everybody)?;
        Ok(Chain::read(self.tree)?.expect("the first root was just written"))
    }

    /// Makes the next trust root, and signs the manifests of all channels under it.
    pub fn rotate(&self, change: &KeyChange) -> Result<Rotated, PublishError> {
        let mut open = self.open()?;
        let old = open.chain.newest().clone();
        let mut plan = RootPlan::after(&old);
        let fresh = change.apply(&mut plan, self.tree, &mut open.list, self.now)?;
        plan.check().map_err(PublishError::NoRoot)?;
        let payload = plan.to_payload();
        let mut signatures = Vec::new();
        for plan in [&RootPlan::after(&old), &plan] {
            let wanted = Wanted::root(plan);
            collect(&payload, &wanted, &open.list, &self.access, &mut signatures)?;
        }
        let bytes = seal(&payload, &signatures);
        let root = old.follow(&bytes).map_err(PublishError::NoRoot)?;
        let manifests = self.reissue(&open, &root)?;

        // The list names old and new keys until the new root is out: a crash here loses neither.
        self.take_command(&mut open.list, &plan);
        open.list.write(self.tree)?;
        // From here on they stay, whatever fails: a root whose writing ended in an error may be out.
        fresh.keep();
        for (manifest, bytes) in &manifests {
            self.keep(manifest, bytes)?;
        }
        let place = self.tree.root_version_file(root.version());
        disk::replace(&place, &bytes, Readers::Everybody)?;
        disk::replace(&self.tree.root_file(), &bytes, Readers::Everybody)?;
        for (manifest, bytes) in &manifests {
            self.put(manifest, bytes)?;
        }
        let retired = retire(&mut open.list, &plan);
        open.list.write(self.tree)?;
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
            let bytes = self.sign(&next, Some(&before), root, &open.list)?;
            manifests.push((next, bytes));
        }
        Ok(manifests)
    }

    /// Writes the given key command down for the keys that nobody else answers for.
    fn take_command(&self, list: &mut KeyList, plan: &RootPlan) {
        let Some(line) = &self.access.command else {
            return;
        };
        for (role, keys) in [
            (Role::Root, &plan.root_keys),
            (Role::Release, &plan.release_keys),
        ] {
            for key in keys {
                let entry =
                    (list.0.iter_mut()).find(|entry| entry.role == role && entry.public == *key);
                let command = Holder::Command(line.clone());
                match entry {
                    Some(entry) if entry.holder == Holder::Elsewhere => entry.holder = command,
                    Some(_) => {}
                    None => list.0.push(Entry {
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
fn retire(list: &mut KeyList, plan: &RootPlan) -> Vec<std::path::PathBuf> {
    let is_named = |entry: &Entry| {
        let named: &[PublicKey] = match entry.role {
            Role::Root => &plan.root_keys,
            Role::Release => &plan.release_keys,
        };
        named.contains(&entry.public)
    };
    let (kept, gone): (Vec<Entry>, Vec<Entry>) = list.0.drain(..).partition(is_named);
    list.0 = kept;
    gone.into_iter()
        .filter_map(|entry| match entry.holder {
            Holder::File(path) => Some(path),
            Holder::Command(_) | Holder::Elsewhere => None,
        })
        .collect()
}

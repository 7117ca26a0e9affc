//! A change of keys: which are made, which are taken in, which go, and how many must sign.

use jiff::{SignedDuration, Timestamp};
use shared_release::{PublicKey, Role, RootPlan};

use crate::key_list::{KeyList, ROLES};
use crate::publisher::expiry;
use crate::{PublishError, Tree, disk};

/// When a root should have been replaced by a newer one: ten years. Hosts never lose trust by it.
const ROOT_LIFE: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);

/// Fewest digits by which a key may be named.
const MIN_NAME: usize = 6;

/// What is to change about the keys of a root.
#[derive(Debug, Clone, Default)]
pub struct KeyChange {
    /// How many root keys are made in files.
    pub new_root_keys: usize,
    /// How many release keys are made in files.
    pub new_release_keys: usize,
    /// Root keys that somebody else holds.
    pub root_public: Vec<PublicKey>,
    /// Release keys that somebody else holds.
    pub release_public: Vec<PublicKey>,
    /// Keys that are trusted no more, by their id or its first digits.
    pub drop: Vec<String>,
    /// How many root keys must sign; as before where not given, and at first one.
    pub root_threshold: Option<usize>,
    /// How many release keys must sign.
    pub release_threshold: Option<usize>,
    /// Where the release tree can be fetched; as before where not given.
    pub base_urls: Option<Vec<String>>,
    /// Channels whose high-water marks hosts forget.
    pub reset_seen: Vec<String>,
    /// When the root should have been replaced; in ten years where not given.
    pub life: Option<SignedDuration>,
}

/// Files of keys that were just made. They go again unless the list of keys names them.
#[derive(Debug, Default)]
pub(crate) struct Fresh(Vec<std::path::PathBuf>);

impl Fresh {
    /// The list names them: the keys stay.
    pub(crate) fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        for path in &self.0 {
            // The error that brought us here is what matters; a key that nobody trusts does no harm.
            let _ = disk::remove(path);
        }
    }
}

impl KeyChange {
    /// The first root's plan with the keys of the list, and of this change. One of each role is made
    /// where there is none.
    pub(crate) fn first(
        &self,
        tree: &Tree,
        list: &mut KeyList,
        now: Timestamp,
    ) -> Result<(RootPlan, Fresh), PublishError> {
        let mut change = self.clone();
        let no_key = |role, made: usize, given: &[PublicKey]| {
            made == 0 && given.is_empty() && list.of(role).is_empty()
        };
        change.new_root_keys +=
            usize::from(no_key(Role::Root, self.new_root_keys, &self.root_public));
        change.new_release_keys += usize::from(no_key(
            Role::Release,
            self.new_release_keys,
            &self.release_public,
        ));
        let mut plan = RootPlan {
            version: 1,
            root_keys: list.of(Role::Root),
            root_threshold: 1,
            release_keys: list.of(Role::Release),
            release_threshold: 1,
            base_urls: Vec::new(),
            reset_seen: Vec::new(),
            expires: now,
        };
        let fresh = change.apply(&mut plan, tree, list, now)?;
        Ok((plan, fresh))
    }

    /// Changes a plan, and adds the new keys to the list. Dropped keys stay in the list: they may
    /// have to sign once more.
    pub(crate) fn apply(
        &self,
        plan: &mut RootPlan,
        tree: &Tree,
        list: &mut KeyList,
        now: Timestamp,
    ) -> Result<Fresh, PublishError> {
        let mut fresh = Fresh::default();
        for name in &self.drop {
            drop_key(plan, name)?;
        }
        for role in ROLES {
            let (made, given, keys) = match role {
                Role::Root => (self.new_root_keys, &self.root_public, &mut plan.root_keys),
                Role::Release => (
                    self.new_release_keys,
                    &self.release_public,
                    &mut plan.release_keys,
                ),
            };
            for key in given {
                list.expect_elsewhere(role, *key);
                // Named twice, it would still count once.
                if !keys.contains(key) {
                    keys.push(*key);
                }
            }
            let is_only = made == 1 && list.of(role).is_empty();
            for _ in 0..made {
                let (path, key) = list.make(tree, role, is_only)?;
                fresh.0.push(path);
                keys.push(key);
            }
        }
        plan.root_threshold = self.root_threshold.unwrap_or(plan.root_threshold);
        plan.release_threshold = self.release_threshold.unwrap_or(plan.release_threshold);
        if let Some(urls) = &self.base_urls {
            plan.base_urls.clone_from(urls);
        }
        plan.reset_seen.clone_from(&self.reset_seen);
        plan.expires = expiry(now, self.life.unwrap_or(ROOT_LIFE));
        Ok(fresh)
    }
}

fn drop_key(plan: &mut RootPlan, name: &str) -> Result<(), PublishError> {
    let fits = |key: &PublicKey| name.len() >= MIN_NAME && key.to_hex().starts_with(name);
    let all = plan.root_keys.iter().chain(&plan.release_keys);
    let mut found: Vec<String> = all.filter(|key| fits(key)).map(PublicKey::kid).collect();
    found.dedup();
    if found.len() != 1 {
        return Err(PublishError::Refused(format!(
            "{name:?} names {} keys of root {}; give the key id as `release show` prints it, or \
             at least {MIN_NAME} digits of it",
            found.len(),
            plan.version - 1
        )));
    }
    plan.root_keys.retain(|key| !fits(key));
    plan.release_keys.retain(|key| !fits(key));
    Ok(())
}

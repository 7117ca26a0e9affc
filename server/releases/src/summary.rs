//! What `release show` tells about the keys: who may sign, and where the private halves are.

use jiff::Timestamp;
use shared_release::RootPlan;

use crate::chain::Chain;
use crate::key_list::{Holder, KeyList, ROLES};
use crate::{PublishError, Tree};

/// The newest trust root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootSummary {
    /// Its version.
    pub version: u64,
    /// When a newer one should have replaced it.
    pub expires: Timestamp,
    /// Where hosts fetch the tree, beside what they were told at their installation.
    pub base_urls: Vec<String>,
    /// How many root keys must sign, and how many release keys.
    pub thresholds: [usize; 2],
    /// The keys, those that sign roots first.
    pub keys: Vec<KeySummary>,
}

/// A key of the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySummary {
    /// `root` or `release`.
    pub role: &'static str,
    /// Its id: the first 16 digits of its public half.
    pub id: String,
    /// Its public half, in hex.
    pub public: String,
    /// Where its private half is, for people.
    pub place: String,
}

impl Tree {
    /// The newest trust root and its keys; nothing where none was made.
    pub fn summary(&self) -> Result<Option<RootSummary>, PublishError> {
        let Some(chain) = Chain::read(self)? else {
            return Ok(None);
        };
        let list = KeyList::read(self)?;
        let root = chain.newest();
        let plan = RootPlan::after(root);
        let mut keys = Vec::new();
        for (role, public) in ROLES.into_iter().zip([&plan.root_keys, &plan.release_keys]) {
            keys.extend(public.iter().map(|key| KeySummary {
                role: role.name(),
                id: key.kid(),
                public: key.to_hex(),
                place: match list.holder(role, key) {
                    Holder::File(path) if path.is_file() => path.display().to_string(),
                    Holder::File(path) => format!("{} (not there now)", path.display()),
                    Holder::Command(line) => format!("command `{line}`"),
                    Holder::Elsewhere => "not here".to_owned(),
                },
            }));
        }
        Ok(Some(RootSummary {
            version: root.version(),
            expires: root.expires(),
            base_urls: root.base_urls().to_vec(),
            thresholds: [plan.root_threshold, plan.release_threshold],
            keys,
        }))
    }
}

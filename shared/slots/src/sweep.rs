//! Clean-up: removes versions that nothing names any more.
//!
//! What to keep is derived from the live pages and the running processes, by the caller, each time
//! anew: a list that was written down earlier is how agents deleted the version they ran. Two
//! whole versions of each component stay in any case, if there were as many. Plugins stay as long as
//! an agent that names them, and no longer.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use crate::meta::PLUGINS;
use crate::store::{CORRUPT, UNFINISHED};
use crate::{Digest, Fs, Meta, Store};

/// Whole versions of each component that a sweep leaves at least.
const LEAST: usize = 2;

/// What a sweep did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Swept {
    /// Versions that are gone.
    pub removed: Vec<Digest>,
    /// Versions that nothing names, left because fewer than two whole ones would have stayed.
    pub spared: Vec<Digest>,
    /// Unfinished and corrupt folders that are gone.
    pub leftovers: usize,
}

impl<F: Fs> Store<F> {
    /// Removes every version that is not in `keep`, and what was left unfinished. `keep` is all
    /// that any page [names](crate::Page::named) and all that a process runs. To be called by the
    /// one process that seals, when it is not sealing: plugins are sealed before their agent.
    pub fn sweep(&self, keep: &BTreeSet<Digest>) -> io::Result<Swept> {
        let entries = self.list()?;
        let plan = plan(&entries, keep, |digest, component| {
            !component.is_empty() && self.verified(digest, component).is_ok()
        });
        let mut swept = Swept {
            spared: plan.spared,
            ..Swept::default()
        };
        for digest in plan.doomed {
            self.remove(digest)?;
            swept.removed.push(digest);
        }
        for name in self.names()? {
            if name.starts_with(UNFINISHED) || name.starts_with(CORRUPT) {
                self.clear(&self.root.join(name))?;
                swept.leftovers += 1;
            }
        }
        Ok(swept)
    }
}

struct Plan {
    doomed: Vec<Digest>,
    spared: Vec<Digest>,
}

/// Decides what goes. Of what nothing names, the newest by serial are spared first.
fn plan(
    entries: &BTreeMap<Digest, Meta>,
    keep: &BTreeSet<Digest>,
    whole: impl Fn(Digest, &str) -> bool,
) -> Plan {
    let mut plan = Plan {
        doomed: Vec::new(),
        spared: Vec::new(),
    };
    let components: BTreeSet<&str> = entries
        .values()
        .map(|meta| &*meta.component)
        .filter(|component| *component != PLUGINS)
        .collect();
    for component in components {
        let of_it = || {
            entries
                .iter()
                .filter(|(_, meta)| meta.component == component)
        };
        let mut staying = of_it()
            .filter(|(digest, _)| keep.contains(digest) && whole(**digest, component))
            .count();
        let mut unnamed: Vec<_> = of_it()
            .filter(|(digest, _)| !keep.contains(digest))
            .collect();
        unnamed.sort_by_key(|(_, meta)| std::cmp::Reverse(meta.serial));
        for (&digest, _) in unnamed {
            if staying < LEAST && whole(digest, component) {
                plan.spared.push(digest);
                staying += 1;
            } else {
                plan.doomed.push(digest);
            }
        }
    }
    let plugins = unused_plugins(entries, keep, &plan.doomed);
    plan.doomed.extend(plugins);
    plan
}

/// Plugins that no version names which stays.
fn unused_plugins(
    entries: &BTreeMap<Digest, Meta>,
    keep: &BTreeSet<Digest>,
    doomed: &[Digest],
) -> Vec<Digest> {
    let used: BTreeSet<Digest> = entries
        .iter()
        .filter(|(digest, _)| !doomed.contains(digest))
        .filter_map(|(_, meta)| meta.plugins)
        .collect();
    entries
        .iter()
        .filter(|(digest, meta)| {
            meta.component == PLUGINS && !used.contains(digest) && !keep.contains(digest)
        })
        .map(|(digest, _)| *digest)
        .collect()
}

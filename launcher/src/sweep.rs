//! Removing what nothing names any more.
//!
//! What to keep is derived from live pages and running processes, each time anew. The factory copy
//! of the launcher stays as well: it is what a host can always start from. Where a page cannot be
//! read, nothing goes: what it names is not known.

use std::collections::BTreeSet;

use shared_fault::point;
use shared_handover::layout::{Component, StateDir};
use shared_slots::{Digest, Fs as _, OsFs, Reading, Reserve, Store};
use tracing::{info, warn};

use crate::milestone::passed;

/// What must stay: what pages name, what is in use, and the factory copy. `None` if that cannot be
/// known.
pub(crate) fn to_keep(
    store: &Store,
    pages: [&Reading; 2],
    in_use: impl IntoIterator<Item = Digest>,
) -> Option<BTreeSet<Digest>> {
    if pages.into_iter().any(Reading::is_lost) {
        warn!("a slot cannot be read; nothing is removed");
        return None;
    }
    let named = |reading: &Reading| reading.page.named();
    let mut keep: BTreeSet<Digest> = pages.into_iter().flat_map(named).collect();
    keep.extend(in_use);
    match store.list() {
        Ok(entries) => keep.extend(
            entries
                .iter()
                .filter(|(_, meta)| {
                    meta.component == Component::Launcher.name() && meta.serial == 0
                })
                .map(|(digest, _)| digest),
        ),
        Err(error) => {
            warn!(%error, "cannot list the store; nothing is removed");
            return None;
        }
    }
    Some(keep)
}

/// Removes the versions that are not to be kept, and what is left of downloads. To be called when no
/// step is under way. Where room is made, the reserve is laid down again.
pub(crate) fn sweep(store: &Store, state: &StateDir, keep: &BTreeSet<Digest>) {
    match store.sweep(keep) {
        Ok(swept) if swept.removed.is_empty() => {}
        Ok(swept) => info!(versions = swept.removed.len(), "old versions removed"),
        Err(error) => {
            warn!(%error, "cannot remove old versions; trying again after the next upgrade");
        }
    }
    if let Err(error) = OsFs.remove_dir("sweep.partial", &state.partial()) {
        warn!(%error, "cannot remove left-over downloads");
    }
    if let Err(error) = Reserve::new(state.root()).ensure() {
        warn!(%error, "cannot lay down the reserve for a full disk");
    }
    passed(point("upgrade.swept"));
}

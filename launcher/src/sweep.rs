//! Removing what nothing names any more.
//!
//! What to keep is derived from live pages and running processes, each time anew. The factory copy
//! of the launcher stays as well: it is what a host can always start from. Where a page cannot be
//! read, nothing goes: what it names is not known.

use std::collections::BTreeSet;
use std::{fs, io};

use shared_handover::layout::{Component, StateDir};
use shared_slots::{Digest, Reading, Store};
use tracing::{info, warn};

use crate::checkpoint;

/// Removes unnamed versions and what is left of downloads. To be called when no step is under way.
pub(crate) fn sweep(
    store: &Store,
    state: &StateDir,
    pages: [&Reading; 2],
    in_use: impl IntoIterator<Item = Digest>,
) {
    if pages.into_iter().any(Reading::is_lost) {
        return warn!("a slot cannot be read; nothing is removed");
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
        Err(error) => return warn!(%error, "cannot list the store; nothing is removed"),
    }
    match store.sweep(&keep) {
        Ok(swept) if swept.removed.is_empty() => {}
        Ok(swept) => info!(versions = swept.removed.len(), "old versions removed"),
        Err(error) => {
            warn!(%error, "cannot remove old versions; trying again after the next upgrade");
        }
    }
    match fs::remove_dir_all(state.partial()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            warn!(%error, "cannot remove left-over downloads");
        }
        _ => {}
    }
    checkpoint::reached("swept");
}

//! Removing files that no manifest of the last ones names. Runs after a publication, under its lock.

use std::collections::BTreeSet;

use crate::chain::Chain;
use crate::{PublishError, Tree, disk};

/// Manifests of a channel that are kept, and whose files are: a host may be fetching them, and
/// deltas start from them.
const KEPT: usize = 20;

/// Removes old manifests and the files that only they name; returns how many files went.
///
/// A manifest that cannot be read keeps everything, as an error: it may name anything.
pub(crate) fn prune(tree: &Tree, chain: &Chain) -> Result<usize, PublishError> {
    let mut named = BTreeSet::new();
    let mut outdated = Vec::new();
    for channel in tree.channels()? {
        let folder = tree.history(&channel);
        let mut kept = disk::names(&folder)?;
        let recent = kept.split_off(kept.len().saturating_sub(KEPT));
        outdated.extend(kept.into_iter().map(|name| folder.join(name)));
        let recent = recent.into_iter().map(|name| folder.join(name));
        for path in recent.chain(tree.manifest_file(&channel)) {
            let manifest = chain.manifest(&disk::read(&path)?);
            let manifest = manifest.map_err(PublishError::damaged(&path))?;
            for target in manifest
                .releases
                .iter()
                .flat_map(|release| &release.targets)
            {
                named.insert(target.sha256.to_string());
                named.extend(target.encoded.iter().map(|one| one.sha256.to_string()));
                named.extend(target.deltas.iter().map(|one| one.sha256.to_string()));
            }
        }
    }
    for path in outdated {
        disk::remove(&path)?;
    }
    let mut removed = 0;
    for name in disk::names(&tree.blobs())? {
        if !named.contains(&name) && tree.blob(&name).is_some() {
            disk::remove(&tree.blobs().join(&name))?;
            removed += 1;
        }
    }
    Ok(removed)
}

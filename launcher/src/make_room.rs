//! Room on the disk: looked at before a download, and made by removing what nothing needs.
//!
//! A download that would fill the disk is not begun, for jobs need the disk more than a new version
//! does. What a page names, what runs and the factory copy never go.

use std::collections::BTreeSet;

use shared_fetch::remove_superseded;
use shared_handover::layout::StateDir;
use shared_slots::{Digest, Expendable, OsFs, Room, Short, Store, expendable};
use tracing::{info, warn};

/// What a download needs.
#[derive(Debug, Clone)]
pub(crate) struct Need {
    pub(crate) digest: Digest,
    /// What earlier tries left of it, by the digests in the names of the files.
    pub(crate) partials: Vec<Digest>,
    /// Length of the file in bytes.
    pub(crate) size: u64,
    /// Bytes that are transferred to make the file of; 0 if it comes as it is.
    pub(crate) encoded: u64,
}

/// Looks for room, and makes some if there is too little. `keep` is what must stay; `None` if that
/// is not known, and then nothing goes. A disk that does not tell is taken for large enough.
pub(crate) fn make_room(
    store: &Store,
    state: &StateDir,
    need: &Need,
    keep: Option<&BTreeSet<Digest>>,
) -> Result<(), Short> {
    let look = || match Room::of(&OsFs, state.root()) {
        Ok(room) => room.check(need.size, need.encoded),
        Err(error) => {
            warn!(%error, "cannot see how much room the disk has");
            Ok(())
        }
    };
    // What is left of other versions is of no use, however much room there is.
    if let Err(error) = remove_superseded(&state.partial(), &need.partials) {
        warn!(%error, "cannot remove left-over downloads");
    }
    let Err(mut short) = look() else {
        return Ok(());
    };
    let Some(keep) = keep else {
        return Err(short);
    };
    let entries = store.list().unwrap_or_default();
    for expendable in expendable(&[], need.digest, &entries, keep) {
        let Expendable::Version(digest) = expendable else {
            continue;
        };
        match store.remove(digest) {
            Ok(()) => info!(%digest, "a version that nothing names was removed to make room"),
            Err(error) => warn!(%digest, %error, "cannot remove a version to make room"),
        }
        match look() {
            Ok(()) => return Ok(()),
            Err(still) => short = still,
        }
    }
    Err(short)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn need(digest: Digest, size: u64) -> Need {
        Need {
            digest,
            partials: vec![digest],
            size,
            encoded: 0,
        }
    }

    #[test]
    fn what_is_left_of_other_versions_goes() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::new(folder.path());
        let [wanted, other] = [1, 2].map(|n| Digest::from_bytes([n; 32]));
        fs::create_dir(state.partial()).unwrap();
        let file = |digest: Digest| state.partial().join(format!("{digest}.part"));
        for digest in [wanted, other] {
            fs::write(file(digest), "").unwrap();
        }
        make_room(&Store::new(state.store()), &state, &need(wanted, 1), None).unwrap();
        assert!(file(wanted).exists() && !file(other).exists());
    }

    #[test]
    fn a_download_beyond_the_disk_is_refused_and_a_small_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::new(folder.path());
        let store = Store::new(state.store());
        let digest = Digest::from_bytes([1; 32]);
        let nothing = BTreeSet::new();
        let huge = make_room(&store, &state, &need(digest, u64::MAX / 2), Some(&nothing));
        assert!(huge.is_err());
        assert_eq!(make_room(&store, &state, &need(digest, 1), None), Ok(()));
    }
}

//! Free space where jobs are checked out.

use std::path::Path;

/// Bytes that the agent's user may still write below `folder`, which the first job may have to make;
/// `None` where nobody can tell.
#[cfg(unix)]
pub(crate) fn free_bytes(folder: &Path) -> Option<u64> {
    let found = folder
        .ancestors()
        .find_map(|folder| rustix::fs::statvfs(folder).ok())?;
    found.f_frsize.checked_mul(found.f_bavail)
}

/// Bytes that the agent's user may still write below `folder`; `None` where nobody can tell.
#[cfg(not(unix))]
pub(crate) fn free_bytes(_folder: &Path) -> Option<u64> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_yet_has_the_space_of_the_one_it_will_be_in() {
        let folder = tempfile::tempdir().unwrap();
        // A space that cannot change while it is looked at twice does not exist; whether there is
        // any can be told.
        let (here, below) = (folder.path(), folder.path().join("not/yet"));
        assert_eq!(free_bytes(here).is_some(), free_bytes(&below).is_some());
        assert!(free_bytes(&below).is_some());
    }
}

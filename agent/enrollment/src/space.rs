//! Free space where jobs are checked out.

use std::path::Path;

/// Bytes that the agent's user may still write below `folder`; `None` where nobody can tell.
#[cfg(unix)]
pub(crate) fn free_bytes(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    found.f_frsize.checked_mul(found.f_bavail)
}

/// Bytes that the agent's user may still write below `folder`; `None` where nobody can tell.
#[cfg(not(unix))]
pub(crate) fn free_bytes(_folder: &Path) -> Option<u64> {
    None
}

//! macOS: how a volume is mounted.

use std::io;
use std::path::Path;

/// `MNT_NOEXEC` of `<sys/mount.h>`, which rustix has no name for.
const NO_PROGRAMS: u32 = 4;

/// Whether the volume lets no program start.
pub(crate) fn refuses_programs(path: &Path) -> io::Result<bool> {
    let found = rustix::fs::statfs(path)?;
    Ok(found.f_flags & NO_PROGRAMS != 0)
}

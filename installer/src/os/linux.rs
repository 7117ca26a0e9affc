//! Linux: how a volume is mounted.

use std::io;
use std::path::Path;

/// `ST_NOEXEC` of `<sys/statvfs.h>`, which rustix has no name for.
const NO_PROGRAMS: u64 = 8;

/// Whether the volume lets no program start.
pub(crate) fn refuses_programs(path: &Path) -> io::Result<bool> {
    let found = rustix::fs::statvfs(path)?;
    Ok(found.f_flag.bits() & NO_PROGRAMS != 0)
}

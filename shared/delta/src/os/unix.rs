//! Unix: a limit on the address space.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Lets this process have at most `bytes` of address space from now on; never raises a limit. What
/// is asked for beyond it fails, and a failed allocation ends the process.
pub(crate) fn limit_memory(bytes: u64) -> io::Result<()> {
    let now = getrlimit(Resource::As);
    let limit = |old: Option<u64>| Some(old.map_or(bytes, |old| old.min(bytes)));
    let wanted = Rlimit {
        current: limit(now.current),
        maximum: limit(now.maximum),
    };
    Ok(setrlimit(Resource::As, wanted)?)
}

//! When within the spread of a release it is this host's turn.

use std::path::Path;
use std::time::Duration;

use shared_fetch::start_offset;
use shared_handover::layout::StateDir;
use shared_slots::{Digest, Fs as _, OsFs};

/// Names the machine on systems with systemd or D-Bus.
const MACHINE_ID: &str = "/etc/machine-id";

/// Longest machine name that is read, in bytes.
const MACHINE_ID_MOST: u64 = 256;

/// How long this host waits from the moment at which it heard of the release.
pub(crate) fn offset(state: &StateDir, release: &Digest, spread: Duration) -> Duration {
    let machine = OsFs.read("spread.machine", Path::new(MACHINE_ID), MACHINE_ID_MOST);
    let machine = String::from_utf8_lossy(&machine.unwrap_or_default()).into_owned();
    let host = format!("{}{}", machine.trim(), state.root().display());
    start_offset(&host, release, spread)
}

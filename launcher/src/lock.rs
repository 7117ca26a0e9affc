//! One launcher per state folder.

use std::time::Duration;

use shared_handover::layout::StateDir;
use shared_supervise::{Lock, LockError};

/// How long the loser waits: a launcher that is just ending needs less.
const PATIENCE: Duration = Duration::from_secs(5);

/// Takes the lock for life. The kernel releases it when this process ends, however it ends.
pub(crate) fn take(state: &StateDir) -> Result<Lock, LockError> {
    Lock::take(&state.launcher_lock(), PATIENCE)
}

//! The only place that reads a clock.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Now, for measuring how long things take.
#[expect(
    clippy::disallowed_methods,
    reason = "this process is the outermost loop; all that decides takes values"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The time of day, for the log.
#[expect(
    clippy::disallowed_methods,
    reason = "the outermost loop stamps its log; nothing is decided by it"
)]
pub(crate) fn time_of_day() -> SystemTime {
    SystemTime::now()
}

/// A number that differs from host to host and from time to time: enough to spread restarts.
pub(crate) fn noise() -> u32 {
    let nanos = time_of_day()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.subsec_nanos());
    nanos ^ std::process::id().rotate_left(16)
}

//! Time, as the sweep measures it.

use std::time::{Duration, Instant};

/// Now.
#[expect(
    clippy::disallowed_methods,
    reason = "the outermost loop of this process measures how long hosts take"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Between two looks at a host. Nothing tells the sweep of a page that changes.
pub(crate) fn pause(time: Duration) {
    std::thread::park_timeout(time);
}

//! Foreign code on a thread of its own, and no longer than it may take.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// There is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoResult {
    /// Not in time. The thread may run for ever; what it holds is lost.
    Late,
    /// There was no thread to be had, or it ended by a panic.
    NoThread,
}

/// Does `work`, and waits for `limit` at most. What comes later is dropped on that thread.
pub(crate) fn limited<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, NoResult> {
    let (done, result) = mpsc::sync_channel(1);
    thread::Builder::new()
        .name("plugin".to_owned())
        // Nobody may be waiting any more.
        .spawn(move || drop(done.send(work())))
        .map_err(|_| NoResult::NoThread)?;
    result.recv_timeout(limit).map_err(|error| match error {
        RecvTimeoutError::Timeout => NoResult::Late,
        RecvTimeoutError::Disconnected => NoResult::NoThread,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_hangs_is_given_up_and_its_late_result_dropped() {
        let (release, hang) = mpsc::channel::<()>();
        let (seen, late) = mpsc::channel();
        let outcome = limited(Duration::from_millis(20), move || {
            hang.recv().unwrap();
            seen.send(()).unwrap();
            7
        });
        assert_eq!(outcome, Err(NoResult::Late));
        release.send(()).unwrap();
        late.recv_timeout(Duration::from_mins(1))
            .expect("the thread runs on");
    }

    #[test]
    fn work_in_time_gives_its_result() {
        assert_eq!(limited(Duration::from_mins(1), || 7), Ok(7));
    }
}

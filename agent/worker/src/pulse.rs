//! Whether the endpoint still hears of all workers. For a watchdog that restarts an agent which it
//! does not hear of.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How many heartbeats in a row may be missing.
const PATIENCE: u32 = 2;

/// The heartbeats of all workers of a pool. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Pulse(Arc<Mutex<Beats>>);

#[derive(Debug, Default)]
struct Beats {
    /// Of each worker that serves: when the next sign of life is overdue.
    due: HashMap<usize, Instant>,
    /// A worker had to end.
    failed: bool,
}

impl Pulse {
    /// Whether no worker is overdue and none had to end.
    pub fn is_well(&self, now: Instant) -> bool {
        let beats = self.beats();
        !beats.failed && beats.due.values().all(|due| now < *due)
    }

    /// A worker was heard of; it tries to be again in `interval`.
    pub(crate) fn beat(&self, slot: usize, now: Instant, interval: Duration) {
        self.beats().due.insert(slot, now + interval * PATIENCE);
    }

    /// A worker is gone as it should be.
    pub(crate) fn ended(&self, slot: usize) {
        self.beats().due.remove(&slot);
    }

    /// A worker had to end.
    pub(crate) fn failed(&self) {
        self.beats().failed = true;
    }

    fn beats(&self) -> MutexGuard<'_, Beats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_worker_is_missed_after_two_intervals_and_not_when_it_is_gone() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let pulse = Pulse::default();
        assert!(pulse.is_well(start));
        pulse.beat(0, at(0), Duration::from_secs(10));
        pulse.beat(1, at(15), Duration::from_secs(10));
        assert!(pulse.is_well(at(19)));
        assert!(!pulse.is_well(at(20)));
        pulse.beat(0, at(20), Duration::from_secs(10));
        assert!(pulse.is_well(at(34)));
        pulse.ended(1);
        assert!(pulse.is_well(at(39)));
        pulse.failed();
        assert!(!pulse.is_well(at(39)));
    }
}

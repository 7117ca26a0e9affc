//! Waking those who wait: streams of one job's log, and pages that show the fleet.
//!
//! A wake-up carries nothing; who is woken looks at the store again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use shared_protocol::JobId;
use tokio::sync::watch;

/// The bells. Each is there while somebody listens.
#[derive(Debug, Default)]
pub(crate) struct Wakes {
    jobs: Mutex<HashMap<JobId, watch::Sender<()>>>,
    fleet: watch::Sender<()>,
}

impl Wakes {
    /// Listens to one job: its log grew, or its state changed.
    pub(crate) fn of_job(&self, job: &JobId) -> watch::Receiver<()> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        // Streams come and go; what nobody listens to is dropped when the next one comes.
        jobs.retain(|_, bell| bell.receiver_count() > 0);
        jobs.entry(job.clone()).or_default().subscribe()
    }

    /// Listens to everything that changes what the pages show.
    pub(crate) fn of_fleet(&self) -> watch::Receiver<()> {
        self.fleet.subscribe()
    }

    /// Rings for one job.
    pub(crate) fn job(&self, job: &JobId) {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = jobs.get(job) {
            bell.send_replace(());
        }
    }

    /// Rings for the pages.
    pub(crate) fn fleet(&self) {
        self.fleet.send_replace(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bell_rings_for_its_own_job_only_and_goes_with_its_listener() {
        let wakes = Wakes::default();
        let (one, two) = (JobId::new("1"), JobId::new("2"));
        let bell = wakes.of_job(&one);
        wakes.job(&two);
        assert!(!bell.has_changed().unwrap());
        wakes.job(&one);
        assert!(bell.has_changed().unwrap());
        drop(bell);
        let _other = wakes.of_job(&two);
        assert_eq!(wakes.jobs.lock().unwrap().len(), 1);
    }
}

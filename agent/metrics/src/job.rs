//! A job from the moment a worker has it to the moment it does not, however that comes about.

use tokio::time::Instant;

use crate::{Event, JobFacts, Metrics};

/// Follows one job; its end is recorded when this is dropped, so no job counts as running for ever.
#[derive(Debug, Default)]
#[must_use]
pub struct JobWatch {
    /// None when nobody wants to know, or no more.
    watched: Option<Watched>,
}

#[derive(Debug)]
struct Watched {
    metrics: Metrics,
    worker: u32,
    facts: JobFacts,
    since: Instant,
}

impl JobWatch {
    pub(crate) fn start(metrics: Metrics, worker: u32, facts: impl FnOnce() -> JobFacts) -> Self {
        let watched = metrics.is_on().then(|| Watched {
            facts: facts(),
            metrics,
            worker,
            since: Instant::now(),
        });
        if let Some(Watched {
            metrics,
            worker,
            facts,
            ..
        }) = &watched
        {
            metrics.record(&Event::JobStarted {
                worker: *worker,
                job: facts,
            });
        }
        Self { watched }
    }

    /// The job's executor has ended, or never was.
    pub fn exited(&self, exit_status: i32) {
        if let Some(watched) = &self.watched {
            watched.metrics.record(&Event::JobExited {
                worker: watched.worker,
                job: &watched.facts,
                exit_status,
                took: watched.since.elapsed(),
            });
        }
    }
}

impl Drop for JobWatch {
    fn drop(&mut self) {
        if let Some(watched) = &self.watched {
            watched.metrics.record(&Event::JobEnded {
                worker: watched.worker,
                job: &watched.facts,
            });
        }
    }
}

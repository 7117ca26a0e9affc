//! What happens in an agent, told to whoever wants to know.
//!
//! ```text
//! workers, jobs, log streams ──record(Event)──▶ Metrics ──▶ Prometheus, statsd, status page, …
//! ```
//!
//! Whoever does something records an [`Event`]; every [`Observer`] makes of it what it likes.
//! Recording never waits, never fails and wakes nobody: an observer counts, or leaves a value
//! where it will be looked for. Without an observer it is one comparison.

mod datadog;
mod event;
mod exposition;
mod job;
mod process;
mod prometheus;

pub use datadog::{Datadog, DatadogDelivery, DatadogSettings};
pub use event::{Event, JobFacts, Source};
pub use job::JobWatch;
pub use process::ProcessFacts;
pub use prometheus::{CONTENT_TYPE, Prometheus};

use std::fmt;
use std::sync::Arc;

/// Somebody who wants to know. Called on the agent's only thread, in the middle of its work: must
/// neither block nor record.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn observe(&self, event: &Event<'_>);
}

impl<T: Observer + ?Sized> Observer for Arc<T> {
    fn observe(&self, event: &Event<'_>) {
        (**self).observe(event);
    }
}

/// Where events are recorded. Clones have the same observers.
#[derive(Clone, Default)]
pub struct Metrics {
    observers: Option<Arc<[Box<dyn Observer>]>>,
}

impl Metrics {
    /// Nobody wants to know.
    pub fn none() -> Self {
        Self::default()
    }

    /// All of these want to know.
    pub fn new(observers: Vec<Box<dyn Observer>>) -> Self {
        Self {
            observers: (!observers.is_empty()).then(|| observers.into()),
        }
    }

    /// Whether anybody wants to know. For callers that would have to prepare an event.
    pub fn is_on(&self) -> bool {
        self.observers.is_some()
    }

    /// Tells everybody.
    pub fn record(&self, event: &Event<'_>) {
        for observer in self.observers.iter().flat_map(|all| all.iter()) {
            observer.observe(event);
        }
    }

    /// Follows a job that `worker` has just been given. `facts` is asked for only when somebody
    /// wants to know.
    pub fn job(&self, worker: u32, facts: impl FnOnce() -> JobFacts) -> JobWatch {
        JobWatch::start(self.clone(), worker, facts)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let observers = self.observers.as_ref().map_or(0, |all| all.len());
        f.debug_struct("Metrics")
            .field("observers", &observers)
            .finish()
    }
}

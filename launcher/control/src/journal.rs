//! What happens in upgrades, told once per transition and turned into events and counters.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use jiff::Timestamp;
use shared_control::Event;
use shared_control::status::{Phase, Version};
use shared_handover::layout::StateDir;

use crate::event_log::EventLog;
use crate::metrics::Metrics;
use crate::replace::replace;

/// A transition of a component.
#[derive(Debug, Clone, Default)]
pub struct Step<'a> {
    /// The component's name.
    pub component: &'a str,
    /// The phase that begins.
    pub to: Phase,
    /// The version it is about.
    pub version: Version,
    /// How the phase before ended, where that is more than that it went on. Counted by the metrics,
    /// so it is one word of a small set.
    pub outcome: &'a str,
    /// For people.
    pub detail: String,
}

/// Remembers since when each component is in its phase.
#[derive(Debug)]
pub struct Journal {
    state: StateDir,
    log: EventLog,
    /// The counters; tell them what is no transition, such as bytes.
    pub metrics: Metrics,
    phases: BTreeMap<String, (Phase, Duration)>,
}

impl Journal {
    /// Begins, with every component idle.
    pub fn new(state: &StateDir) -> Self {
        Self {
            state: state.clone(),
            log: EventLog::new(state),
            metrics: Metrics::default(),
            phases: BTreeMap::new(),
        }
    }

    /// Notes a transition. One into the phase that lasts already is none, unless it says how that
    /// ended. `now` is since any fixed moment, `wall` for people.
    pub fn note(&mut self, step: Step<'_>, now: Duration, wall: Timestamp) -> io::Result<()> {
        let known = self.phases.get(step.component).copied();
        let (from, since) = known.unwrap_or((Phase::Idle, now));
        if from == step.to && step.outcome.is_empty() {
            return Ok(());
        }
        let lasted = now.saturating_sub(since);
        self.phases
            .insert(step.component.to_owned(), (step.to, now));
        self.metrics.phase(step.component, from, lasted);
        if !step.outcome.is_empty() {
            self.metrics.outcome(step.component, step.outcome);
        }
        self.log.add(&Event {
            at: Some(wall),
            component: step.component.to_owned(),
            from,
            to: step.to,
            ms: u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX),
            version: step.version,
            outcome: step.outcome.to_owned(),
            detail: step.detail,
        })
    }

    /// The phase a component is in.
    pub fn phase(&self, component: &str) -> Phase {
        self.phases
            .get(component)
            .map_or(Phase::Idle, |(phase, _)| *phase)
    }

    /// Writes `metrics.prom`.
    pub fn write_metrics(&self) -> io::Result<()> {
        replace(&self.state.metrics(), self.metrics.render().as_bytes())
    }
}

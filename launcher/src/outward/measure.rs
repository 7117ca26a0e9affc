//! What `metrics.prom` says beyond what is counted on the way.

use std::time::Duration;

use jiff::Timestamp;
use shared_handover::layout::Component;

use super::Outward;
use crate::perform::Host;
use crate::upgrade::{Event, Step, Verdict};

/// Moments of the last trial, since this launcher started.
#[derive(Debug, Default)]
pub(super) struct Stopwatch {
    trial: Option<Duration>,
    /// A bad verdict after which the version before does not serve yet.
    bad_verdict: Option<Duration>,
}

impl Outward {
    /// Takes the time of a trial.
    pub(super) fn time_trial(&mut self, from: Step, event: &Event, to: Step, now: Duration) {
        if to == Step::Trying && !matches!(from, Step::Trying | Step::Settling) {
            self.stopwatch.trial = Some(now);
        }
        if let Event::Judged(_) = event
            && let Some(since) = self.stopwatch.trial
        {
            let agent = Component::Agent.name();
            let took = now.saturating_sub(since);
            self.journal.metrics.verdict(agent, took);
        }
    }

    /// A verdict was carried out, and the version before has to serve again unless it `serves`.
    pub(crate) fn goes_back(&mut self, verdict: Verdict, serves: bool, now: Duration) {
        match verdict {
            Verdict::Commit => self.stopwatch.bad_verdict = None,
            _ if serves => self.came_back(Duration::ZERO),
            _ => self.stopwatch.bad_verdict = Some(now),
        }
    }

    /// The committed version serves.
    pub(crate) fn serves(&mut self, now: Duration) {
        if let Some(at) = self.stopwatch.bad_verdict.take() {
            self.came_back(now.saturating_sub(at));
        }
    }

    fn came_back(&mut self, took: Duration) {
        let agent = Component::Agent.name();
        self.journal.metrics.rolled_back(agent, took);
        self.unmeasured = true;
    }
}

impl Host<'_> {
    /// Writes the metrics if there was a transition since.
    pub(super) fn measure(&mut self) {
        if !std::mem::take(&mut self.outward.unmeasured) {
            return;
        }
        let launcher_page = self.launcher_slot.read().page;
        let serial = self.serial();
        let metrics = &mut self.outward.journal.metrics;
        let pages = [
            (Component::Launcher, &launcher_page),
            (Component::Agent, &self.agent_page),
        ];
        for (component, page) in pages {
            metrics.generation(component.name(), page.generation());
        }
        metrics.serial(serial);
        metrics.written(Timestamp::now().as_second());
        let written = self.outward.journal.write_metrics();
        self.outward.heard(written);
    }
}

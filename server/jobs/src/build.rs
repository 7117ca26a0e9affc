//! A build follows from its jobs, in the order of its steps.
//!
//! Steps run one after the other: a step starts when the one before has passed. As soon as one ends
//! otherwise, those after it are broken. Nothing about a build is stored that its jobs do not say.

use crate::{Event, State, Verdict};

/// Where a build is, as its jobs say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BuildState {
    /// No job of it has begun.
    Scheduled,
    /// Some job has.
    Running,
    /// A job is being stopped.
    Canceling,
    /// Every job passed.
    Passed,
    /// The first job that did not pass failed, or ran into its time limit.
    Failed,
    /// The first job that did not pass was canceled.
    Canceled,
}

impl BuildState {
    /// The state's name in the REST API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Canceling => "canceling",
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// Whether the build is over.
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Passed | Self::Failed | Self::Canceled)
    }

    /// Reads the state off the jobs of a build, in step order.
    pub fn of(jobs: &[State]) -> Self {
        if jobs.iter().all(State::is_finished) {
            return verdict(jobs);
        }
        if jobs
            .iter()
            .any(|job| matches!(job, State::Canceling { .. }))
        {
            return Self::Canceling;
        }
        let begun = |job: &State| !matches!(job, State::Waiting | State::Scheduled { .. });
        if jobs.iter().any(begun) {
            Self::Running
        } else {
            Self::Scheduled
        }
    }
}

fn verdict(jobs: &[State]) -> BuildState {
    for job in jobs {
        if let State::Finished(end) = job {
            match end.verdict {
                Verdict::Passed => {}
                Verdict::Canceled => return BuildState::Canceled,
                Verdict::Failed | Verdict::TimedOut | Verdict::Broken => return BuildState::Failed,
            }
        }
    }
    BuildState::Passed
}

/// The events that the jobs of a build, in step order, now call for: each with the place of the job
/// it is for. Empty when all is as it should be.
pub fn follow_up(jobs: &[State]) -> Vec<(usize, Event)> {
    let Some(current) = jobs.iter().position(|job| !job.has_passed()) else {
        return Vec::new();
    };
    match &jobs[current] {
        State::Waiting => vec![(current, Event::Ready)],
        State::Finished(_) => jobs
            .iter()
            .enumerate()
            .filter(|(_, job)| matches!(job, State::Waiting))
            .map(|(place, _)| (place, Event::Break))
            .collect(),
        _ => Vec::new(),
    }
}

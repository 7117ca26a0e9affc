//! The states of a job. Each owns what is true only while it lasts.

use shared_protocol::AgentId;

use crate::{CancelReason, EndReason, Moment, Verdict};

/// Where a job is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// A step before it has not passed yet.
    Waiting,
    /// Ready for any worker that suits it.
    Scheduled {
        /// When it became ready, or came back to the queue.
        since: Moment,
    },
    /// Offered to one worker.
    Assigned {
        /// The worker.
        agent: AgentId,
        /// Until when the offer holds. From then on accepting is refused.
        until: Moment,
    },
    /// Taken by a worker that has not begun it.
    Accepted {
        /// The worker.
        agent: AgentId,
        /// When it took the job.
        at: Moment,
    },
    /// Running.
    Running {
        /// The worker.
        agent: AgentId,
        /// When it began.
        started: Moment,
    },
    /// Held by a worker that is to stop it; the worker will still report the end.
    Canceling {
        /// The worker.
        agent: AgentId,
        /// When it began, if it had.
        started: Option<Moment>,
        /// Since when it is to stop.
        since: Moment,
        /// Why it is to stop.
        why: CancelReason,
    },
    /// Over. No event changes this.
    Finished(Finished),
}

/// The end of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// How it counts.
    pub verdict: Verdict,
    /// What ended it.
    pub reason: EndReason,
    /// The worker that held it last, if one did.
    pub agent: Option<AgentId>,
    /// When it began, if it did.
    pub started: Option<Moment>,
    /// When it ended.
    pub at: Moment,
    /// Exit status as reported; -1 when there was none.
    pub exit_status: Option<i32>,
    /// Name of the signal that ended it, as reported.
    pub signal: Option<String>,
    /// Pieces of its log that its worker could not deliver, as reported.
    pub chunks_failed: u32,
}

impl State {
    /// The state's name, for tables, for people, and for tools that read the REST API.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Scheduled { .. } => "scheduled",
            Self::Assigned { .. } => "assigned",
            Self::Accepted { .. } => "accepted",
            Self::Running { .. } => "running",
            Self::Canceling {
                why: CancelReason::Asked,
                ..
            } => "canceling",
            Self::Canceling {
                why: CancelReason::TimeLimit,
                ..
            } => "timing_out",
            Self::Finished(end) => end.verdict.as_str(),
        }
    }

    /// What the runner that polls for this job is told. A runner whose job ended without it (its
    /// host was cut off, or it never stopped as asked) must stop, so it reads `canceled`.
    pub const fn name_for_runner(&self) -> &'static str {
        match self {
            Self::Finished(Finished {
                reason: EndReason::AgentLost | EndReason::NeverStopped,
                ..
            }) => "canceled",
            other => other.name(),
        }
    }

    /// The one worker that has the job now: offered, accepted, running or stopping.
    pub const fn holder(&self) -> Option<&AgentId> {
        match self {
            Self::Assigned { agent, .. }
            | Self::Accepted { agent, .. }
            | Self::Running { agent, .. }
            | Self::Canceling { agent, .. } => Some(agent),
            Self::Waiting | Self::Scheduled { .. } | Self::Finished(_) => None,
        }
    }

    /// Whether the job is over.
    pub const fn is_finished(&self) -> bool {
        matches!(self, Self::Finished(_))
    }

    /// Whether the job is over and passed.
    pub const fn has_passed(&self) -> bool {
        matches!(
            self,
            Self::Finished(Finished {
                verdict: Verdict::Passed,
                ..
            })
        )
    }
}

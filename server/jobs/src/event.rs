//! What can happen to a job.

use std::time::Duration;

use shared_protocol::{AgentId, SignalReason};

/// One thing that happened, as the server learned of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Every step before it has passed.
    Ready,
    /// A step before it ended without passing.
    Break,
    /// A worker that suits it asked for work.
    Assign {
        /// The worker.
        agent: AgentId,
        /// How long the offer holds.
        lease: Duration,
    },
    /// A worker takes it.
    Accept {
        /// The worker.
        agent: AgentId,
    },
    /// A worker begins it.
    Start {
        /// The worker.
        agent: AgentId,
    },
    /// A worker reports its end.
    Finish {
        /// The worker.
        agent: AgentId,
        /// What the worker says of it.
        report: Report,
    },
    /// Somebody asks for it to stop.
    Cancel,
    /// Its time limit has passed.
    TimeUp,
    /// It was to stop, and its worker has not reported an end for too long.
    StopOver,
    /// The offer has run out.
    LeaseOver,
    /// A worker disconnected or fell silent.
    AgentGone {
        /// The worker.
        agent: AgentId,
    },
}

/// What a worker says about the end of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Exit status; -1 for a job that never ran or was ended by a signal.
    pub exit_status: i32,
    /// Name of the signal that ended it.
    pub signal: Option<String>,
    /// Why it ended otherwise than by its own command.
    pub reason: Option<SignalReason>,
    /// Pieces of its log that could not be delivered.
    pub chunks_failed: u32,
}

impl Report {
    /// Whether the command ran to its end and was content.
    pub const fn is_success(&self) -> bool {
        self.exit_status == 0 && self.signal.is_none() && self.reason.is_none()
    }
}

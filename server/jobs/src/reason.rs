//! Why jobs end. Closed lists; their spelling, in the database and on the wire, is here only.

use shared_protocol::SignalReason;

/// How a finished job is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The command ended with status 0.
    Passed,
    /// It did not, or nobody could run it to its end.
    Failed,
    /// Somebody asked for it to stop.
    Canceled,
    /// It ran into its time limit.
    TimedOut,
    /// It never ran because a step before it did not pass.
    Broken,
}

impl Verdict {
    const ALL: [Self; 5] = [
        Self::Passed,
        Self::Failed,
        Self::Canceled,
        Self::TimedOut,
        Self::Broken,
    ];

    /// The name of a job's state that ended so.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::TimedOut => "timed_out",
            Self::Broken => "broken",
        }
    }

    /// Reads what [`Verdict::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }
}

/// Why a job that a worker holds should stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CancelReason {
    /// A person or a tool asked for it.
    Asked,
    /// Its time was up.
    TimeLimit,
}

impl CancelReason {
    /// The verdict of a job that stops for this reason.
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Asked => Verdict::Canceled,
            Self::TimeLimit => Verdict::TimedOut,
        }
    }
}

/// What ended a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// Its worker reported an end that the command itself brought about.
    Exited,
    /// Its worker reported an end that had another cause.
    Reported(SignalReason),
    /// Its worker disconnected or fell silent.
    AgentLost,
    /// It was to stop, and its worker, which was there, never reported an end.
    NeverStopped,
    /// It was canceled before a worker had it.
    CanceledEarly,
    /// A step before it did not pass.
    EarlierStep,
}

impl EndReason {
    const ALL: [Self; 11] = [
        Self::Exited,
        Self::Reported(SignalReason::Cancel),
        Self::Reported(SignalReason::AgentStop),
        Self::Reported(SignalReason::AgentRefused),
        Self::Reported(SignalReason::SignatureRejected),
        Self::Reported(SignalReason::ProcessRunError),
        Self::Reported(SignalReason::StackError),
        Self::AgentLost,
        Self::NeverStopped,
        Self::CanceledEarly,
        Self::EarlierStep,
    ];

    /// The reason's name. For a reported cause it is the worker's own word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exited => "exited",
            Self::Reported(reason) => reason.as_str(),
            Self::AgentLost => "agent_lost",
            Self::NeverStopped => "never_stopped",
            Self::CanceledEarly => "canceled_early",
            Self::EarlierStep => "earlier_step",
        }
    }

    /// Reads what [`EndReason::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }

    /// A sentence for people, or nothing when the exit status says it all.
    pub const fn explain(self) -> Option<&'static str> {
        Some(match self {
            Self::Exited => return None,
            Self::Reported(SignalReason::Cancel) => "The agent stopped it because it was canceled.",
            Self::Reported(SignalReason::AgentStop) => "The agent was stopped while it ran.",
            Self::Reported(SignalReason::AgentRefused) => "The agent refused to run it.",
            Self::Reported(SignalReason::SignatureRejected) => "The job's signature was rejected.",
            Self::Reported(SignalReason::ProcessRunError) => "The agent could not start it.",
            Self::Reported(SignalReason::StackError) => "The stack could not run it.",
            Self::AgentLost => "The agent was lost while it held the job.",
            Self::NeverStopped => "It was to stop, and its agent never reported that it had.",
            Self::CanceledEarly => "It was canceled before an agent took it.",
            Self::EarlierStep => "It did not run because a step before it did not pass.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_reads_back_as_itself() {
        for verdict in Verdict::ALL {
            assert_eq!(Verdict::parse(verdict.as_str()), Some(verdict));
        }
        for reason in EndReason::ALL {
            assert_eq!(EndReason::parse(reason.as_str()), Some(reason));
        }
        assert_eq!(EndReason::parse("tired"), None);
    }
}

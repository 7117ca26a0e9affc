//! Why a job ended otherwise than by its own command. A closed list; the wire spelling is here only.

use serde::{Deserialize, Serialize};

/// The `signal_reason` of a finish request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalReason {
    /// The job was canceled by a person, or ran into its time limit.
    Cancel,
    /// The agent was stopped, or died, while the job ran.
    AgentStop,
    /// The agent would not run the job: an allow-list or a pre-bootstrap hook said no.
    AgentRefused,
    /// The job's signature was missing or wrong.
    SignatureRejected,
    /// The executor could not be started, or failed before any user code ran.
    ProcessRunError,
    /// The stack that schedules the job could not run it. Sent by controllers, not by agents.
    StackError,
}

impl SignalReason {
    /// The spelling on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::AgentStop => "agent_stop",
            Self::AgentRefused => "agent_refused",
            Self::SignatureRejected => "signature_rejected",
            Self::ProcessRunError => "process_run_error",
            Self::StackError => "stack_error",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_spelling_and_the_name_agree() {
        for reason in [
            SignalReason::Cancel,
            SignalReason::AgentStop,
            SignalReason::AgentRefused,
            SignalReason::SignatureRejected,
            SignalReason::ProcessRunError,
            SignalReason::StackError,
        ] {
            let json = serde_json::to_string(&reason).unwrap();
            assert_eq!(json, format!("\"{}\"", reason.as_str()));
        }
    }
}

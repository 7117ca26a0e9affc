//! How a job ended, as the endpoint is told. One pure table.

use agent_process::Exit;
use serde::{Deserialize, Serialize};
use shared_protocol::SignalReason;

/// The status an executor ends with when it failed before any code of the user ran.
const EXECUTOR_SET_UP_FAILED: i32 = 125;

/// Who wanted a running job to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The endpoint: a person canceled the job, its time was up, or its token was taken back.
    Canceled,
    /// The agent, which itself has to go.
    AgentStop,
}

/// Why a job that was accepted never ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotRun {
    /// The executor could not be prepared or started.
    StartFailed,
    /// The agent was told to cancel its jobs before this one began.
    AgentStopped,
    /// The endpoint wanted it canceled before it began.
    Canceled,
    /// It is not what was signed, or is not signed at all.
    SignatureRejected,
    /// An allow-list or a hook of the host would not have it.
    Refused,
}

impl From<Stop> for NotRun {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Canceled => Self::Canceled,
            Stop::AgentStop => Self::AgentStopped,
        }
    }
}

/// How a job ended, as the endpoint is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// 0 to 255, or −1 when no status tells.
    pub exit_status: i32,
    /// Name of the signal that ended the executor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
    /// Why it ended otherwise than by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SignalReason>,
}

impl Outcome {
    /// The outcome of a job whose executor ran and ended like `exit`, possibly because of `stop`.
    pub fn of_exit(exit: Exit, stop: Option<Stop>) -> Self {
        let reason = match stop {
            Some(Stop::AgentStop) => Some(SignalReason::AgentStop),
            Some(Stop::Canceled) => Some(SignalReason::Cancel),
            None if exit == Exit::Code(EXECUTOR_SET_UP_FAILED) => {
                return Self::without_status(SignalReason::ProcessRunError);
            }
            None => None,
        };
        let exit_status = match (exit.status(), reason) {
            // A canceled job is never a success, however politely its executor left.
            (0, Some(SignalReason::Cancel)) => 1,
            (status, _) => status,
        };
        Self {
            exit_status,
            signal: exit.signal_name(),
            reason,
        }
    }

    /// The outcome of a job that never ran.
    pub fn of_not_run(why: NotRun) -> Self {
        Self::without_status(match why {
            NotRun::StartFailed => SignalReason::ProcessRunError,
            NotRun::AgentStopped => SignalReason::AgentStop,
            NotRun::Canceled => SignalReason::Cancel,
            NotRun::SignatureRejected => SignalReason::SignatureRejected,
            NotRun::Refused => SignalReason::AgentRefused,
        })
    }

    /// The outcome of a job whose agent died and whose executor was ended by the next agent.
    pub fn lost() -> Self {
        Self::without_status(SignalReason::AgentStop)
    }

    fn without_status(reason: SignalReason) -> Self {
        Self {
            exit_status: -1,
            signal: None,
            reason: Some(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use agent_process::Signal;

    use super::*;

    #[test]
    fn every_end_has_its_report() {
        use SignalReason::{AgentStop, Cancel, ProcessRunError};
        let cancel = Some(Stop::Canceled);
        let agent = Some(Stop::AgentStop);
        for (exit, stop, status, signal, reason) in [
            (Exit::Code(0), None, 0, None, None),
            (Exit::Code(7), None, 7, None, None),
            (Exit::Code(255), None, 255, None, None),
            (Exit::Code(125), None, -1, None, Some(ProcessRunError)),
            (
                Exit::Signal(Signal::KILL.number()),
                None,
                -1,
                Some("SIGKILL"),
                None,
            ),
            (
                Exit::Signal(Signal::TERM.number()),
                cancel,
                -1,
                Some("SIGTERM"),
                Some(Cancel),
            ),
            (
                Exit::Signal(Signal::KILL.number()),
                cancel,
                -1,
                Some("SIGKILL"),
                Some(Cancel),
            ),
            (Exit::Code(0), cancel, 1, None, Some(Cancel)),
            (Exit::Code(131), cancel, 131, None, Some(Cancel)),
            (Exit::Code(125), cancel, 125, None, Some(Cancel)),
            (
                Exit::Signal(Signal::TERM.number()),
                agent,
                -1,
                Some("SIGTERM"),
                Some(AgentStop),
            ),
            (Exit::Code(0), agent, 0, None, Some(AgentStop)),
        ] {
            let expected = Outcome {
                exit_status: status,
                signal: signal.map(str::to_owned),
                reason,
            };
            assert_eq!(
                Outcome::of_exit(exit, stop),
                expected,
                "{exit:?} after {stop:?}"
            );
        }
    }

    #[test]
    fn a_job_that_never_ran_has_no_status() {
        for (why, reason) in [
            (NotRun::StartFailed, SignalReason::ProcessRunError),
            (NotRun::AgentStopped, SignalReason::AgentStop),
            (NotRun::Canceled, SignalReason::Cancel),
            (NotRun::SignatureRejected, SignalReason::SignatureRejected),
            (NotRun::Refused, SignalReason::AgentRefused),
        ] {
            let outcome = Outcome::of_not_run(why);
            assert_eq!((outcome.exit_status, outcome.reason), (-1, Some(reason)));
        }
    }
}

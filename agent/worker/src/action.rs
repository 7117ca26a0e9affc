//! What a worker does with the answer to a ping. Pure.

use shared_client::ClientError;
use shared_protocol::JobId;
use shared_protocol::agent::{PingAction, PingResponse};

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Nothing to do: ping again in due time.
    Idle,
    /// Take no jobs until a later ping says otherwise.
    Pause,
    /// Accept this job and run it.
    Run(JobId),
    /// End: disconnect and do not come back.
    Leave(Leave),
}

/// Why a worker ends of its own accord.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// The endpoint said so.
    Told,
    /// It has run the one job it was there for.
    JobDone,
}

/// What a failed ping means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The endpoint has trouble; ping again in due time.
    Passing,
    /// The endpoint does not know this worker, or not any more.
    Refused,
}

/// Decides on an answer. `ran_one` is true in disconnect-after-job mode after the job.
pub fn next(ping: &PingResponse, ran_one: bool) -> Next {
    match ping.action {
        PingAction::Disconnect => Next::Leave(Leave::Told),
        PingAction::Pause => Next::Pause,
        PingAction::Idle | PingAction::Other(_) if ran_one => Next::Leave(Leave::JobDone),
        PingAction::Idle | PingAction::Other(_) => match &ping.job {
            Some(job) if !job.id.as_str().is_empty() => Next::Run(job.id.clone()),
            _ => Next::Idle,
        },
    }
}

/// Decides on a failure.
pub fn failure(error: &ClientError) -> Failure {
    if error.is_refusal() {
        Failure::Refused
    } else {
        Failure::Passing
    }
}

#[cfg(test)]
mod tests {
    use shared_protocol::agent::OfferedJob;

    use super::*;

    fn ping(action: PingAction, job: Option<&str>) -> PingResponse {
        PingResponse {
            action,
            job: job.map(|id| OfferedJob { id: JobId::new(id) }),
            ..PingResponse::default()
        }
    }

    #[test]
    fn every_answer_has_one_meaning() {
        let other = || PingAction::Other("dance".into());
        let run = Next::Run(JobId::new("j"));
        for (action, job, ran_one, expected) in [
            (PingAction::Idle, None, false, Next::Idle),
            (PingAction::Idle, Some(""), false, Next::Idle),
            (PingAction::Idle, Some("j"), false, run.clone()),
            (other(), Some("j"), false, run),
            (PingAction::Pause, Some("j"), false, Next::Pause),
            (PingAction::Pause, None, true, Next::Pause),
            (
                PingAction::Disconnect,
                Some("j"),
                false,
                Next::Leave(Leave::Told),
            ),
            (
                PingAction::Idle,
                Some("j"),
                true,
                Next::Leave(Leave::JobDone),
            ),
            (PingAction::Idle, None, true, Next::Leave(Leave::JobDone)),
        ] {
            let answer = ping(action, job);
            assert_eq!(next(&answer, ran_one), expected, "{answer:?}");
        }
    }

    #[test]
    fn only_a_refusal_ends_a_worker() {
        let status = |status| ClientError::Status {
            method: "GET",
            url: "http://e/ping".into(),
            status,
            message: String::new(),
            retry_after: None,
        };
        for (code, expected) in [
            (401, Failure::Refused),
            (404, Failure::Refused),
            (422, Failure::Refused),
            (429, Failure::Passing),
            (500, Failure::Passing),
            (503, Failure::Passing),
            (302, Failure::Passing),
        ] {
            assert_eq!(failure(&status(code)), expected, "{code}");
        }
    }
}

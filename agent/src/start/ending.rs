//! What the process says at its end: one line in the log, and its exit status.

use std::process::ExitCode;

use agent_worker::{Served, WorkerError};

use crate::service::ServiceError;
use crate::wire::Ending;

/// Exit status when the endpoint does not give away the job that was to be acquired.
const REJECTED: u8 = 27;
/// Exit status when that job kept waiting for another one.
const LOCKED: u8 = 28;

/// Logs how it went. `reflect` makes the acquired job's exit status the process's.
pub(super) fn tell(ending: &Ending, reflect: bool) -> ExitCode {
    match ending {
        Ending::Done(Ok(_)) => tracing::info!("agent ended"),
        Ending::Done(Err(error)) => tracing::error!("{error}"),
        Ending::Abandoned => tracing::error!("agent ended without waiting for its jobs"),
    }
    ExitCode::from(status(ending, reflect))
}

fn status(ending: &Ending, reflect: bool) -> u8 {
    match ending {
        Ending::Done(Ok(Served {
            acquired: Some(status),
        })) if reflect => low_byte(*status),
        Ending::Done(Ok(_)) => 0,
        Ending::Done(Err(ServiceError::Worker(WorkerError::Rejected(..)))) => REJECTED,
        Ending::Done(Err(ServiceError::Worker(WorkerError::Locked(..)))) => LOCKED,
        Ending::Done(Err(_)) | Ending::Abandoned => 1,
    }
}

/// All that a process can say of a job's status: a job that never ran, −1, becomes 255.
fn low_byte(status: i32) -> u8 {
    status.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acquired(status: i32) -> Ending {
        Ending::Done(Ok(Served {
            acquired: Some(status),
        }))
    }

    #[test]
    fn a_job_is_reflected_only_when_asked_for() {
        for (ending, reflect, expected) in [
            (acquired(21), true, 21),
            (acquired(21), false, 0),
            (acquired(0), true, 0),
            (acquired(-1), true, 255),
            (Ending::Done(Ok(Served::default())), true, 0),
            (Ending::Abandoned, true, 1),
        ] {
            assert_eq!(status(&ending, reflect), expected, "{ending:?}");
        }
    }
}

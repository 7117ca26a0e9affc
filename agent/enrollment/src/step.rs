//! What a host does with the answer to its request to be let in. Pure.

use std::time::Duration;

use shared_client::ClientError;
use shared_protocol::enroll::{EnrollResponse, Waiting};

/// Between two requests when the endpoint names no time, or names none at all.
const SOON: Duration = Duration::from_secs(5);
/// Between two requests that will most likely be answered as before.
const SELDOM: Duration = Duration::from_mins(1);
/// Longest time between two requests, whatever the endpoint says: nobody restarts a host that waits.
const LONGEST: Duration = Duration::from_hours(1);

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Register.
    In,
    /// Ask again after a while.
    Again(Duration, Why),
    /// Take a new identity and ask at once; with one that is new already, that is of no use.
    NewIdentity(Loss),
    /// The endpoint knows nothing of this.
    NotOffered,
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// A person has to let the host in.
    Approval,
    /// Another run of the machine may still use the identity.
    OtherRun,
    /// A person has shut the host out, too many wait, or the key is wrong; the text says which.
    Refused(String),
    /// The endpoint has trouble.
    Trouble(String),
}

/// Why an identity is of no use any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// It belongs to a host with another secret.
    Anothers,
    /// Another machine uses it at the same time: one of the two is a copy of the other's disk.
    Copied,
}

/// Decides on an answer. `is_fresh` is true when the identity was made because another one was lost
/// and the endpoint has not taken it yet: an endpoint that says of such a one that it is another
/// host's says so to everybody.
pub fn next(answer: &Result<EnrollResponse, ClientError>, is_fresh: bool) -> Next {
    let error = match answer {
        Ok(EnrollResponse { waiting: None, .. }) => return Next::In,
        Ok(EnrollResponse {
            waiting: Some(waiting),
            ask_again,
        }) => {
            let wait = match ask_again {
                0 => SOON,
                seconds => Duration::from_secs(*seconds).min(LONGEST),
            };
            let why = match waiting {
                Waiting::Approval => Why::Approval,
                Waiting::OtherRun => Why::OtherRun,
            };
            return Next::Again(wait, why);
        }
        Err(error) => error,
    };
    match error.status() {
        Some(401 | 409) if is_fresh => Next::Again(SELDOM, Why::Refused(error.to_string())),
        Some(401) => Next::NewIdentity(Loss::Anothers),
        Some(409) => Next::NewIdentity(Loss::Copied),
        Some(404 | 405) => Next::NotOffered,
        Some(_) if error.is_refusal() => Next::Again(SELDOM, Why::Refused(error.to_string())),
        _ => {
            let wait = error.retry_after().unwrap_or(SOON).clamp(SOON, LONGEST);
            Next::Again(wait, Why::Trouble(error.to_string()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16) -> Result<EnrollResponse, ClientError> {
        Err(ClientError::Status {
            method: "POST",
            url: "http://e/enroll".into(),
            status,
            message: String::new(),
            retry_after: (status == 503).then_some(Duration::from_secs(30)),
        })
    }

    #[test]
    fn every_answer_has_one_meaning() {
        let waits = |waiting, ask_again| Ok(EnrollResponse { waiting, ask_again });
        assert_eq!(next(&waits(None, 0), false), Next::In);
        for (answer, expected) in [
            (
                waits(Some(Waiting::Approval), 0),
                Next::Again(SOON, Why::Approval),
            ),
            (
                waits(Some(Waiting::OtherRun), 9),
                Next::Again(Duration::from_secs(9), Why::OtherRun),
            ),
            (
                waits(Some(Waiting::Approval), u64::MAX),
                Next::Again(LONGEST, Why::Approval),
            ),
            (refused(401), Next::NewIdentity(Loss::Anothers)),
            (refused(409), Next::NewIdentity(Loss::Copied)),
            (refused(404), Next::NotOffered),
            (refused(405), Next::NotOffered),
        ] {
            assert_eq!(next(&answer, false), expected, "{answer:?}");
        }
    }

    #[test]
    fn an_identity_that_nobody_can_have_is_not_given_up_for_another() {
        for status in [401, 409] {
            let Next::Again(wait, Why::Refused(_)) = next(&refused(status), true) else {
                panic!("{status} would be answered to the next one, too");
            };
            assert_eq!(wait, SELDOM);
        }
    }

    #[test]
    fn refusals_are_asked_about_seldom_and_trouble_when_the_endpoint_says() {
        for (status, seconds, is_refusal) in [
            (403, 60, true),
            (422, 60, true),
            (429, 5, false),
            (500, 5, false),
            (503, 30, false),
        ] {
            let Next::Again(wait, why) = next(&refused(status), false) else {
                panic!("{status} is no reason to stop");
            };
            assert_eq!(wait.as_secs(), seconds, "{status}");
            assert_eq!(matches!(why, Why::Refused(_)), is_refusal, "{status}");
        }
    }
}

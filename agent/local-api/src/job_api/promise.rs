//! Promised failures: a job says before it ends that it will fail, and with which status. The
//! endpoint hears each status once.

use std::collections::BTreeMap;
use std::pin::Pin;

use serde::Serialize;

/// What a job promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// The status it will end with; above 0.
    pub exit_status: i64,
    /// Why, in its own words.
    pub reason: Option<String>,
}

/// What the endpoint said to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Declared {
    /// It knows now.
    Accepted {
        /// The HTTP status.
        status: u16,
    },
    /// It will not have it, now or later.
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it said.
        error: String,
    },
    /// It could not be asked; a later try may work.
    Unreached {
        /// The HTTP status, if there was an answer.
        status: Option<u16>,
        /// What went wrong.
        error: String,
    },
}

/// Tells the endpoint of a promise.
pub type Declare =
    Box<dyn Fn(Promise) -> Pin<Box<dyn Future<Output = Declared> + Send>> + Send + Sync>;

/// The answer to a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Answer {
    outcome: &'static str,
    accepted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl From<Declared> for Answer {
    fn from(declared: Declared) -> Self {
        let (accepted, upstream_status, error) = match declared {
            Declared::Accepted { status } => (true, Some(status), None),
            Declared::Refused { status, error } => (false, Some(status), Some(error)),
            Declared::Unreached { status, error } => (false, status, Some(error)),
        };
        Self {
            outcome: "declared",
            accepted,
            upstream_status,
            error,
        }
    }
}

/// The promises so far, by status.
#[derive(Default)]
pub(super) struct Promises(BTreeMap<i64, Answer>);

impl Promises {
    /// The answer to a promise that was made before.
    pub(super) fn known(&self, exit_status: i64) -> Option<Answer> {
        let answer = self.0.get(&exit_status)?.clone();
        Some(Answer {
            outcome: "debounced",
            ..answer
        })
    }

    /// Remembers what the endpoint said, unless another try may end otherwise.
    pub(super) fn settle(&mut self, exit_status: i64, declared: Declared) -> Answer {
        let passing = matches!(declared, Declared::Unreached { .. });
        let answer = Answer::from(declared);
        if !passing {
            self.0.insert(exit_status, answer.clone());
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_declared_once_unless_the_endpoint_was_not_reached() {
        let mut promises = Promises::default();
        let unreached = Declared::Unreached {
            status: Some(503),
            error: "later".into(),
        };
        assert!(!promises.settle(5, unreached).accepted);
        assert_eq!(promises.known(5), None);
        promises.settle(5, Declared::Accepted { status: 204 });
        let known = promises.known(5).expect("known");
        assert_eq!((known.outcome, known.accepted), ("debounced", true));
        let refused = Declared::Refused {
            status: 409,
            error: "another one".into(),
        };
        promises.settle(6, refused);
        let known = promises.known(6).expect("known");
        assert_eq!((known.accepted, known.upstream_status), (false, Some(409)));
        assert_eq!(promises.known(7), None);
    }
}

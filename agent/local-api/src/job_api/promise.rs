//! Promised failures: a job says before it ends that it will fail, and with which status. The
//! endpoint hears each status once.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

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

/// The promises so far, by status. Each status waits for the endpoint on its own: one that cannot be
/// told keeps no other back.
#[derive(Default)]
pub(super) struct Promises(Mutex<BTreeMap<i64, Arc<Settled>>>);

/// What the endpoint said to one status, once it did.
type Settled = tokio::sync::Mutex<Option<Answer>>;

impl Promises {
    /// Tells the endpoint, unless it was told before. What it said is remembered, unless another
    /// try may end otherwise.
    pub(super) async fn make(&self, promise: Promise, declare: &Declare) -> Answer {
        let settled = self.of(promise.exit_status);
        // Held while the endpoint is asked: the same promise made twice at once waits for its answer.
        let mut settled = settled.lock().await;
        if let Some(answer) = &*settled {
            return Answer {
                outcome: "debounced",
                ..answer.clone()
            };
        }
        let declared = declare(promise).await;
        let passing = matches!(declared, Declared::Unreached { .. });
        let answer = Answer::from(declared);
        if !passing {
            *settled = Some(answer.clone());
        }
        answer
    }

    fn of(&self, exit_status: i64) -> Arc<Settled> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(exit_status).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn promise(exit_status: i64) -> Promise {
        Promise {
            exit_status,
            reason: None,
        }
    }

    /// An endpoint that gives these answers in turn.
    fn endpoint(answers: Vec<Declared>) -> Declare {
        let answers = Mutex::new(answers.into_iter());
        Box::new(move |_| {
            let next = answers.lock().expect("lock").next();
            Box::pin(std::future::ready(next.expect("nothing more is asked")))
        })
    }

    #[tokio::test]
    async fn a_status_is_declared_once_unless_the_endpoint_was_not_reached() {
        let unreached = Declared::Unreached {
            status: Some(503),
            error: "later".into(),
        };
        let refused = Declared::Refused {
            status: 409,
            error: "another one".into(),
        };
        let accepted = Declared::Accepted { status: 204 };
        let declare = endpoint(vec![unreached, accepted, refused]);
        let promises = Promises::default();
        for (exit_status, outcome, accepted, status) in [
            (5, "declared", false, 503),
            (5, "declared", true, 204),
            (5, "debounced", true, 204),
            (6, "declared", false, 409),
            (6, "debounced", false, 409),
            (5, "debounced", true, 204),
        ] {
            let answer = promises.make(promise(exit_status), &declare).await;
            assert_eq!((answer.outcome, answer.accepted), (outcome, accepted));
            assert_eq!(answer.upstream_status, Some(status));
        }
    }

    #[tokio::test]
    async fn a_status_that_waits_for_the_endpoint_keeps_no_other_back() {
        let declare: Declare = Box::new(|promise| {
            Box::pin(async move {
                if promise.exit_status == 5 {
                    std::future::pending::<()>().await;
                }
                Declared::Accepted { status: 204 }
            })
        });
        let promises = Promises::default();
        tokio::select! {
            biased;
            _ = promises.make(promise(5), &declare) => panic!("the endpoint says nothing"),
            answer = promises.make(promise(6), &declare) => assert!(answer.accepted),
        }
    }
}

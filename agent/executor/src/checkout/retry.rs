//! When a failed checkout is tried again, and from where.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use agent_process::Exit;

use super::error::{CheckoutError, Step};

/// What follows a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Trying again cannot help, or nobody wants it.
    Stop,
    /// The folder may be broken: remove it and start with a clone.
    StartAfresh,
    /// Try again with what is there.
    InPlace,
}

/// What follows this failure.
pub(super) fn after(error: &CheckoutError) -> Next {
    match error {
        CheckoutError::Canceled
        | CheckoutError::NoGit
        | CheckoutError::BadRef(_)
        | CheckoutError::OffBranch { .. }
        | CheckoutError::Log(_)
        | CheckoutError::Persistent { .. }
        | CheckoutError::Git {
            exit: Exit::Signal(_),
            ..
        } => Next::Stop,
        CheckoutError::TimedOut | CheckoutError::Start(_) | CheckoutError::Directory(..) => {
            Next::StartAfresh
        }
        CheckoutError::Git { step, exit } => match step {
            Step::Clone | Step::Remote | Step::Clean => Next::StartAfresh,
            Step::Fetch | Step::Checkout if *exit == Exit::Code(128) => Next::StartAfresh,
            Step::Fetch | Step::Checkout | Step::Submodules | Step::Resolve => Next::InPlace,
        },
    }
}

/// How long to wait after attempt `attempt` (from 1): 1, 2, 4, 8… seconds and up to one more, so
/// that many jobs that failed together do not come back together.
pub(super) fn wait(attempt: u32) -> Duration {
    Duration::from_secs(1 << attempt.saturating_sub(1).min(8)) + jitter()
}

/// How long to wait after try `attempt` (from 1) inside one attempt: growing from 1 to some 30
/// seconds over ten tries.
pub(super) fn wait_inside(attempt: u32) -> Duration {
    let exponent = f64::from(attempt.saturating_sub(1)) / 16.0 + 1.0;
    Duration::from_secs_f64(1000_f64.powf(exponent) / 1000.0) + jitter()
}

/// Less than a second, different each time: hash keys of the standard library are random.
fn jitter() -> Duration {
    Duration::from_millis(RandomState::new().hash_one(0_u8) % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_followed_by_what_can_help() {
        let git = |step, code| CheckoutError::Git {
            step,
            exit: Exit::Code(code),
        };
        let cases = [
            (git(Step::Clone, 128), Next::StartAfresh),
            (git(Step::Remote, 1), Next::StartAfresh),
            (git(Step::Clean, 1), Next::StartAfresh),
            (git(Step::Fetch, 128), Next::StartAfresh),
            (git(Step::Fetch, 1), Next::InPlace),
            (git(Step::Checkout, 128), Next::StartAfresh),
            (git(Step::Checkout, 1), Next::InPlace),
            (git(Step::Submodules, 1), Next::InPlace),
            (CheckoutError::TimedOut, Next::StartAfresh),
            (CheckoutError::Canceled, Next::Stop),
            (CheckoutError::NoGit, Next::Stop),
            (CheckoutError::BadRef("-x".into()), Next::Stop),
            (
                CheckoutError::Git {
                    step: Step::Clone,
                    exit: Exit::Signal(9),
                },
                Next::Stop,
            ),
            (
                CheckoutError::Persistent {
                    step: Step::Fetch,
                    exit: Exit::Code(128),
                },
                Next::Stop,
            ),
        ];
        for (error, next) in cases {
            assert_eq!(after(&error), next, "{error:?}");
        }
    }

    #[test]
    fn waits_grow_and_differ() {
        let whole = |wait: Duration| wait.as_secs();
        assert!((1..=2).contains(&whole(wait(1))) && (16..=17).contains(&whole(wait(5))));
        assert!((1..=2).contains(&whole(wait_inside(1))));
        assert!((31..=34).contains(&whole(wait_inside(9))));
        let some: Vec<Duration> = (0..20).map(|_| wait(1)).collect();
        assert!(some.iter().any(|wait| *wait != some[0]));
    }
}

//! When a failed checkout is tried again, and from where.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use agent_process::Exit;

use super::error::{Cause, CheckoutError, Step};

/// What follows a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Next {
    /// Another attempt may help.
    pub(super) again: bool,
    /// The folder may be broken, so it is emptied: then the next attempt, of this job or a later
    /// one, starts with a clone.
    pub(super) afresh: bool,
}

const STOP: Next = Next {
    again: false,
    afresh: false,
};
const IN_PLACE: Next = Next {
    again: true,
    afresh: false,
};
const AFRESH: Next = Next {
    again: true,
    afresh: true,
};
const STOP_EMPTIED: Next = Next {
    again: false,
    afresh: true,
};

/// What follows this failure.
pub(super) fn after(error: &CheckoutError) -> Next {
    match error {
        CheckoutError::Canceled
        | CheckoutError::NoGit
        | CheckoutError::NoLfs(_)
        | CheckoutError::OffBranch { .. }
        | CheckoutError::Locked { .. }
        | CheckoutError::NoPlace
        | CheckoutError::Setting(_)
        | CheckoutError::Own(_)
        | CheckoutError::Log(_)
        | CheckoutError::Persistent { .. }
        | CheckoutError::Git {
            exit: Exit::Signal(_),
            ..
        } => STOP,
        CheckoutError::BadRef(_) | CheckoutError::BadAddress(_) => STOP_EMPTIED,
        CheckoutError::TimedOut | CheckoutError::Start(_) | CheckoutError::Directory(..) => AFRESH,
        CheckoutError::Git { step, exit, cause } => after_git(*step, *exit, *cause),
    }
}

fn after_git(step: Step, exit: Exit, cause: Cause) -> Next {
    match (step, cause) {
        // It may come into being: nothing is wrong here.
        (Step::Fetch, Cause::MissingRef) | (Step::Checkout, Cause::NoTree) => IN_PLACE,
        (Step::Fetch, Cause::BadObject | Cause::NotOnServer) => AFRESH,
        // 128 is git's status for whatever it does not expect, a broken repository too.
        (Step::Fetch | Step::Checkout, _) if exit == Exit::Code(128) => AFRESH,
        (Step::Fetch | Step::Checkout | Step::Repack, _) => IN_PLACE,
        _ => AFRESH,
    }
}

/// Whether a fetch that failed this way may succeed when it is simply tried again.
pub(super) fn fetch_may_recover(exit: Exit, cause: Cause) -> bool {
    match (exit, cause) {
        (Exit::Signal(_), _) => false,
        (_, Cause::MissingRef) => true,
        (_, Cause::BadObject | Cause::NotOnServer) | (Exit::Code(128), _) => false,
        (Exit::Code(_), _) => true,
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

/// Less than a second, different each time.
fn jitter() -> Duration {
    Duration::from_millis(random() % 1000)
}

/// A number nobody can foretell: hash keys of the standard library are random.
pub(super) fn random() -> u64 {
    RandomState::new().hash_one(0_u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(step: Step, code: i32, cause: Cause) -> CheckoutError {
        let exit = Exit::Code(code);
        CheckoutError::Git { step, exit, cause }
    }

    #[test]
    fn a_failed_step_of_git_is_followed_by_what_can_help() {
        use Cause::{BadObject, MissingRef, NoTree, NotOnServer, Unknown};
        let cases = [
            (Step::Clone, 128, Unknown, AFRESH),
            (Step::Remote, 1, Unknown, AFRESH),
            (Step::Clean, 1, Unknown, AFRESH),
            (Step::LfsInstall, 2, Unknown, AFRESH),
            (Step::Fetch, 128, Unknown, AFRESH),
            (Step::Fetch, 128, MissingRef, IN_PLACE),
            (Step::Fetch, 1, BadObject, AFRESH),
            (Step::Fetch, 1, NotOnServer, AFRESH),
            (Step::Fetch, 1, Unknown, IN_PLACE),
            (Step::Sparse, 1, Unknown, AFRESH),
            (Step::Checkout, 128, Unknown, AFRESH),
            (Step::Checkout, 128, NoTree, IN_PLACE),
            (Step::Checkout, 1, Unknown, IN_PLACE),
            (Step::Submodules, 1, Unknown, AFRESH),
            (Step::Lfs, 1, Unknown, AFRESH),
            (Step::Repack, 1, Unknown, IN_PLACE),
            (Step::Resolve, 1, Unknown, AFRESH),
        ];
        for (step, code, cause, next) in cases {
            let error = git(step, code, cause);
            assert_eq!(after(&error), next, "{error:?}");
        }
    }

    #[test]
    fn other_failures_are_followed_by_what_can_help() {
        let lock = super::super::error::Lock::Clone;
        let waited = Duration::from_secs(1);
        let io = || std::io::Error::other("full");
        let cases = [
            (CheckoutError::TimedOut, AFRESH),
            (CheckoutError::Directory("/x".into(), io()), AFRESH),
            (CheckoutError::Canceled, STOP),
            (CheckoutError::Log(io()), STOP),
            (CheckoutError::Own(io()), STOP),
            (CheckoutError::NoGit, STOP),
            (CheckoutError::NoPlace, STOP),
            (CheckoutError::Setting("odd".into()), STOP),
            (CheckoutError::NoLfs(Exit::Code(1)), STOP),
            (CheckoutError::Locked { lock, waited }, STOP),
            (CheckoutError::BadRef("-x".into()), STOP_EMPTIED),
            (CheckoutError::BadAddress("-x".into()), STOP_EMPTIED),
            (
                CheckoutError::OffBranch {
                    commit: "c".into(),
                    branch: "b".into(),
                },
                STOP,
            ),
            (
                CheckoutError::Git {
                    step: Step::Clone,
                    exit: Exit::Signal(9),
                    cause: Cause::Unknown,
                },
                STOP,
            ),
            (
                CheckoutError::Persistent {
                    step: Step::Fetch,
                    exit: Exit::Code(128),
                },
                STOP,
            ),
        ];
        for (error, next) in cases {
            assert_eq!(after(&error), next, "{error:?}");
        }
    }

    #[test]
    fn a_fetch_is_repeated_only_where_the_server_may_answer_otherwise_next_time() {
        use Cause::{BadObject, MissingRef, NotOnServer, Unknown};
        let cases = [
            (Exit::Code(128), MissingRef, true),
            (Exit::Code(1), Unknown, true),
            (Exit::Code(128), Unknown, false),
            (Exit::Code(1), BadObject, false),
            (Exit::Code(128), NotOnServer, false),
            (Exit::Signal(15), MissingRef, false),
        ];
        for (exit, cause, wanted) in cases {
            assert_eq!(fetch_may_recover(exit, cause), wanted, "{exit} {cause:?}");
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

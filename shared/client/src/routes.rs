//! The retry rule of every route, as data. Values are those of the peer agent except where a
//! comment says what is better and why.

use std::time::Duration;

use crate::retry::{Jitter, Policy, Retries, Schedule};

const fn constant(seconds: u64, attempts: u32, retries: Retries) -> Policy {
    Policy {
        schedule: Schedule::Const(Duration::from_secs(seconds)),
        jitter: Jitter::NONE,
        longest: Duration::MAX,
        attempts: Some(attempts),
        overall: None,
        retries,
    }
}

/// About five minutes: long enough for an endpoint to be restarted, then the agent says why it
/// cannot start.
pub const REGISTER: Policy = constant(10, 30, Retries::Standard);

/// Tried again even when refused: the endpoint may not know the new worker everywhere yet.
pub const CONNECT: Policy = constant(5, 10, Retries::Any);

/// Short, because the process is about to end and nothing depends on it: an endpoint that hangs, or
/// asks to come back in an hour, is not waited for.
pub const DISCONNECT: Policy = Policy {
    overall: Some(Duration::from_secs(30)),
    ..constant(1, 4, Retries::Any)
};

/// For requests that come round again by themselves: ping and the poll of a job's state.
pub const ONCE: Policy = constant(0, 1, Retries::Never);

/// Somebody waits for the command to end.
pub const COMMAND: Policy = Policy {
    jitter: Jitter::SECOND,
    ..constant(1, 5, Retries::Standard)
};

/// A refusal means that the endpoint no longer knows the worker.
pub const HEARTBEAT: Policy = constant(5, 10, Retries::UnlessRefused);

/// An answer other than success is final: the next ping offers the job again if it is still ours.
pub const ACCEPT: Policy = constant(5, 30, Retries::Unanswered);

/// A job to acquire may wait for others; who asks for it has the time that a person would.
pub const ACQUIRE: Policy = Policy {
    schedule: Schedule::Exp { base: 2.0 },
    jitter: Jitter {
        from: -1.0,
        to: 5.0,
    },
    longest: Duration::MAX,
    attempts: Some(7),
    overall: Some(Duration::from_secs(330)),
    retries: Retries::UntilFree,
};

/// 1, 2, 4, … seconds, about a minute in all.
pub const START: Policy = Policy {
    schedule: Schedule::Exp { base: 2.0 },
    jitter: Jitter::NONE,
    longest: Duration::MAX,
    attempts: Some(7),
    overall: None,
    retries: Retries::Standard,
};

/// Short: a job waits for its secrets before its first hook.
pub const SECRET: Policy = Policy {
    schedule: Schedule::Exp { base: 2.0 },
    jitter: Jitter {
        from: -1.0,
        to: 5.0,
    },
    longest: Duration::MAX,
    attempts: Some(3),
    overall: None,
    retries: Retries::Standard,
};

/// About two minutes; the job goes on meanwhile.
pub const PROMISE_FAILURE: Policy = Policy {
    schedule: Schedule::ExpSub {
        initial: Duration::from_secs(2),
    },
    jitter: Jitter::NONE,
    longest: Duration::MAX,
    attempts: Some(10),
    overall: None,
    retries: Retries::Standard,
};

/// The result of a job is worth waiting for as long as its log ([`CHUNK`]); the peer stops after
/// twelve attempts, which is about ten minutes.
pub const FINISH: Policy = Policy {
    schedule: Schedule::ExpSub {
        initial: Duration::from_secs(2),
    },
    jitter: Jitter::SECOND,
    longest: Duration::from_mins(1),
    attempts: None,
    overall: Some(Duration::from_hours(1)),
    retries: Retries::Standard,
};

/// Starts like [`FINISH`], but a piece of a log is given up only when it is refused; who uploads it
/// decides how long an endpoint may be away. The peer stops after twelve attempts, and at 429; that
/// loses logs to a busy endpoint. Waits stay under a minute, so that the log moves on soon after the
/// endpoint is back.
pub const CHUNK: Policy = Policy {
    schedule: Schedule::ExpSub {
        initial: Duration::from_secs(2),
    },
    jitter: Jitter::SECOND,
    longest: Duration::from_mins(1),
    attempts: None,
    overall: None,
    retries: Retries::UnlessRefused,
};

/// Under a minute: the log arrives without them as well.
pub const HEADER_TIMES: Policy = constant(5, 10, Retries::UnlessRefused);

//! When a failed request is tried again. Pure: the caller brings the time and the random number.
//!
//! The schedules are those of the Go library roko, which the peer agent uses, so that an endpoint
//! sees the load it is built for. This module knows nothing of HTTP beyond what a [`Failure`] says,
//! and it never waits.

use std::time::Duration;

/// The status of what is held for somebody else.
pub(crate) const LOCKED: u16 = 423;

/// How the wait grows from one failure to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Schedule {
    /// The same wait every time.
    Const(Duration),
    /// `base ^ n` seconds after failure `n`, counted from 0: 1, 2, 4, 8, … for base 2.
    Exp {
        /// What is raised to the power of `n`.
        base: f64,
    },
    /// Slower than doubling: `initial ^ (n / 16 + 1)`, reckoned in milliseconds.
    ExpSub {
        /// The first wait.
        initial: Duration,
    },
}

impl Schedule {
    /// The wait after failure number `n`, counted from 0, without jitter.
    pub fn wait(self, n: u32) -> Duration {
        let seconds = match self {
            Self::Const(wait) => return wait,
            Self::Exp { base } => base.powf(f64::from(n)),
            Self::ExpSub { initial } => {
                (initial.as_secs_f64() * 1000.0).powf(f64::from(n) / 16.0 + 1.0) / 1000.0
            }
        };
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

/// Seconds added to each scheduled wait, chosen evenly from a range; the start may be negative.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jitter {
    /// Least number of seconds.
    pub from: f64,
    /// Number of seconds that is just not reached.
    pub to: f64,
}

impl Jitter {
    /// No jitter.
    pub const NONE: Self = Self { from: 0.0, to: 0.0 };
    /// Up to a second more.
    pub const SECOND: Self = Self { from: 0.0, to: 1.0 };

    fn apply(self, wait: Duration, random: f64) -> Duration {
        let seconds = wait.as_secs_f64() + self.from + (self.to - self.from) * random;
        Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
    }
}

/// What kind of failure one attempt met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request was never sent, and sending it again cannot help.
    Local,
    /// No answer came; `transient` when the next attempt may well get one.
    NoAnswer {
        /// False for what stays wrong until a person acts, such as an untrusted certificate.
        transient: bool,
    },
    /// Success by its status, but not written by the Agent API.
    Undecodable,
    /// An answer that is not a success.
    Status(u16),
}

/// One failed attempt, as far as it matters for the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub kind: Kind,
    /// How long the endpoint asks to be left alone.
    pub retry_after: Option<Duration>,
}

/// Which failures are worth another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retries {
    /// None.
    Never,
    /// All that reached for the network, whatever came back.
    Any,
    /// What passes by itself: 429, 5xx, undecodable, transient lack of an answer.
    Standard,
    /// All but an answer that says no: a 4xx other than 429.
    UnlessRefused,
    /// What passes by itself, and what is held for somebody else.
    UntilFree,
    /// Lack of a true answer only, or an answer that names a time to come back. Any other answer
    /// is final, because the caller has a better next step than asking again.
    Unanswered,
}

impl Retries {
    fn allow(self, failure: Failure) -> bool {
        match failure.kind {
            Kind::Local => false,
            Kind::Undecodable => self != Self::Never,
            Kind::NoAnswer { transient } => match self {
                Self::Never => false,
                Self::Any | Self::UnlessRefused | Self::UntilFree => true,
                Self::Standard | Self::Unanswered => transient,
            },
            Kind::Status(status) => match self {
                Self::Never => false,
                Self::Any => true,
                Self::Standard => status == 429 || status >= 500,
                Self::UntilFree => matches!(status, LOCKED | 429) || status >= 500,
                Self::UnlessRefused => status == 429 || !(400..500).contains(&status),
                Self::Unanswered => failure.retry_after.is_some(),
            },
        }
    }
}

/// The whole retry rule of one route.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// Growth of the waits.
    pub schedule: Schedule,
    /// Random addition to each.
    pub jitter: Jitter,
    /// Upper bound of a scheduled wait. A `Retry-After` may be longer.
    pub longest: Duration,
    /// Most attempts, the first included. None: as many as fit into `overall`.
    pub attempts: Option<u32>,
    /// Most time from the first attempt on.
    pub overall: Option<Duration>,
    /// Which failures count as passing.
    pub retries: Retries,
}

/// What to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Wait this long, then try again.
    Wait(Duration),
    /// The last failure is the result.
    GiveUp,
}

/// Counts the failures of one request and decides after each.
#[derive(Debug, Clone)]
pub struct Retry {
    policy: Policy,
    failures: u32,
}

impl Retry {
    /// Starts with no failure.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            failures: 0,
        }
    }

    /// How many attempts failed so far.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Records a failure and decides. `elapsed` is the time since the first attempt began, `random`
    /// a number in `[0, 1)`.
    ///
    /// A `Retry-After` replaces the scheduled wait, exactly and without jitter. A wait that would
    /// end after the overall limit is not begun.
    pub fn next(&mut self, failure: Failure, elapsed: Duration, random: f64) -> Decision {
        let n = self.failures;
        self.failures = n.saturating_add(1);
        let spent = self
            .policy
            .attempts
            .is_some_and(|most| self.failures >= most);
        if spent || !self.policy.retries.allow(failure) {
            return Decision::GiveUp;
        }
        let wait = failure.retry_after.unwrap_or_else(|| {
            let scheduled = self.policy.schedule.wait(n).min(self.policy.longest);
            self.policy.jitter.apply(scheduled, random)
        });
        let ends = elapsed.saturating_add(wait);
        if self.policy.overall.is_some_and(|limit| ends >= limit) {
            return Decision::GiveUp;
        }
        Decision::Wait(wait)
    }
}

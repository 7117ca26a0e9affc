//! When what runs for the job has to end, as a machine of values: a signal cancels the job, a time
//! limit ends an attempt, and what may still run afterwards has so much time and no more.
//!
//! After the first signal, with `signal` and `cancel` for the two grace periods:
//!
//! | part | starts until | is asked to end | is killed |
//! |---|---|---|---|
//! | the job's work | never | at once | `signal` after the signal |
//! | `post-command`, begun later | `signal` after its beginning | then | `cancel` after its beginning |
//! | `post-command`, begun before | `signal` after the signal | at once | `signal` after the signal |
//! | artifacts | `signal` after the signal | then | `cancel` after the signal |
//! | `pre-exit` | `cancel` after the signal | `signal` after it | `cancel` after it |
//!
//! A second signal kills what runs, and nothing starts any more.

use std::time::Duration;

use agent_process::Signal;
use tokio::time::Instant;

/// Later than any job lasts: for grace periods that no clock can hold.
const FAR: Duration = Duration::from_hours(24 * 365 * 100);

/// What a canceled job is given, from the signal on. `signal` is within `cancel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grace {
    /// For a child that was asked to end, until it is killed.
    pub(crate) signal: Duration,
    /// For everything.
    pub(crate) cancel: Duration,
}

/// What still runs once the job is canceled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// `post-command` hooks; their time begins with them.
    PostCommand,
    /// Uploading artifacts, with its hooks; its time begins at the signal.
    Artifacts,
    /// `pre-exit` hooks; their time begins at the signal.
    Ending,
}

/// What the job is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Everything that a cancellation ends.
    Work,
    /// What runs nevertheless, and since when.
    Rest(Rest, Instant),
}

/// Who wants the job to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nobody.
    Wanted,
    /// Somebody asked.
    Canceled { by: Signal, at: Instant },
    /// Somebody asked twice.
    Forced { first: Signal, last: Signal },
}

/// How the job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cancellation {
    grace: Grace,
    stage: Stage,
    part: Part,
    /// Until when the present attempt of something may take.
    limit: Option<Instant>,
    /// Whether a child had to be killed because its grace was over.
    overran: bool,
}

/// What was done to a running child so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pressure {
    /// Nothing.
    None,
    /// It was asked to end, or started too late to be asked.
    Asked,
    /// It was killed.
    Killed,
}

/// What to do to the running child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Send the configured cancel signal.
    Interrupt,
    /// Kill it.
    Kill,
}

/// Why nothing new is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// The job is canceled.
    Canceled,
    /// The time for the attempt is over.
    TimedOut,
}

/// When a running child is asked, and when it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Deadlines {
    ask: Instant,
    kill: Instant,
}

impl Cancellation {
    /// A job that begins.
    pub(crate) fn new(grace: Grace) -> Self {
        Self {
            grace,
            stage: Stage::Wanted,
            part: Part::Work,
            limit: None,
            overran: false,
        }
    }

    /// A signal arrived.
    #[must_use]
    pub(crate) fn on_signal(self, signal: Signal, now: Instant) -> Self {
        let stage = match self.stage {
            Stage::Wanted => Stage::Canceled {
                by: signal,
                at: now,
            },
            Stage::Canceled { by: first, .. } | Stage::Forced { first, .. } => Stage::Forced {
                first,
                last: signal,
            },
        };
        Self { stage, ..self }
    }

    /// From here on only this is run, canceled or not.
    #[must_use]
    pub(crate) fn on_rest(self, rest: Rest, now: Instant) -> Self {
        let part = Part::Rest(rest, now);
        Self { part, ..self }
    }

    /// What follows may take until then, or as long as it likes.
    #[must_use]
    pub(crate) fn on_limit(self, limit: Option<Instant>) -> Self {
        Self { limit, ..self }
    }

    /// A child was given this order.
    #[must_use]
    pub(crate) fn on_order(self, order: Order) -> Self {
        let kills = order == Order::Kill && matches!(self.stage, Stage::Canceled { .. });
        let overran = self.overran || kills;
        Self { overran, ..self }
    }

    /// Whether a child may start.
    pub(crate) fn open(self, now: Instant) -> Result<(), Closed> {
        let until = match self.stage {
            Stage::Wanted => None,
            Stage::Canceled { at, .. } => Some(self.starts_until(at)),
            Stage::Forced { .. } => Some(now),
        };
        if until.is_some_and(|until| now >= until) {
            return Err(Closed::Canceled);
        }
        if self.limit.is_some_and(|limit| now >= limit) {
            return Err(Closed::TimedOut);
        }
        Ok(())
    }

    /// What a child that starts now is spared: to be asked at once for what was over before it.
    pub(crate) fn pressure_on_new(self, now: Instant) -> Pressure {
        match self.deadlines() {
            Some(deadlines) if now >= deadlines.ask => Pressure::Asked,
            _ => Pressure::None,
        }
    }

    /// What to do to the running child now. Everyone is asked before he is killed, but for a
    /// second signal.
    pub(crate) fn order(self, pressure: Pressure, now: Instant) -> Option<Order> {
        if matches!(self.stage, Stage::Forced { .. }) {
            return (pressure < Pressure::Killed).then_some(Order::Kill);
        }
        let deadlines = self.deadlines()?;
        match pressure {
            Pressure::None if now >= deadlines.ask => Some(Order::Interrupt),
            Pressure::Asked if now >= deadlines.kill => Some(Order::Kill),
            _ => None,
        }
    }

    /// When [`Self::order`] has something to say, if no signal comes before.
    pub(crate) fn wakes_at(self, pressure: Pressure) -> Option<Instant> {
        let deadlines = self.deadlines()?;
        match pressure {
            Pressure::None => Some(deadlines.ask),
            Pressure::Asked => Some(deadlines.kill),
            Pressure::Killed => None,
        }
    }

    /// The signal that canceled the job.
    pub(crate) fn by(self) -> Option<Signal> {
        match self.stage {
            Stage::Wanted => None,
            Stage::Canceled { by, .. } => Some(by),
            Stage::Forced { first, .. } => Some(first),
        }
    }

    /// The signal that the executor ends by, so that whoever started it hears it: the one that
    /// canceled the job; `SIGKILL` if asking was not enough; a second one as if it had not been
    /// caught.
    pub(crate) fn ends_by(self) -> Option<Signal> {
        match self.stage {
            Stage::Wanted => None,
            Stage::Canceled { .. } if self.overran => Some(Signal::KILL),
            Stage::Canceled { by, .. } => Some(by),
            Stage::Forced { last, .. } => Some(last),
        }
    }

    /// Until when something new may start in a job that was canceled `at` that time.
    fn starts_until(self, at: Instant) -> Instant {
        match self.part {
            Part::Work => at,
            Part::Rest(Rest::PostCommand, since) => after(since.max(at), self.grace.signal),
            Part::Rest(Rest::Artifacts, _) => after(at, self.grace.signal),
            Part::Rest(Rest::Ending, _) => after(at, self.grace.cancel),
        }
    }

    fn deadlines(self) -> Option<Deadlines> {
        let Grace { signal, cancel } = self.grace;
        let asked = |at| Deadlines {
            ask: at,
            kill: after(at, signal),
        };
        let left = |from| Deadlines {
            ask: after(from, signal),
            kill: after(from, cancel),
        };
        let limit = self.limit.map(asked);
        let cancel = match (self.stage, self.part) {
            (Stage::Wanted | Stage::Forced { .. }, _) => None,
            (Stage::Canceled { at, .. }, Part::Work) => Some(asked(at)),
            (Stage::Canceled { at, .. }, Part::Rest(Rest::PostCommand, since)) => {
                Some(if since >= at { left(since) } else { asked(at) })
            }
            (Stage::Canceled { at, .. }, Part::Rest(Rest::Artifacts | Rest::Ending, _)) => {
                Some(left(at))
            }
        };
        match (limit, cancel) {
            (Some(a), Some(b)) => Some(Deadlines {
                ask: a.ask.min(b.ask),
                kill: a.kill.min(b.kill),
            }),
            (one, other) => one.or(other),
        }
    }
}

fn after(from: Instant, time: Duration) -> Instant {
    from.checked_add(time).unwrap_or_else(|| from + FAR)
}

#[cfg(test)]
mod tests;

//! The one place where a job changes its state.
//!
//! A refused event gives the state back unchanged, so that nothing is lost with it. Events that a
//! worker repeats because an answer went astray (accept, start, the very same finish) are granted
//! again without effect.

use std::time::Duration;

use shared_protocol::AgentId;
use thiserror::Error;

use crate::{CancelReason, EndReason, Event, Finished, Moment, Report, State, Verdict};

/// Why an event did not apply. Each text is for the one who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum Refusal {
    /// The job is over.
    #[error("the job is already finished")]
    Finished,
    /// Another worker has it.
    #[error("the job belongs to another agent")]
    Taken,
    /// It was never offered to this worker, or was taken back.
    #[error("the job is not offered to this agent; ping for another")]
    NotOffered,
    /// The offer ran out before the worker answered.
    #[error("the offer ran out before it was accepted; ping for another")]
    OfferOver,
    /// It has to be accepted first.
    #[error("the job was not accepted yet; accept it first")]
    NotAccepted,
    /// A step before it has not passed.
    #[error("the job still waits for a step before it")]
    StillWaiting,
    /// The step before it is long past.
    #[error("the job does not wait for a step any more")]
    NotWaiting,
    /// A timer fired for something that is not so any more.
    #[error("the time limit does not apply to the job as it is now")]
    NotDue,
}

/// A refused event: the job as it was, and why.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{why}")]
pub struct Refused {
    /// The job, unchanged.
    pub state: State,
    /// Why.
    pub why: Refusal,
}

impl State {
    /// Applies `event`.
    ///
    /// # Errors
    /// [`Refused`] carries the unchanged state and the reason.
    pub fn next(self, event: Event, now: Moment) -> Result<Self, Refused> {
        match event {
            Event::Ready => self.ready(now),
            Event::Break => self.broken(now),
            Event::Assign { agent, lease } => self.assign(agent, lease, now),
            Event::Accept { agent } => self.accept(agent, now),
            Event::Start { agent } => self.start(agent, now),
            Event::Finish { agent, report } => self.finish(agent, report, now),
            Event::Cancel => self.cancel(CancelReason::Asked, now),
            Event::TimeUp => self.time_up(now),
            Event::StopOver => self.stop_over(now),
            Event::LeaseOver => self.lease_over(now),
            Event::AgentGone { agent } => self.agent_gone(&agent, now),
        }
    }

    fn refuse(self, why: Refusal) -> Result<Self, Refused> {
        Err(Refused { state: self, why })
    }

    fn ready(self, now: Moment) -> Result<Self, Refused> {
        match self {
            Self::Waiting => Ok(Self::Scheduled { since: now }),
            other => other.refuse(Refusal::NotWaiting),
        }
    }

    fn broken(self, now: Moment) -> Result<Self, Refused> {
        match self {
            Self::Waiting => Ok(untouched(Verdict::Broken, EndReason::EarlierStep, now)),
            other => other.refuse(Refusal::NotWaiting),
        }
    }

    /// The same worker asking again gets the same job with a fresh lease: its first answer was lost.
    fn assign(self, to: AgentId, lease: Duration, now: Moment) -> Result<Self, Refused> {
        match self {
            Self::Scheduled { .. } => Ok(Self::assigned(to, lease, now)),
            Self::Assigned { ref agent, .. } if *agent == to => Ok(Self::assigned(to, lease, now)),
            Self::Waiting => self.refuse(Refusal::StillWaiting),
            Self::Finished(_) => self.refuse(Refusal::Finished),
            other => other.refuse(Refusal::Taken),
        }
    }

    fn assigned(agent: AgentId, lease: Duration, now: Moment) -> Self {
        Self::Assigned {
            agent,
            until: now.plus(lease),
        }
    }

    fn accept(self, by: AgentId, now: Moment) -> Result<Self, Refused> {
        match self {
            Self::Assigned { ref agent, until } if *agent == by => {
                if now < until {
                    Ok(Self::Accepted { agent: by, at: now })
                } else {
                    self.refuse(Refusal::OfferOver)
                }
            }
            Self::Accepted { ref agent, .. } if *agent == by => Ok(self),
            Self::Waiting | Self::Scheduled { .. } => self.refuse(Refusal::NotOffered),
            Self::Finished(_) => self.refuse(Refusal::Finished),
            other => other.refuse_holder(&by, Refusal::NotOffered),
        }
    }

    /// Starting a job that is to stop is granted: the worker learns of the cancel when it polls,
    /// and ends the job in its own orderly way.
    fn start(self, by: AgentId, now: Moment) -> Result<Self, Refused> {
        match self {
            Self::Accepted { ref agent, .. } if *agent == by => Ok(Self::Running {
                agent: by,
                started: now,
            }),
            Self::Running { ref agent, .. } if *agent == by => Ok(self),
            Self::Canceling {
                ref agent,
                started,
                since,
                why,
            } if *agent == by => Ok(Self::Canceling {
                agent: by,
                started: started.or(Some(now)),
                since,
                why,
            }),
            Self::Finished(_) => self.refuse(Refusal::Finished),
            other => other.refuse_holder(&by, Refusal::NotAccepted),
        }
    }

    fn finish(self, by: AgentId, report: Report, now: Moment) -> Result<Self, Refused> {
        match self {
            Self::Accepted { ref agent, .. } if *agent == by => {
                Ok(reported(by, None, None, report, now))
            }
            Self::Running { ref agent, started } if *agent == by => {
                Ok(reported(by, Some(started), None, report, now))
            }
            Self::Canceling {
                ref agent,
                started,
                why,
                ..
            } if *agent == by => Ok(reported(by, started, Some(why), report, now)),
            Self::Finished(ref end) if end.repeats(&by, &report) => Ok(self),
            Self::Finished(_) => self.refuse(Refusal::Finished),
            other => other.refuse_holder(&by, Refusal::NotAccepted),
        }
    }

    fn cancel(self, why: CancelReason, now: Moment) -> Result<Self, Refused> {
        match self {
            Self::Waiting | Self::Scheduled { .. } | Self::Assigned { .. } => {
                Ok(untouched(why.verdict(), EndReason::CanceledEarly, now))
            }
            Self::Accepted { agent, .. } => Ok(Self::Canceling {
                agent,
                started: None,
                since: now,
                why,
            }),
            Self::Running { agent, started } => Ok(Self::Canceling {
                agent,
                started: Some(started),
                since: now,
                why,
            }),
            Self::Canceling { .. } => Ok(self),
            Self::Finished(_) => self.refuse(Refusal::Finished),
        }
    }

    fn time_up(self, now: Moment) -> Result<Self, Refused> {
        match self {
            Self::Running { .. } => self.cancel(CancelReason::TimeLimit, now),
            Self::Finished(_) => self.refuse(Refusal::Finished),
            other => other.refuse(Refusal::NotDue),
        }
    }

    fn lease_over(self, now: Moment) -> Result<Self, Refused> {
        match self {
            Self::Assigned { until, .. } if until <= now => Ok(Self::Scheduled { since: now }),
            Self::Finished(_) => self.refuse(Refusal::Finished),
            other => other.refuse(Refusal::NotDue),
        }
    }

    /// An offer goes back to the queue. An accepted job may have run in part, so it ends instead.
    fn agent_gone(self, who: &AgentId, now: Moment) -> Result<Self, Refused> {
        let (agent, started, verdict) = match self {
            Self::Assigned { ref agent, .. } if agent == who => {
                return Ok(Self::Scheduled { since: now });
            }
            Self::Accepted { agent, .. } if agent == *who => (agent, None, Verdict::Failed),
            Self::Running { agent, started } if agent == *who => {
                (agent, Some(started), Verdict::Failed)
            }
            Self::Canceling {
                agent,
                started,
                why,
                ..
            } if agent == *who => (agent, started, why.verdict()),
            Self::Finished(_) => return self.refuse(Refusal::Finished),
            other => return other.refuse_holder(who, Refusal::NotOffered),
        };
        Ok(given_up(agent, started, verdict, EndReason::AgentLost, now))
    }

    fn stop_over(self, now: Moment) -> Result<Self, Refused> {
        match self {
            Self::Canceling {
                agent,
                started,
                why,
                ..
            } => {
                let reason = EndReason::NeverStopped;
                Ok(given_up(agent, started, why.verdict(), reason, now))
            }
            Self::Finished(_) => self.refuse(Refusal::Finished),
            other => other.refuse(Refusal::NotDue),
        }
    }

    /// `Taken` when somebody else holds the job, `otherwise` when nobody does or `who` does.
    fn refuse_holder(self, who: &AgentId, otherwise: Refusal) -> Result<Self, Refused> {
        let taken = self.holder().is_some_and(|holder| holder != who);
        self.refuse(if taken { Refusal::Taken } else { otherwise })
    }
}

impl Finished {
    /// Whether a worker merely says again what it said before.
    fn repeats(&self, by: &AgentId, report: &Report) -> bool {
        self.agent.as_ref() == Some(by)
            && self.reason == reason_of(report)
            && self.exit_status == Some(report.exit_status)
            && self.signal == report.signal
    }
}

fn reason_of(report: &Report) -> EndReason {
    report.reason.map_or(EndReason::Exited, EndReason::Reported)
}

/// The end as a worker reported it. A job that was to stop counts as stopped, whatever its command
/// managed to return.
fn reported(
    agent: AgentId,
    started: Option<Moment>,
    cancel: Option<CancelReason>,
    report: Report,
    now: Moment,
) -> State {
    let verdict = match cancel {
        Some(why) => why.verdict(),
        None if report.is_success() => Verdict::Passed,
        None => Verdict::Failed,
    };
    State::Finished(Finished {
        verdict,
        reason: reason_of(&report),
        agent: Some(agent),
        started,
        at: now,
        exit_status: Some(report.exit_status),
        signal: report.signal,
        chunks_failed: report.chunks_failed,
    })
}

/// The end of a job whose worker will not report one.
fn given_up(
    agent: AgentId,
    started: Option<Moment>,
    verdict: Verdict,
    reason: EndReason,
    now: Moment,
) -> State {
    State::Finished(Finished {
        verdict,
        reason,
        agent: Some(agent),
        started,
        at: now,
        exit_status: Some(-1),
        signal: None,
        chunks_failed: 0,
    })
}

/// The end of a job that no worker ever accepted.
fn untouched(verdict: Verdict, reason: EndReason, now: Moment) -> State {
    State::Finished(Finished {
        verdict,
        reason,
        agent: None,
        started: None,
        at: now,
        exit_status: None,
        signal: None,
        chunks_failed: 0,
    })
}

//! Sharing the host's job slots between agents, while one takes over from another. Pure.
//!
//! One agent serves; those before it only finish what they have. The one that serves gets the
//! slots that the others do not hold, so at no instant do more jobs run than the host is
//! configured for, and no job is killed or left without a slot.

use std::time::Duration;

use shared_handover::message::{Phase, Status, ToAgent};
use shared_slots::Digest;

/// How long an agent may go on without saying that it drains, before its idle workers are no longer
/// counted: it is deaf, and must not keep its successor from working.
const DEAF_AFTER: Duration = Duration::from_secs(30);

/// What an agent is here for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Duty {
    /// Not yet known to be fit; takes no jobs.
    Prove,
    /// Takes jobs.
    Serve,
    /// Finishes its jobs, then ends.
    Retire,
    /// Ends: as retiring, but asked as by a first SIGTERM.
    Stop,
    /// Ends now: running jobs are cancelled.
    Cancel,
}

/// What an agent was told last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Accept(u32),
    Drain,
    Stop,
    Cancel,
}

impl Order {
    pub(crate) const fn message(self) -> ToAgent {
        match self {
            Self::Accept(slots) => ToAgent::Accept { slots },
            Self::Drain => ToAgent::Drain,
            Self::Stop => ToAgent::Stop,
            Self::Cancel => ToAgent::Cancel,
        }
    }
}

/// An agent as the sharing sees it.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) duty: Duty,
    /// Workers it is configured for.
    pub(crate) spawn: u32,
    /// What it said last.
    pub(crate) status: Option<Status>,
    /// Whether it worked before this launcher came.
    pub(crate) adopted: bool,
    /// How long ago it was relieved; zero for one that was not.
    pub(crate) relieved_for: Duration,
}

impl Member {
    /// Slots that it holds although it does not serve. Until it says that it drains, each of its
    /// workers could still take a job; until it says anything, it could hold any number.
    fn holds(&self) -> u32 {
        let listens = self.relieved_for < DEAF_AFTER;
        match &self.status {
            None if self.duty == Duty::Prove && self.adopted => u32::MAX,
            None if self.duty == Duty::Retire && listens => u32::MAX,
            None => 0,
            Some(status) if status.phase == Phase::Serving && listens => {
                status.busy.saturating_add(status.ready)
            }
            Some(status) => status.busy,
        }
    }

    /// In how long it counts as deaf, unless it says that it drains before that.
    pub(crate) fn deaf_in(&self) -> Option<Duration> {
        let drains = |status: &Status| status.phase == Phase::Draining;
        let left = DEAF_AFTER.checked_sub(self.relieved_for)?;
        let is_awaited = self.duty == Duty::Retire && !self.status.as_ref().is_some_and(drains);
        (is_awaited && !left.is_zero()).then_some(left)
    }
}

/// The order for each member, in their order; `None` where there is nothing to say.
pub(crate) fn share_out(members: &[Member]) -> Vec<Option<Order>> {
    let held: u32 = members
        .iter()
        .filter(|member| member.duty != Duty::Serve)
        .map(Member::holds)
        .fold(0, u32::saturating_add);
    let order = |member: &Member| match member.duty {
        Duty::Prove => None,
        Duty::Serve => Some(Order::Accept(member.spawn.saturating_sub(held))),
        Duty::Retire => Some(Order::Drain),
        Duty::Stop => Some(Order::Stop),
        Duty::Cancel => Some(Order::Cancel),
    };
    members.iter().map(order).collect()
}

/// A switch from one agent to another that has not been announced yet.
#[derive(Debug, Clone)]
pub(crate) struct Switch {
    /// Version that is being replaced.
    pub(crate) from: String,
    /// What replaces it. It may be committed before the switch is announced: a quick job is proof.
    pub(crate) to: Digest,
    /// The time without a working worker so far.
    pub(crate) gap: Gap,
}

/// Measures the time in which no agent had a working worker, ready or busy.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Gap {
    open_since: Option<Duration>,
    total: Duration,
}

impl Gap {
    /// The number of working workers of all agents, now.
    pub(crate) fn workers(&mut self, count: u32, now: Duration) {
        if count == 0 {
            self.open_since.get_or_insert(now);
        } else if let Some(since) = self.open_since.take() {
            self.total += now.saturating_sub(since);
        }
    }

    /// The length of all gaps that are closed.
    pub(crate) const fn total(&self) -> Duration {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn member(duty: Duty, phase: Phase, ready: u32, busy: u32) -> Member {
        Member {
            duty,
            spawn: 3,
            status: Some(Status {
                phase,
                ready,
                busy,
                ..Status::default()
            }),
            adopted: false,
            relieved_for: Duration::ZERO,
        }
    }

    fn standby(duty: Duty) -> Member {
        member(duty, Phase::Standby, 0, 0)
    }

    #[test]
    fn a_lone_agent_gets_all_slots() {
        let alone = member(Duty::Serve, Phase::Serving, 3, 0);
        assert_eq!(share_out(&[alone]), [Some(Order::Accept(3))]);
    }

    #[test]
    fn an_unproved_agent_is_left_alone_and_takes_nothing() {
        let old = member(Duty::Serve, Phase::Serving, 2, 1);
        assert_eq!(
            share_out(&[old, standby(Duty::Prove)]),
            [Some(Order::Accept(3)), None]
        );
    }

    #[test]
    fn a_successor_waits_until_the_old_one_drains_and_grows_as_its_jobs_end() {
        let steps = [
            (Phase::Serving, 2, 1, 0),
            (Phase::Draining, 0, 1, 2),
            (Phase::Draining, 0, 0, 3),
        ];
        for (phase, ready, busy, slots) in steps {
            let old = member(Duty::Retire, phase, ready, busy);
            assert_eq!(
                share_out(&[old, standby(Duty::Serve)]),
                [Some(Order::Drain), Some(Order::Accept(slots))]
            );
        }
    }

    #[test]
    fn a_deaf_agent_keeps_only_its_jobs() {
        let mut deaf = member(Duty::Retire, Phase::Serving, 2, 1);
        deaf.relieved_for = DEAF_AFTER;
        let orders = share_out(&[deaf, standby(Duty::Serve)]);
        assert_eq!(orders[1], Some(Order::Accept(2)));
    }

    #[test]
    fn an_adopted_agent_that_has_not_spoken_yet_could_hold_all_slots() {
        let mut unheard = Member {
            status: None,
            ..standby(Duty::Retire)
        };
        let orders = share_out(&[unheard.clone(), standby(Duty::Serve)]);
        assert_eq!(orders[1], Some(Order::Accept(0)));
        unheard.relieved_for = DEAF_AFTER;
        let orders = share_out(&[unheard, standby(Duty::Serve)]);
        assert_eq!(orders[1], Some(Order::Accept(3)));
    }

    #[test]
    fn an_adopted_trial_that_has_not_spoken_yet_keeps_the_old_agent_from_taking_jobs() {
        let unheard = Member {
            status: None,
            adopted: true,
            ..standby(Duty::Prove)
        };
        let started = Member {
            adopted: false,
            ..unheard.clone()
        };
        for (other, slots) in [(unheard, 0), (started, 3)] {
            let old = member(Duty::Serve, Phase::Draining, 0, 1);
            assert_eq!(share_out(&[old, other])[0], Some(Order::Accept(slots)));
        }
    }

    #[test]
    fn only_who_does_not_drain_though_told_to_is_waited_for_as_deaf() {
        let half = DEAF_AFTER / 2;
        let relieved = |duty, phase, relieved_for| Member {
            relieved_for,
            ..member(duty, phase, 1, 0)
        };
        let cases = [
            (Duty::Retire, Phase::Serving, half, Some(half)),
            (Duty::Retire, Phase::Draining, half, None),
            (Duty::Retire, Phase::Serving, DEAF_AFTER, None),
            (Duty::Serve, Phase::Serving, Duration::ZERO, None),
        ];
        for (duty, phase, relieved_for, left) in cases {
            assert_eq!(relieved(duty, phase, relieved_for).deaf_in(), left);
        }
    }

    #[test]
    fn a_rejected_agent_that_never_spoke_holds_nothing() {
        let silent = Member {
            status: None,
            ..standby(Duty::Stop)
        };
        let old = member(Duty::Serve, Phase::Serving, 3, 0);
        assert_eq!(share_out(&[old, silent])[0], Some(Order::Accept(3)));
    }

    #[test]
    fn a_rejected_agent_hands_its_slots_back() {
        let rejected = member(Duty::Stop, Phase::Draining, 0, 1);
        let old = member(Duty::Serve, Phase::Draining, 0, 1);
        assert_eq!(
            share_out(&[old, rejected]),
            [Some(Order::Accept(2)), Some(Order::Stop)]
        );
    }

    #[test]
    fn a_gap_is_the_time_without_any_worker() {
        let seconds = Duration::from_secs;
        let mut gap = Gap::default();
        for (count, at) in [(2, 1), (0, 5), (0, 6), (1, 8), (0, 9)] {
            gap.workers(count, seconds(at));
        }
        assert_eq!(gap.total(), seconds(3));
    }

    proptest! {
        #[test]
        fn slots_are_never_given_twice(
            spawn in 0_u32..8,
            old in proptest::collection::vec((0_u32..4, 0_u32..4, any::<bool>()), 0..4),
        ) {
            let mut members: Vec<Member> = old
                .iter()
                .map(|&(ready, busy, drains)| {
                    let phase = if drains { Phase::Draining } else { Phase::Serving };
                    member(Duty::Retire, phase, if drains { 0 } else { ready }, busy)
                })
                .collect();
            let held: u32 = members.iter().map(Member::holds).sum();
            members.push(Member { spawn, ..standby(Duty::Serve) });
            let Some(Some(Order::Accept(slots))) = share_out(&members).pop() else {
                return Err(TestCaseError::fail("the serving agent got no slots"));
            };
            prop_assert!(slots == 0 || slots + held <= spawn);
        }
    }
}

//! The gate: what is known of an agent on trial, and the verdict that follows. Pure.
//!
//! It passes when it has lived long enough and answered, or has finished a real job, and the
//! endpoint has accepted it. It fails only on evidence from this host: it ended, it fell silent,
//! it never spoke, its self-test failed. A server that is down is no evidence at all.

use std::time::Duration;

use shared_handover::message::{Server, Status};
use shared_slots::Reason;

use crate::upgrade::Verdict;

/// Pings that may go unanswered before an agent counts as silent.
const MISSED_PINGS: u32 = 3;

/// Longest time between two pings while an agent is watched.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// Longest time between two pings of an agent that is not watched for a verdict.
const PULSE: Duration = Duration::from_mins(1);

/// How long an agent may take from its start to its first word.
const FIRST_WORD: Duration = Duration::from_secs(30);

/// How long an agent that takes jobs may stay unproved before it is taken back without a mark.
const PATIENCE: Duration = Duration::from_mins(30);

/// The limits of one gate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gate {
    /// How long an agent must live and answer.
    pub(crate) hold: Duration,
    /// How long it may take to its first word and through its self-test.
    pub(crate) first_word: Duration,
    /// Time between two pings.
    pub(crate) ping_interval: Duration,
    /// Time between two pings of an agent on which nothing depends but its jobs.
    pub(crate) pulse: Duration,
}

impl Gate {
    /// The limits for a given gate time. A short gate, as in tests, makes the others shorter too.
    pub(crate) fn new(hold: Duration) -> Self {
        // A machine that is busy with tests must not make a good agent look silent.
        let (first_word, ping) = (Duration::from_secs(2), Duration::from_millis(400));
        let pulse = Duration::from_secs(2);
        Self {
            hold,
            first_word: hold.clamp(first_word, FIRST_WORD),
            ping_interval: (hold / 4).clamp(ping, PING_INTERVAL),
            pulse: hold.clamp(pulse, PULSE),
        }
    }
}

/// What is known of the agent on trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Facts {
    /// Since it was started or adopted.
    pub(crate) age: Duration,
    /// Whether it has ended.
    pub(crate) ended: bool,
    /// Outcome of its self-test, once it has said so.
    pub(crate) self_test: Option<bool>,
    /// Pings in a row without an answer, the open one not counted.
    pub(crate) missed: u32,
    /// Whether it has answered a ping.
    pub(crate) answered: bool,
    /// Since it was told to take jobs; `None` while another agent still holds all slots.
    pub(crate) serving: Option<Duration>,
    /// Jobs it finished.
    pub(crate) jobs_done: u64,
    /// Whether the endpoint accepted it.
    pub(crate) accepted: bool,
}

impl Facts {
    /// Takes over what the agent says of itself.
    pub(crate) fn learn(&mut self, status: &Status) {
        self.jobs_done = self.jobs_done.max(status.jobs_done);
        self.accepted |= status.server == Server::Accepted;
    }

    /// Whether it may take jobs: it has spoken, and its self-test passed.
    pub(crate) fn is_fit(&self) -> bool {
        !self.ended && self.self_test == Some(true)
    }
}

/// The verdict; `None` while there is none. `can_go_back` is whether another version could run
/// instead: without one there is nothing to withdraw to.
pub(crate) fn judge(facts: &Facts, gate: &Gate, can_go_back: bool) -> Option<Verdict> {
    if facts.ended {
        return Some(Verdict::Reject(Reason::ExitedOnTrial));
    }
    match facts.self_test {
        Some(false) => return Some(Verdict::Reject(Reason::SelfTestFailed)),
        None if facts.age >= gate.first_word => return Some(Verdict::Reject(Reason::NoAnswer)),
        _ if facts.missed >= MISSED_PINGS => return Some(Verdict::Reject(Reason::NoAnswer)),
        None => return None,
        Some(true) => {}
    }
    let held = facts.age >= gate.hold && facts.answered && facts.missed == 0;
    if facts.accepted && (held || facts.jobs_done > 0) {
        return Some(Verdict::Commit);
    }
    let out_of_patience = facts.serving.is_some_and(|serving| serving >= PATIENCE);
    (out_of_patience && can_go_back).then_some(Verdict::Withdraw)
}

/// Asks an agent at intervals whether it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Pulse {
    sent: u64,
    answered: u64,
    due: Duration,
    missed: u32,
}

impl Pulse {
    /// The number of the ping to send now, if one is due.
    pub(crate) fn beat(&mut self, now: Duration, interval: Duration) -> Option<u64> {
        if now < self.due {
            return None;
        }
        if self.sent > self.answered {
            self.missed += 1;
        }
        self.sent += 1;
        self.due = now + interval;
        Some(self.sent)
    }

    /// An answer came.
    pub(crate) fn answer(&mut self, seq: u64) {
        if seq > self.answered && seq <= self.sent {
            self.answered = seq;
            self.missed = 0;
        }
    }

    /// Pings in a row that were not answered in their interval.
    pub(crate) const fn missed(&self) -> u32 {
        self.missed
    }

    /// Whether any was answered.
    pub(crate) const fn was_answered(&self) -> bool {
        self.answered > 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GATE_SECONDS: u64 = 60;

    /// How a case differs from a good agent.
    type Change = fn(&mut Facts);

    fn gate() -> Gate {
        Gate::new(Duration::from_secs(GATE_SECONDS))
    }

    /// An agent that has done all there is to do, except wait.
    fn good(age: u64) -> Facts {
        Facts {
            age: Duration::from_secs(age),
            self_test: Some(true),
            answered: true,
            accepted: true,
            serving: Some(Duration::from_secs(age)),
            ..Facts::default()
        }
    }

    #[test]
    fn the_gate_decides_as_the_table_says() {
        let reject = |reason| Some(Verdict::Reject(reason));
        let cases: [(&str, u64, Change, Option<Verdict>); 13] = [
            ("young", 59, |_| {}, None),
            ("old enough", 60, |_| {}, Some(Verdict::Commit)),
            (
                "a job is done",
                2,
                |f| f.jobs_done = 1,
                Some(Verdict::Commit),
            ),
            ("never accepted", 600, |f| f.accepted = false, None),
            (
                "a job, not accepted",
                5,
                |f| (f.accepted, f.jobs_done) = (false, 1),
                None,
            ),
            ("no pong yet", 60, |f| f.answered = false, None),
            ("two pongs missed", 60, |f| f.missed = 2, None),
            (
                "three missed",
                60,
                |f| f.missed = 3,
                reject(Reason::NoAnswer),
            ),
            (
                "ended",
                60,
                |f| f.ended = true,
                reject(Reason::ExitedOnTrial),
            ),
            (
                "self-test",
                60,
                |f| f.self_test = Some(false),
                reject(Reason::SelfTestFailed),
            ),
            ("silent, young", 29, |f| f.self_test = None, None),
            (
                "silent",
                30,
                |f| f.self_test = None,
                reject(Reason::NoAnswer),
            ),
            (
                "unproved",
                1800,
                |f| f.accepted = false,
                Some(Verdict::Withdraw),
            ),
        ];
        for (name, age, change, verdict) in cases {
            let mut facts = good(age);
            change(&mut facts);
            assert_eq!(judge(&facts, &gate(), true), verdict, "{name}");
        }
    }

    #[test]
    fn an_unproved_agent_stays_when_nothing_else_could_run_or_it_never_had_a_slot() {
        let mut facts = good(90_000);
        facts.accepted = false;
        assert_eq!(judge(&facts, &gate(), false), None);
        facts.serving = None;
        assert_eq!(judge(&facts, &gate(), true), None);
    }

    #[test]
    fn a_server_that_fails_later_does_not_take_its_word_back() {
        let mut facts = Facts::default();
        let status = |server| Status {
            server,
            ..Status::default()
        };
        facts.learn(&status(Server::Accepted));
        facts.learn(&status(Server::Failing));
        assert!(facts.accepted);
    }

    #[test]
    fn a_pulse_counts_what_is_not_answered_in_time() {
        let second = Duration::from_secs(1);
        let mut pulse = Pulse::default();
        assert_eq!(pulse.beat(second, second), Some(1));
        assert_eq!(pulse.beat(second, second), None);
        assert_eq!(pulse.beat(second * 2, second), Some(2));
        assert_eq!(pulse.beat(second * 3, second), Some(3));
        assert_eq!((pulse.missed(), pulse.was_answered()), (2, false));
        pulse.answer(9);
        assert_eq!(pulse.missed(), 2);
        pulse.answer(3);
        assert_eq!((pulse.missed(), pulse.was_answered()), (0, true));
    }

    proptest! {
        #[test]
        fn nothing_is_committed_without_evidence(
            age in 0_u64..10_000, ended: bool, self_test: Option<bool>, missed in 0_u32..5,
            answered: bool, serving in proptest::option::of(0_u64..10_000), jobs_done in 0_u64..3,
            accepted: bool, can_go_back: bool,
        ) {
            let facts = Facts {
                age: Duration::from_secs(age), ended, self_test, missed, answered,
                serving: serving.map(Duration::from_secs), jobs_done, accepted,
            };
            match judge(&facts, &gate(), can_go_back) {
                Some(Verdict::Commit) => {
                    prop_assert!(facts.is_fit() && accepted && missed < MISSED_PINGS);
                    prop_assert!(jobs_done > 0 || (answered && age >= GATE_SECONDS));
                }
                Some(Verdict::Reject(_)) => prop_assert!(
                    ended || missed >= MISSED_PINGS || self_test != Some(true)
                ),
                Some(Verdict::Withdraw) => prop_assert!(can_go_back && facts.is_fit()),
                Some(Verdict::Overtaken) => prop_assert!(false, "no gate can know"),
                None => prop_assert!(!ended && self_test != Some(false)),
            }
        }
    }
}

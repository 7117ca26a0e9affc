//! The job machine as a table of every state and event, and what must hold over any history.

use std::time::Duration;

use proptest::prelude::*;
use server_jobs::{
    CancelReason, EndReason, Event, Finished, Moment, Refusal, Report, State, Verdict,
};
use shared_protocol::{AgentId, SignalReason};

const LEASE: Duration = Duration::from_secs(10);
const NOW: Moment = Moment::from_millis(100_000);

fn agent(name: &str) -> AgentId {
    AgentId::new(name)
}

fn exit(exit_status: i32) -> Report {
    Report {
        exit_status,
        signal: None,
        reason: None,
        chunks_failed: 0,
    }
}

fn assigned(until: Moment) -> State {
    State::Assigned {
        agent: agent("a"),
        until,
    }
}

fn canceling(why: CancelReason) -> State {
    State::Canceling {
        agent: agent("a"),
        started: None,
        since: NOW,
        why,
    }
}

fn ended(verdict: Verdict, exit_status: i32) -> State {
    State::Finished(Finished {
        verdict,
        reason: EndReason::Exited,
        agent: Some(agent("a")),
        started: None,
        at: NOW,
        exit_status: Some(exit_status),
        signal: None,
        chunks_failed: 0,
    })
}

fn states() -> Vec<(&'static str, State)> {
    vec![
        ("waiting", State::Waiting),
        ("scheduled", State::Scheduled { since: NOW }),
        ("offered", assigned(NOW.plus(LEASE))),
        ("offer over", assigned(NOW)),
        (
            "accepted",
            State::Accepted {
                agent: agent("a"),
                at: NOW,
            },
        ),
        (
            "running",
            State::Running {
                agent: agent("a"),
                started: NOW,
            },
        ),
        ("canceling", canceling(CancelReason::Asked)),
        ("timing out", canceling(CancelReason::TimeLimit)),
        ("finished", ended(Verdict::Passed, 0)),
    ]
}

/// One row per event, one column per state of [`states`], in that order. `!` marks a refusal.
fn table() -> Vec<(Event, &'static str)> {
    let a = || agent("a");
    let b = || agent("b");
    let finish = |who, status| Event::Finish {
        agent: who,
        report: exit(status),
    };
    vec![
        (Event::Ready, "scheduled ! ! ! ! ! ! ! !"),
        (Event::Break, "broken ! ! ! ! ! ! ! !"),
        (
            Event::Assign {
                agent: a(),
                lease: LEASE,
            },
            "! assigned assigned assigned ! ! ! ! !",
        ),
        (
            Event::Assign {
                agent: b(),
                lease: LEASE,
            },
            "! assigned ! ! ! ! ! ! !",
        ),
        (
            Event::Accept { agent: a() },
            "! ! accepted ! accepted ! ! ! !",
        ),
        (Event::Accept { agent: b() }, "! ! ! ! ! ! ! ! !"),
        (
            Event::Start { agent: a() },
            "! ! ! ! running running canceling timing_out !",
        ),
        (Event::Start { agent: b() }, "! ! ! ! ! ! ! ! !"),
        (
            finish(a(), 0),
            "! ! ! ! passed passed canceled timed_out passed",
        ),
        (finish(a(), 3), "! ! ! ! failed failed canceled timed_out !"),
        (finish(b(), 0), "! ! ! ! ! ! ! ! !"),
        (
            Event::Cancel,
            "canceled canceled canceled canceled canceling canceling canceling timing_out !",
        ),
        (Event::TimeUp, "! ! ! ! ! timing_out ! ! !"),
        (Event::StopOver, "! ! ! ! ! ! canceled timed_out !"),
        (Event::LeaseOver, "! ! ! scheduled ! ! ! ! !"),
        (
            Event::AgentGone { agent: a() },
            "! ! scheduled scheduled failed failed canceled timed_out !",
        ),
        (Event::AgentGone { agent: b() }, "! ! ! ! ! ! ! ! !"),
    ]
}

#[test]
fn every_event_in_every_state_does_what_the_table_says() {
    for (event, row) in table() {
        let cells: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(cells.len(), states().len(), "{event:?}");
        for ((name, state), cell) in states().into_iter().zip(cells) {
            let outcome = state.clone().next(event.clone(), NOW);
            let shown = outcome.as_ref().map_or("!", State::name);
            assert_eq!(shown, cell, "{name}: {event:?}");
            if let Err(refused) = outcome {
                assert_eq!(
                    refused.state, state,
                    "a refusal gives the job back: {name} {event:?}"
                );
            }
        }
    }
}

#[test]
fn a_refusal_says_what_was_wrong() {
    let accept = |who| Event::Accept { agent: agent(who) };
    let why = |state: State, event| state.next(event, NOW).unwrap_err().why;
    assert_eq!(why(assigned(NOW), accept("a")), Refusal::OfferOver);
    assert_eq!(why(assigned(NOW.plus(LEASE)), accept("b")), Refusal::Taken);
    assert_eq!(
        why(State::Scheduled { since: NOW }, accept("a")),
        Refusal::NotOffered
    );
    assert_eq!(
        why(ended(Verdict::Passed, 0), accept("a")),
        Refusal::Finished
    );
    let start = Event::Start { agent: agent("a") };
    assert_eq!(why(assigned(NOW.plus(LEASE)), start), Refusal::NotAccepted);
}

#[test]
fn an_end_that_was_not_the_commands_own_is_a_failure_even_with_status_zero() {
    let running = State::Running {
        agent: agent("a"),
        started: NOW,
    };
    let report = Report {
        reason: Some(SignalReason::AgentStop),
        ..exit(0)
    };
    let event = Event::Finish {
        agent: agent("a"),
        report,
    };
    let State::Finished(end) = running.next(event, NOW).unwrap() else {
        panic!("finish must finish");
    };
    assert_eq!(end.verdict, Verdict::Failed);
    assert_eq!(end.reason, EndReason::Reported(SignalReason::AgentStop));
}

#[test]
fn a_runner_that_polls_for_a_lost_job_is_told_to_stop() {
    let running = State::Running {
        agent: agent("a"),
        started: NOW,
    };
    let lost = running
        .next(Event::AgentGone { agent: agent("a") }, NOW)
        .unwrap();
    assert_eq!(
        (lost.name(), lost.name_for_runner()),
        ("failed", "canceled")
    );
}

fn any_agent() -> impl Strategy<Value = AgentId> {
    prop_oneof![Just("a"), Just("b"), Just("c")].prop_map(AgentId::new)
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Ready),
        Just(Event::Break),
        any_agent().prop_map(|agent| Event::Assign {
            agent,
            lease: LEASE
        }),
        any_agent().prop_map(|agent| Event::Accept { agent }),
        any_agent().prop_map(|agent| Event::Start { agent }),
        (any_agent(), 0..2i32).prop_map(|(agent, status)| Event::Finish {
            agent,
            report: exit(status)
        }),
        Just(Event::Cancel),
        Just(Event::TimeUp),
        Just(Event::StopOver),
        Just(Event::LeaseOver),
        any_agent().prop_map(|agent| Event::AgentGone { agent }),
    ]
}

/// Whether a worker has been told that the job is its own.
const fn is_committed(state: &State) -> bool {
    matches!(
        state,
        State::Accepted { .. } | State::Running { .. } | State::Canceling { .. }
    )
}

proptest! {
    #[test]
    fn no_history_runs_a_job_twice_loses_it_or_revives_it(
        history in proptest::collection::vec((any_event(), 0..15_000u64), 1..60)
    ) {
        let mut state = State::Waiting;
        let mut now = NOW;
        let mut runner: Option<AgentId> = None;
        for (event, step) in history {
            now = now.plus(Duration::from_millis(step));
            let before = state.clone();
            state = match before.clone().next(event.clone(), now) {
                Ok(next) => next,
                Err(refused) => {
                    prop_assert_eq!(&refused.state, &before);
                    refused.state
                }
            };
            if before.is_finished() {
                prop_assert_eq!(&state, &before, "finished is final");
            }
            if is_committed(&before) {
                prop_assert!(
                    is_committed(&state) || state.is_finished(),
                    "an accepted job never returns to the queue: {:?}", event
                );
            }
            if is_committed(&state) {
                let holder = state.holder().cloned();
                prop_assert!(runner.is_none() || runner == holder, "a second worker got the job");
                runner = holder;
            }
        }
    }
}

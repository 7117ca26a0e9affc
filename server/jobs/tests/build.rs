//! Builds as their jobs say.

use proptest::prelude::*;
use server_jobs::{BuildState, Event, Moment, Report, State, build};
use shared_protocol::AgentId;

const NOW: Moment = Moment::from_millis(1);

fn agent() -> AgentId {
    AgentId::new("a")
}

fn running() -> State {
    State::Running {
        agent: agent(),
        started: NOW,
    }
}

fn after(state: State, event: Event) -> State {
    state.next(event, NOW).expect("the event applies")
}

fn finished(exit_status: i32) -> State {
    let report = Report {
        exit_status,
        signal: None,
        reason: None,
        chunks_failed: 0,
    };
    after(
        running(),
        Event::Finish {
            agent: agent(),
            report,
        },
    )
}

/// `w`aiting, `s`cheduled, `r`unning, `x` canceling, `p`assed, `f`ailed, `c`anceled, `b`roken.
fn jobs(letters: &str) -> Vec<State> {
    let job = |letter| match letter {
        'w' => State::Waiting,
        's' => State::Scheduled { since: NOW },
        'r' => running(),
        'x' => after(running(), Event::Cancel),
        'p' => finished(0),
        'f' => finished(1),
        'c' => after(State::Waiting, Event::Cancel),
        'b' => after(State::Waiting, Event::Break),
        other => panic!("no job is called {other}"),
    };
    letters.chars().map(job).collect()
}

#[test]
fn a_builds_state_follows_from_its_jobs() {
    for (letters, expected) in [
        ("", "passed"),
        ("ww", "scheduled"),
        ("sw", "scheduled"),
        ("rw", "running"),
        ("pw", "running"),
        ("ps", "running"),
        ("xc", "canceling"),
        ("pp", "passed"),
        ("pf", "failed"),
        ("fbb", "failed"),
        ("pcc", "canceled"),
        ("pcb", "canceled"),
    ] {
        assert_eq!(
            BuildState::of(&jobs(letters)).as_str(),
            expected,
            "{letters}"
        );
    }
}

#[test]
fn steps_run_one_after_the_other_and_stop_at_the_first_that_does_not_pass() {
    for (letters, expected) in [
        ("ww", vec![(0, Event::Ready)]),
        ("sw", vec![]),
        ("rw", vec![]),
        ("pww", vec![(1, Event::Ready)]),
        ("pp", vec![]),
        ("fww", vec![(1, Event::Break), (2, Event::Break)]),
        ("pcw", vec![(2, Event::Break)]),
        ("fbb", vec![]),
    ] {
        assert_eq!(build::follow_up(&jobs(letters)), expected, "{letters}");
    }
}

proptest! {
    #[test]
    fn a_build_always_ends_and_runs_one_step_at_a_time(statuses in proptest::collection::vec(0..2i32, 0..8)) {
        let mut states = vec![State::Waiting; statuses.len()];
        for _ in 0..=2 * states.len() {
            for (place, event) in build::follow_up(&states) {
                states[place] = after(states[place].clone(), event);
            }
            let ready: Vec<usize> = (0..states.len()).filter(|&n| states[n].name() == "scheduled").collect();
            prop_assert!(ready.len() <= 1);
            if let Some(&n) = ready.first() {
                states[n] = finished(statuses[n]);
            }
        }
        let expected = if statuses.contains(&1) { BuildState::Failed } else { BuildState::Passed };
        prop_assert_eq!(BuildState::of(&states), expected);
        prop_assert_eq!(build::follow_up(&states), vec![]);
    }
}

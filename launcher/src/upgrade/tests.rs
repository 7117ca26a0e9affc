//! The state machine, by table and by chance.

use proptest::prelude::*;

use shared_slots::Reason;

use super::*;
use crate::keep_running::Luck;

const POLL: Duration = Duration::from_mins(5);

pub(super) fn digest(n: u8) -> Digest {
    Digest::from_bytes([n; 32])
}

pub(super) fn task(component: Component) -> Task {
    Task {
        component,
        version: "2".into(),
        digest: digest(2),
        size: 1,
        serial: 2,
        security: false,
        plugins: None,
        supply: Supply::Store,
        cause: Cause::Release,
    }
}

pub(super) fn now(seconds: u64) -> Now {
    Now {
        at: Duration::from_secs(seconds),
        poll: POLL,
        luck: Luck(u32::MAX),
    }
}

pub(super) fn start() -> Upgrade {
    Upgrade::Idle {
        due: Duration::ZERO,
        failures: 0,
    }
}

/// Plays events, one a second, and returns where they led and all effects.
fn play(mut state: Upgrade, events: impl IntoIterator<Item = Event>) -> (Upgrade, Vec<Effect>) {
    let mut effects = Vec::new();
    for (second, event) in (0..).zip(events) {
        let (next, more) = state.next(event, now(second));
        state = next;
        effects.extend(more);
    }
    (state, effects)
}

fn up_to_trial() -> Vec<Event> {
    vec![
        Event::Tick,
        Event::Checked(task(Component::Agent)),
        Event::Downloaded,
        Event::Staged,
        Event::Armed,
    ]
}

#[test]
fn an_agent_goes_through_every_step_in_order() {
    let mut events = up_to_trial();
    events.extend([Event::Judged(Verdict::Commit), Event::Settled]);
    let (state, effects) = play(start(), events);
    let agent = task(Component::Agent);
    assert_eq!(
        effects,
        [
            Effect::Check,
            Effect::Download(agent.clone()),
            Effect::Stage(agent.clone()),
            Effect::Arm(agent.clone()),
            Effect::StartTrial(agent.digest),
            Effect::Settle(agent.digest, Verdict::Commit),
            Effect::Sweep,
        ]
    );
    assert!(matches!(state, Upgrade::Idle { failures: 0, .. }));
}

#[test]
fn a_launcher_is_armed_and_then_left_to_the_bootstrapper() {
    let launcher = task(Component::Launcher);
    let events = [
        Event::Tick,
        Event::Checked(launcher.clone()),
        Event::Downloaded,
        Event::Staged,
        Event::Armed,
        Event::Tick,
    ];
    let (state, effects) = play(start(), events);
    assert_eq!(state, Upgrade::Leaving);
    assert_eq!(effects[3..], [Effect::Arm(launcher), Effect::Leave]);
}

#[test]
fn failures_are_spaced_out_and_success_forgets_them() {
    let mut state = start();
    let mut waits = Vec::new();
    let mut at = 0;
    for failures in 0..10 {
        (state, _) = state.next(Event::Tick, now(at));
        assert_eq!(state, Upgrade::Checking { failures });
        (state, _) = state.next(Event::Failed { rest: None }, now(at));
        let due = state.due().unwrap().as_secs();
        waits.push(due - at);
        at = due;
    }
    assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    (state, _) = play(state, []);
    (state, _) = state.next(Event::Tick, now(at));
    (state, _) = state.next(Event::NothingNew, now(at));
    assert!(matches!(state, Upgrade::Idle { failures: 0, .. }));
}

#[test]
fn a_file_that_came_wrong_does_not_keep_the_next_release_from_being_asked_for() {
    let task = task(Component::Agent);
    for state in [
        Upgrade::Downloading {
            task: task.clone(),
            received: (0, 0),
            failures: 3,
        },
        Upgrade::Staging { task, failures: 3 },
    ] {
        let (state, effects) = state.next(Event::Spoiled, now(0));
        assert_eq!(effects, []);
        assert_eq!(state.next(Event::AskNow, now(1)).1, [Effect::Check]);
    }
}

#[test]
fn a_server_may_ask_for_a_longer_rest_but_not_for_a_day() {
    for (asked, given) in [(0, 2), (90, 90), (86_400, 3_600)] {
        let failed = Event::Failed {
            rest: Some(Duration::from_secs(asked)),
        };
        let (state, _) = Upgrade::Checking { failures: 0 }.next(failed, now(0));
        assert_eq!(state.due(), Some(Duration::from_secs(given)));
    }
}

#[test]
fn an_announced_release_is_asked_for_at_once_but_not_against_the_back_off() {
    let due = Duration::from_secs(200);
    let calm = Upgrade::Idle { due, failures: 0 };
    assert_eq!(calm.next(Event::AskNow, now(1)).1, [Effect::Check]);
    let failing = Upgrade::Idle { due, failures: 2 };
    assert_eq!(
        failing.clone().next(Event::AskNow, now(1)),
        (failing, vec![])
    );
}

#[test]
fn a_rejected_trial_ends_in_a_wait_that_grows_with_each_rejection() {
    let verdict = Verdict::Reject(Reason::ExitedOnTrial);
    let mut state = start();
    let mut failures_seen = Vec::new();
    for _ in 0..3 {
        let mut events = up_to_trial();
        events.extend([Event::Judged(verdict), Event::Settled]);
        (state, _) = play(state, events);
        let Upgrade::Idle { failures, .. } = state else {
            panic!("{state:?}");
        };
        failures_seen.push(failures);
        state = Upgrade::Idle {
            due: Duration::ZERO,
            failures,
        };
    }
    assert_eq!(failures_seen, [1, 2, 3]);
}

#[test]
fn a_verdict_that_did_not_reach_the_page_is_judged_again() {
    let (state, _) = play(start(), up_to_trial());
    let (state, _) = state.next(Event::Judged(Verdict::Commit), now(9));
    let (state, effects) = state.next(Event::Failed { rest: None }, now(9));
    assert_eq!(state.trial(), Some(digest(2)));
    assert_eq!(effects, []);
}

#[test]
fn the_server_is_asked_during_a_trial_and_no_answer_but_a_verdict_ends_it() {
    let (trial, _) = play(start(), up_to_trial());
    let due = trial.due().unwrap().as_secs();
    assert_eq!(trial.clone().next(Event::Tick, now(due - 1)).1, []);
    for (event, at) in [(Event::Tick, due), (Event::AskNow, 5), (Event::Asked, 5)] {
        let (asked, effects) = trial.clone().next(event, now(at));
        assert_eq!(effects, [Effect::Check]);
        assert!(asked.awaits_answer() && asked.due().is_none());
        assert_eq!(asked.clone().next(Event::AskNow, now(at)).1, []);
        let rest = Some(Duration::from_mins(20));
        for (answer, next) in [
            (Event::NothingNew, 330),
            (Event::Failed { rest: None }, 330),
            (Event::Failed { rest }, 1200),
        ] {
            let (state, effects) = asked.clone().next(answer, now(at));
            assert_eq!((state.trial(), effects), (Some(digest(2)), vec![]));
            assert_eq!(state.due(), Some(Duration::from_secs(at + next)));
        }
    }
}

#[test]
fn what_overtook_a_trial_is_looked_at_without_delay() {
    let mut events = up_to_trial();
    events.extend([Event::Judged(Verdict::Overtaken), Event::Settled]);
    let (state, effects) = play(start(), events);
    assert_eq!(state, Upgrade::Checking { failures: 0 });
    let settle = Effect::Settle(digest(2), Verdict::Overtaken);
    assert_eq!(effects[5..], [settle, Effect::Sweep, Effect::Check]);
}

#[test]
fn a_version_that_fails_or_cannot_be_started_is_tried_again_within_a_minute() {
    let verdict = Verdict::Reject(Reason::ExitedOnTrial);
    let trial = Upgrade::Trying {
        digest: digest(2),
        due: Duration::ZERO,
        asked: true,
        failures: 20,
    };
    let (rejected, _) = play(trial.clone(), [Event::Judged(verdict), Event::Settled]);
    let (not_started, _) = play(trial, [Event::NotStarted]);
    for state in [rejected, not_started] {
        let due = state.due().unwrap();
        assert!((30..=61).contains(&due.as_secs()), "{state:?}");
    }
}

#[test]
fn a_trial_found_at_start_is_taken_up_again() {
    let (state, effects) = start().next(Event::Resumed(digest(5)), now(0));
    assert_eq!(state.trial(), Some(digest(5)));
    assert_eq!(effects, [Effect::StartTrial(digest(5))]);
}

fn blocked(until: Option<u64>) -> Event {
    Event::Blocked {
        task: task(Component::Agent),
        why: Block::Spread,
        until: until.map(Duration::from_secs),
    }
}

#[test]
fn what_waits_is_looked_at_anew_when_its_time_comes_or_the_rules_change() {
    let staging = Upgrade::Staging {
        task: task(Component::Agent),
        failures: 0,
    };
    let (state, effects) = staging.next(blocked(Some(20)), now(10));
    assert_eq!((state.step(), effects.len()), (Step::Waiting, 0));
    assert_eq!(state.clone().next(Event::Tick, now(19)).1, []);
    assert_eq!(state.clone().next(Event::Tick, now(20)).1, [Effect::Check]);
    assert_eq!(state.next(Event::AskNow, now(11)).1, [Effect::Check]);
}

#[test]
fn a_long_wait_does_not_keep_a_newer_release_from_being_seen() {
    for until in [None, Some(1_000_000)] {
        let (state, _) = Upgrade::Checking { failures: 0 }.next(blocked(until), now(0));
        assert!(state.due().unwrap() <= POLL.mul_f64(1.1), "{state:?}");
    }
}

#[test]
fn a_person_is_not_kept_waiting_by_the_back_off() {
    let failing = Upgrade::Idle {
        due: Duration::from_secs(200),
        failures: 2,
    };
    assert_eq!(failing.next(Event::Asked, now(1)).1, [Effect::Check]);
}

#[test]
fn a_fall_back_waits_for_nothing_but_a_page_that_is_being_written() {
    let (agent, launcher) = (task(Component::Agent), task(Component::Launcher));
    let (_, effects) = start().next(Event::FallBack(agent.clone()), now(0));
    assert_eq!(effects, [Effect::Arm(agent.clone())]);
    let downloading = Upgrade::Downloading {
        task: launcher.clone(),
        received: (9, 10),
        failures: 0,
    };
    let (_, effects) = downloading.next(Event::FallBack(agent.clone()), now(0));
    assert_eq!(effects, [Effect::Arm(agent.clone())]);
    let arming = Upgrade::Arming {
        task: launcher,
        failures: 0,
    };
    let (state, effects) = arming.clone().next(Event::FallBack(agent), now(0));
    assert_eq!((state, effects), (arming, vec![]));
}

fn any_verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Commit),
        Just(Verdict::Reject(Reason::NoAnswer)),
        Just(Verdict::Withdraw),
        Just(Verdict::Overtaken),
    ]
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => Just(Event::Tick),
        1 => Just(Event::AskNow),
        1 => Just(Event::Asked),
        1 => Just(blocked(None)),
        1 => Just(Event::Received(1, 2)),
        1 => Just(Event::FallBack(task(Component::Agent))),
        2 => Just(Event::Checked(task(Component::Agent))),
        1 => Just(Event::Checked(task(Component::Launcher))),
        1 => Just(Event::NothingNew),
        1 => Just(Event::Failed { rest: None }),
        1 => Just(Event::NotStarted),
        1 => Just(Event::Spoiled),
        2 => Just(Event::Downloaded),
        2 => Just(Event::Staged),
        2 => Just(Event::Armed),
        1 => Just(Event::Resumed(digest(3))),
        2 => any_verdict().prop_map(Event::Judged),
        2 => Just(Event::Settled),
    ]
}

/// The step that must have come before an effect, so that nothing is skipped. The questions that are
/// asked during a trial are left out.
fn follows(effect: &Effect, before: Option<&Effect>) -> bool {
    match effect {
        // A fall-back arms what is in the store.
        Effect::Check | Effect::StartTrial(_) | Effect::Arm(_) => true,
        Effect::Download(_) => before == Some(&Effect::Check),
        Effect::Stage(task) => before == Some(&Effect::Download(task.clone())),
        Effect::Leave => matches!(before, Some(Effect::Arm(_))),
        Effect::Settle(digest, _) => match before {
            Some(Effect::StartTrial(trial)) => trial == digest,
            // A verdict that did not reach the page.
            Some(Effect::Settle(settled, _)) => settled == digest,
            _ => false,
        },
        Effect::Sweep => matches!(before, Some(Effect::Settle(..))),
    }
}

proptest! {
    #[test]
    fn no_step_is_ever_skipped(events in proptest::collection::vec(any_event(), 0..60)) {
        let (mut state, mut effects) = (start(), Vec::new());
        for (second, event) in (0..).zip(events) {
            let on_trial = state.trial().is_some();
            let (next, more) = state.next(event, now(second));
            effects.extend(more.into_iter().filter(|effect| !on_trial || *effect != Effect::Check));
            state = next;
        }
        for (place, effect) in effects.iter().enumerate() {
            let before = place.checked_sub(1).map(|place| &effects[place]);
            prop_assert!(follows(effect, before), "{before:?} then {effect:?}");
        }
    }

    #[test]
    fn every_state_has_a_way_back_to_rest(
        events in proptest::collection::vec(any_event(), 0..60),
        verdict in any_verdict(),
    ) {
        let (mut state, _) = play(start(), events);
        let way_back = [
            Event::Failed { rest: None },
            Event::Judged(verdict),
            Event::Settled,
            Event::NothingNew,
        ];
        for event in way_back {
            (state, _) = state.next(event, now(100));
        }
        match state {
            Upgrade::Leaving => {}
            Upgrade::Idle { due, .. } | Upgrade::Waiting { due, .. } => prop_assert!(due <= now(100).at + POLL.mul_f64(1.1)),
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        }
    }
}

//! What may still run, and which signal goes out when, after each thing that can happen to a job.

use super::*;

const S: Duration = Duration::from_secs(1);

/// What happens to a job, at which second.
#[derive(Debug, Clone, Copy)]
enum Step {
    Signal(u32, Signal),
    Rest(u32, Rest),
}

use Order::{Interrupt, Kill};
use Rest::{Artifacts, Ending, PostCommand};
use Signal as Sig;
use Step::{Rest as Begin, Signal as Sent};

fn grace(signal: u32, cancel: u32) -> Grace {
    Grace {
        signal: S * signal,
        cancel: S * cancel,
    }
}

/// Where the steps lead, and the moment they count from.
fn after_steps(grace: Grace, steps: &[Step]) -> (Cancellation, Instant) {
    let zero = Instant::now();
    let mut state = Cancellation::new(grace);
    for step in steps {
        state = match *step {
            Sent(at, signal) => state.on_signal(signal, zero + S * at),
            Begin(at, rest) => state.on_rest(rest, zero + S * at),
        };
    }
    (state, zero)
}

/// Every order that a child which starts at second `start`, and never ends, gets; and when.
fn orders(state: Cancellation, zero: Instant, start: u32) -> Vec<(u64, Order)> {
    let mut now = zero + S * start;
    let mut pressure = state.pressure_on_new(now);
    let mut given = Vec::new();
    loop {
        while let Some(order) = state.order(pressure, now) {
            pressure = match order {
                Interrupt => Pressure::Asked,
                Kill => Pressure::Killed,
            };
            given.push(((now - zero).as_secs(), order));
        }
        match state.wakes_at(pressure) {
            Some(wake) => now = wake.max(now),
            None => return given,
        }
    }
}

/// A name, both grace periods, what happens, when a child starts, and the orders it gets.
type Orders = (
    &'static str,
    (u32, u32),
    &'static [Step],
    u32,
    &'static [(u64, Order)],
);

/// A name, both grace periods, what happens, and the last second at which a child may start.
type Starts = (&'static str, (u32, u32), &'static [Step], Option<u32>);

const TERM: Step = Sent(5, Sig::TERM);

#[rustfmt::skip]
const WORK: &[Orders] = &[
    ("nobody asked", (9, 10), &[], 0, &[]),
    ("asked", (9, 10), &[TERM], 0, &[(5, Interrupt), (14, Kill)]),
    ("without grace", (0, 10), &[TERM], 0, &[(5, Interrupt), (5, Kill)]),
    ("both the same", (10, 10), &[TERM], 0, &[(5, Interrupt), (15, Kill)]),
    ("nothing at all", (0, 0), &[TERM], 0, &[(5, Interrupt), (5, Kill)]),
    ("twice", (9, 10), &[TERM, Sent(6, Sig::INT)], 0, &[(0, Kill)]),
];

#[rustfmt::skip]
const REST: &[Orders] = &[
    ("post-command after the signal", (9, 10), &[TERM, Begin(14, PostCommand)], 14, &[(23, Interrupt), (24, Kill)]),
    ("the next one shares its time", (9, 10), &[TERM, Begin(6, PostCommand)], 12, &[(15, Interrupt), (16, Kill)]),
    ("a signal in post-command", (9, 10), &[Begin(3, PostCommand), TERM], 3, &[(5, Interrupt), (14, Kill)]),
    ("the next one is not asked again", (9, 10), &[Begin(3, PostCommand), TERM], 7, &[(14, Kill)]),
    ("artifacts", (9, 10), &[TERM, Begin(6, Artifacts)], 6, &[(14, Interrupt), (15, Kill)]),
    ("a signal in pre-exit", (9, 10), &[Begin(3, Ending), TERM], 3, &[(14, Interrupt), (15, Kill)]),
    ("pre-exit after a kill", (9, 10), &[TERM, Begin(14, Ending)], 14, &[(15, Kill)]),
    ("pre-exit, both the same", (10, 10), &[TERM, Begin(6, Ending)], 6, &[(15, Interrupt), (15, Kill)]),
    ("nobody asks pre-exit", (9, 10), &[Begin(3, Ending)], 3, &[]),
    ("twice in pre-exit", (9, 10), &[Begin(3, Ending), TERM, TERM], 3, &[(3, Kill)]),
];

#[rustfmt::skip]
const STARTS: &[Starts] = &[
    ("nobody asked", (9, 10), &[Begin(3, Ending)], Some(u32::MAX)),
    ("work", (9, 10), &[TERM], None),
    ("post-command after a kill", (9, 10), &[TERM, Begin(14, PostCommand)], Some(22)),
    ("post-command with the signal in it", (9, 10), &[Begin(3, PostCommand), TERM], Some(13)),
    ("post-command without grace", (0, 9), &[TERM, Begin(6, PostCommand)], None),
    ("artifacts", (9, 10), &[TERM, Begin(6, Artifacts)], Some(13)),
    ("pre-exit", (9, 10), &[TERM, Begin(6, Ending)], Some(14)),
    ("pre-exit, both the same", (9, 9), &[TERM, Begin(6, Ending)], Some(13)),
    ("pre-exit without grace", (0, 0), &[TERM, Begin(6, Ending)], None),
    ("pre-exit, canceled twice", (9, 10), &[TERM, TERM, Begin(6, Ending)], None),
    ("pre-exit, canceled twice in it", (9, 10), &[Begin(3, Ending), TERM, TERM], None),
];

#[test]
fn a_child_is_asked_and_killed_at_the_times_of_its_part() {
    for (name, (signal, cancel), steps, start, wanted) in WORK.iter().chain(REST) {
        let (state, zero) = after_steps(grace(*signal, *cancel), steps);
        assert_eq!(&orders(state, zero, *start), wanted, "{name}");
    }
}

#[test]
fn what_starts_after_a_signal_has_its_last_moment() {
    for (name, (signal, cancel), steps, last) in STARTS {
        let (state, zero) = after_steps(grace(*signal, *cancel), steps);
        let Some(last) = *last else {
            assert_eq!(state.open(zero + S * 6), Err(Closed::Canceled), "{name}");
            continue;
        };
        assert_eq!(state.open(zero + S * last), Ok(()), "{name}");
        if let Some(late) = last.checked_add(1) {
            let late = zero + S * late;
            assert_eq!(state.open(late), Err(Closed::Canceled), "{name}");
        }
    }
}

#[test]
fn the_executor_ends_by_what_whoever_canceled_has_to_hear() {
    let now = Instant::now();
    let new = Cancellation::new(grace(9, 10));
    assert_eq!((new.by(), new.ends_by()), (None, None));
    let canceled = new.on_signal(Sig::HUP, now).on_order(Interrupt);
    assert_eq!(
        (canceled.by(), canceled.ends_by()),
        (Some(Sig::HUP), Some(Sig::HUP))
    );
    assert_eq!(canceled.on_order(Kill).ends_by(), Some(Sig::KILL));
    let forced = canceled.on_signal(Sig::INT, now).on_order(Kill);
    assert_eq!(
        (forced.by(), forced.ends_by()),
        (Some(Sig::HUP), Some(Sig::INT))
    );
    let thrice = forced.on_signal(Sig::QUIT, now);
    assert_eq!(
        (thrice.by(), thrice.ends_by()),
        (Some(Sig::HUP), Some(Sig::QUIT))
    );
    assert_eq!(
        new.on_order(Kill).ends_by(),
        None,
        "a time limit is no cancellation"
    );
}

#[test]
fn a_time_limit_asks_and_kills_and_gives_way_to_what_comes_earlier() {
    let (new, zero) = after_steps(grace(3, 4), &[]);
    let limited = new.on_limit(Some(zero + S * 10));
    assert_eq!(orders(limited, zero, 0), [(10, Interrupt), (13, Kill)]);
    assert_eq!(limited.open(zero + S * 9), Ok(()));
    assert_eq!(limited.open(zero + S * 10), Err(Closed::TimedOut));
    assert_eq!(limited.on_limit(None), new);
    for (at, wanted) in [
        (2, [(2, Interrupt), (5, Kill)]),
        (12, [(10, Interrupt), (13, Kill)]),
    ] {
        let canceled = limited.on_signal(Sig::TERM, zero + S * at);
        assert_eq!(orders(canceled, zero, 0), wanted, "canceled at {at}");
    }
}

#[test]
fn a_grace_period_longer_than_any_clock_is_no_limit() {
    let huge = Grace {
        signal: Duration::MAX,
        cancel: Duration::MAX,
    };
    let year = Duration::from_hours(24 * 366);
    for steps in [
        vec![Sent(1, Sig::TERM)],
        vec![Sent(1, Sig::TERM), Begin(2, Ending)],
    ] {
        let (state, zero) = after_steps(huge, &steps);
        let mut pressure = state.pressure_on_new(zero);
        if state.order(pressure, zero + S).is_some() {
            pressure = Pressure::Asked;
        }
        assert_eq!(state.order(pressure, zero + year), None);
    }
}

mod any_order {
    use proptest::prelude::*;

    use super::*;

    fn step() -> impl Strategy<Value = Step> {
        let signal = prop_oneof![Just(Sig::TERM), Just(Sig::INT), Just(Sig::QUIT)];
        let rest = prop_oneof![Just(PostCommand), Just(Artifacts), Just(Ending)];
        prop_oneof![
            (0..30_u32, signal).prop_map(|(at, signal)| Sent(at, signal)),
            (0..30_u32, rest).prop_map(|(at, rest)| Begin(at, rest)),
        ]
    }

    fn time(step: &Step) -> u32 {
        match *step {
            Sent(at, _) | Begin(at, _) => at,
        }
    }

    proptest! {
        /// A canceled child gets its end, in the right order, within both grace periods; one that
        /// nobody canceled gets none.
        #[test]
        fn every_canceled_child_is_killed_in_the_end(
            mut steps in prop::collection::vec(step(), 0..5),
            signal in 0..12_u32,
            more in 0..12_u32,
        ) {
            steps.sort_by_key(time);
            let start = steps.last().map_or(0, time);
            let grace = grace(signal, signal + more);
            let (state, zero) = after_steps(grace, &steps);
            let given = orders(state, zero, start);
            if state.by().is_none() {
                prop_assert!(given.is_empty());
                prop_assert_eq!(state.open(zero + S * start), Ok(()));
                return Ok(());
            }
            let kinds: Vec<Order> = given.iter().map(|(_, order)| *order).collect();
            prop_assert!(kinds == [Kill] || kinds == [Interrupt, Kill], "{kinds:?}");
            prop_assert!(given.is_sorted_by_key(|(at, _)| *at));
            let (last, _) = given[given.len() - 1];
            prop_assert!(last <= u64::from(start + signal + more), "{given:?}");
        }
    }
}

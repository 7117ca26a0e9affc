//! The retry machine: exact waits, limits and verdicts, without a clock.

use std::time::Duration;

use proptest::prelude::*;
use shared_client::retry::{Decision, Failure, Jitter, Kind, Policy, Retries, Retry, Schedule};
use shared_client::routes;

const fn failure(kind: Kind) -> Failure {
    Failure {
        kind,
        retry_after: None,
    }
}

const BUSY: Failure = failure(Kind::Status(503));

/// Waits in seconds until the policy gives up, when every attempt fails at once.
fn waits(policy: Policy, failure: Failure, random: f64) -> Vec<f64> {
    let mut retry = Retry::new(policy);
    let mut elapsed = Duration::ZERO;
    let mut waits = Vec::new();
    while let Decision::Wait(wait) = retry.next(failure, elapsed, random) {
        elapsed += wait;
        waits.push(wait.as_secs_f64());
        assert!(waits.len() < 1000, "never gives up");
    }
    waits
}

fn assert_close(got: &[f64], want: &[f64]) {
    assert_eq!(got.len(), want.len(), "{got:?}");
    for (got, want) in got.iter().zip(want) {
        assert!((got - want).abs() <= want * 0.035, "{got} is not {want}");
    }
}

#[test]
fn each_schedule_gives_its_published_waits() {
    let table = |schedule: Schedule, n: u32| -> Vec<f64> {
        (0..n).map(|n| schedule.wait(n).as_secs_f64()).collect()
    };
    let millis = Duration::from_millis;
    assert_close(&table(Schedule::Const(millis(10_000)), 3), &[10.0; 3]);
    assert_close(
        &table(Schedule::Exp { base: 2.0 }, 6),
        &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0],
    );
    assert_close(
        &table(
            Schedule::ExpSub {
                initial: millis(500),
            },
            9,
        ),
        &[0.5, 0.74, 1.1, 1.6, 2.4, 3.5, 5.1, 7.6, 11.0],
    );
    assert_close(
        &table(
            Schedule::ExpSub {
                initial: millis(2000),
            },
            11,
        ),
        &[
            2.0, 3.2, 5.2, 8.3, 13.4, 21.5, 34.6, 55.6, 89.4, 143.9, 231.0,
        ],
    );
    assert_close(
        &table(
            Schedule::ExpSub {
                initial: millis(1000),
            },
            9,
        ),
        &[1.0, 1.5, 2.4, 3.7, 5.6, 8.7, 13.3, 20.5, 31.6],
    );
}

#[test]
fn each_route_waits_as_its_table_says() {
    assert_close(&waits(routes::REGISTER, BUSY, 0.5), &[10.0; 29]);
    assert_close(&waits(routes::CONNECT, BUSY, 0.5), &[5.0; 9]);
    assert_close(&waits(routes::DISCONNECT, BUSY, 0.5), &[1.0; 3]);
    assert_close(&waits(routes::HEARTBEAT, BUSY, 0.5), &[5.0; 9]);
    assert_close(&waits(routes::ONCE, BUSY, 0.5), &[]);
    assert_close(
        &waits(routes::START, BUSY, 0.5),
        &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0],
    );
    assert_close(
        &waits(routes::ACQUIRE, BUSY, 0.5),
        &[3.0, 4.0, 6.0, 10.0, 18.0, 34.0],
    );
    assert_close(
        &waits(routes::FINISH, BUSY, 0.0)[..10],
        &[2.0, 3.2, 5.2, 8.3, 13.4, 21.5, 34.6, 55.6, 60.0, 60.0],
    );
    let lost = failure(Kind::NoAnswer { transient: true });
    assert_close(&waits(routes::ACCEPT, lost, 0.5), &[5.0; 29]);
}

#[test]
fn a_result_is_tried_at_least_every_61_seconds_for_an_hour() {
    let waits = waits(routes::FINISH, BUSY, 0.999);
    assert!(waits.iter().all(|wait| *wait < 61.0), "{waits:?}");
    let total: f64 = waits.iter().sum();
    assert!((3500.0..3600.0).contains(&total), "{total}");
}

#[test]
fn a_log_is_tried_at_least_every_61_seconds_for_as_long_as_somebody_waits() {
    let mut retry = Retry::new(routes::CHUNK);
    let mut elapsed = Duration::ZERO;
    while elapsed < Duration::from_hours(48) {
        let Decision::Wait(wait) = retry.next(BUSY, elapsed, 0.999) else {
            panic!("given up after {elapsed:?}");
        };
        assert!(wait < Duration::from_secs(61), "{wait:?}");
        elapsed += wait;
    }
}

#[test]
fn each_route_gives_up_exactly_where_its_rule_says() {
    let local = failure(Kind::Local);
    let refused = failure(Kind::Status(422));
    let unauthorized = failure(Kind::Status(401));
    let moved = failure(Kind::Status(301));
    let locked = failure(Kind::Status(423));
    let limited = failure(Kind::Status(429));
    let page = failure(Kind::Undecodable);
    let lost = failure(Kind::NoAnswer { transient: true });
    let untrusted = failure(Kind::NoAnswer { transient: false });
    let all = [
        local,
        refused,
        unauthorized,
        moved,
        locked,
        limited,
        BUSY,
        page,
        lost,
        untrusted,
    ];
    let all_but_unsent = all[1..].to_vec();
    let all_but_refused = vec![moved, limited, BUSY, page, lost, untrusted];
    for (name, policy, goes_on) in [
        (
            "register",
            routes::REGISTER,
            vec![limited, BUSY, page, lost],
        ),
        ("connect", routes::CONNECT, all_but_unsent),
        ("ping", routes::ONCE, vec![]),
        ("heartbeat", routes::HEARTBEAT, all_but_refused.clone()),
        ("accept", routes::ACCEPT, vec![page, lost]),
        (
            "acquire",
            routes::ACQUIRE,
            vec![locked, limited, BUSY, page, lost, untrusted],
        ),
        ("start", routes::START, vec![limited, BUSY, page, lost]),
        ("finish", routes::FINISH, vec![limited, BUSY, page, lost]),
        ("chunk", routes::CHUNK, all_but_refused.clone()),
    ] {
        for failure in all {
            let decision = Retry::new(policy).next(failure, Duration::ZERO, 0.5);
            let waits = matches!(decision, Decision::Wait(_));
            assert_eq!(waits, goes_on.contains(&failure), "{name}: {failure:?}");
        }
    }
}

#[test]
fn retry_after_replaces_the_wait_exactly_and_counts_against_the_limit() {
    let asked = |seconds: f64| Failure {
        kind: Kind::Status(429),
        retry_after: Some(Duration::from_secs_f64(seconds)),
    };
    let mut retry = Retry::new(routes::FINISH);
    let first = retry.next(asked(1.5), Duration::ZERO, 0.9);
    assert_eq!(first, Decision::Wait(Duration::from_millis(1500)));
    let fits = retry.next(asked(599.0), Duration::from_mins(50), 0.9);
    assert_eq!(fits, Decision::Wait(Duration::from_secs(599)));
    let too_long = retry.next(asked(601.0), Duration::from_mins(50), 0.9);
    assert_eq!(too_long, Decision::GiveUp);
}

#[test]
fn an_accept_comes_back_only_when_told_when() {
    let mut retry = Retry::new(routes::ACCEPT);
    let told = Failure {
        retry_after: Some(Duration::from_secs(7)),
        ..BUSY
    };
    let wait = Decision::Wait(Duration::from_secs(7));
    assert_eq!(retry.next(told, Duration::ZERO, 0.5), wait);
    assert_eq!(retry.next(BUSY, Duration::ZERO, 0.5), Decision::GiveUp);
}

#[test]
fn a_negative_jittered_wait_is_zero() {
    let policy = Policy {
        jitter: Jitter {
            from: -1.0,
            to: 5.0,
        },
        schedule: Schedule::Const(Duration::from_millis(300)),
        longest: Duration::MAX,
        attempts: Some(2),
        overall: None,
        retries: Retries::Standard,
    };
    assert_close(&waits(policy, BUSY, 0.0), &[0.0]);
    assert_close(&waits(policy, BUSY, 0.5), &[2.3]);
}

proptest! {
    #[test]
    fn no_policy_exceeds_its_limits(
        attempts in 1u32..40,
        overall in 1u64..10_000,
        initial in 1u64..5_000,
        from in -3.0..0.0,
        width in 0.0..6.0,
        random in 0.0..1.0,
        asked in proptest::option::of(0.1..500.0),
    ) {
        let policy = Policy {
            schedule: Schedule::ExpSub { initial: Duration::from_millis(initial) },
            jitter: Jitter { from, to: from + width },
            longest: Duration::MAX,
            attempts: Some(attempts),
            overall: Some(Duration::from_secs(overall)),
            retries: Retries::Standard,
        };
        let failure = Failure { retry_after: asked.map(Duration::from_secs_f64), ..BUSY };
        let waits = waits(policy, failure, random);
        prop_assert!(waits.len() < attempts as usize);
        prop_assert!(waits.iter().sum::<f64>() < Duration::from_secs(overall).as_secs_f64());
    }
}

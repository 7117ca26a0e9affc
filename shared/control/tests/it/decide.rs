//! What a policy says at which time: windows, leaps of the clock, blackouts, pins and holds.

use jiff::Zoned;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use shared_control::policy::{Blackout, Day, Hold, Mode, Pin, Window};
use shared_control::{Decision, Never, Policy, Wait};
use shared_handover::layout::Component::{Agent, Launcher};

fn at(text: &str) -> Zoned {
    let time: jiff::Timestamp = text.parse().unwrap();
    time.to_zoned(TimeZone::UTC)
}

fn window(days: &[Day], from: &str, to: &str, zone: &str) -> Window {
    Window {
        days: days.to_vec(),
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        zone: zone.into(),
    }
}

fn windows(windows: Vec<Window>) -> Policy {
    Policy {
        mode: Some(Mode::Window),
        windows,
        ..Policy::default()
    }
}

fn decide(policy: &Policy, now: &str) -> Decision {
    policy.decide(Agent, "2.0", false, &at(now))
}

fn wait(until: &str, why: Wait) -> Decision {
    Decision::Wait {
        until: until.parse().unwrap(),
        why,
    }
}

#[test]
fn without_a_policy_everything_is_adopted_as_it_comes() {
    assert_eq!(
        decide(&Policy::default(), "2026-11-21T12:00:00Z"),
        Decision::Go
    );
}

#[test]
fn a_window_is_open_from_its_first_minute_until_before_its_last() {
    let policy = windows(vec![window(&[Day::Sat], "10:00", "12:00", "Europe/Berlin")]);
    let opens = "2026-11-21T09:00:00Z";
    for (now, expected) in [
        ("2026-11-21T08:59:59Z", wait(opens, Wait::Window)),
        (opens, Decision::Go),
        ("2026-11-21T10:59:59Z", Decision::Go),
        (
            "2026-11-21T11:00:00Z",
            wait("2026-11-28T09:00:00Z", Wait::Window),
        ),
        ("2026-11-17T10:00:00Z", wait(opens, Wait::Window)),
    ] {
        assert_eq!(decide(&policy, now), expected, "{now}");
    }
}

#[test]
fn a_window_over_midnight_belongs_to_the_day_on_which_it_opens() {
    // 2026-11-20 is a Friday.
    let policy = windows(vec![window(&[Day::Fri], "22:00", "04:00", "UTC")]);
    let next = wait("2026-11-20T22:00:00Z", Wait::Window);
    for (now, expected) in [
        ("2026-11-20T03:00:00Z", next.clone()),
        ("2026-11-20T21:59:00Z", next),
        ("2026-11-20T23:00:00Z", Decision::Go),
        ("2026-11-21T03:59:00Z", Decision::Go),
        (
            "2026-11-21T04:00:00Z",
            wait("2026-11-27T22:00:00Z", Wait::Window),
        ),
        (
            "2026-11-21T23:00:00Z",
            wait("2026-11-27T22:00:00Z", Wait::Window),
        ),
    ] {
        assert_eq!(decide(&policy, now), expected, "{now}");
    }
}

#[test]
fn the_same_time_twice_is_a_whole_day() {
    let policy = windows(vec![window(&[Day::Sat], "00:00", "00:00", "UTC")]);
    assert_eq!(decide(&policy, "2026-11-21T00:00:00Z"), Decision::Go);
    assert_eq!(decide(&policy, "2026-11-21T23:59:59Z"), Decision::Go);
    let closed = wait("2026-11-28T00:00:00Z", Wait::Window);
    assert_eq!(decide(&policy, "2026-11-22T00:00:00Z"), closed);
}

#[test]
fn a_window_in_the_hour_that_a_day_skips_stays_closed_that_day() {
    // Berlin, 2026-03-29: after 01:59 comes 03:00, at 01:00 UTC.
    let policy = windows(vec![window(&[], "02:00", "03:00", "Europe/Berlin")]);
    let next = wait("2026-03-30T00:00:00Z", Wait::Window);
    assert_eq!(decide(&policy, "2026-03-29T00:59:00Z"), next);
    assert_eq!(decide(&policy, "2026-03-29T01:00:00Z"), next);
}

#[test]
fn a_weekly_window_in_the_hour_that_its_day_skips_opens_a_week_later() {
    let policy = windows(vec![window(&[Day::Sun], "02:15", "02:45", "Europe/Berlin")]);
    let next = wait("2026-04-05T00:15:00Z", Wait::Window);
    assert_eq!(decide(&policy, "2026-03-22T01:45:00Z"), next);
}

#[test]
fn a_window_that_begins_in_the_skipped_hour_opens_at_the_leap() {
    let policy = windows(vec![window(&[], "02:30", "04:00", "Europe/Berlin")]);
    let opens = "2026-03-29T01:00:00Z";
    assert_eq!(
        decide(&policy, "2026-03-29T00:00:00Z"),
        wait(opens, Wait::Window)
    );
    assert_eq!(decide(&policy, opens), Decision::Go);
    let next = wait("2026-03-30T00:30:00Z", Wait::Window);
    assert_eq!(decide(&policy, "2026-03-29T02:00:00Z"), next);
}

#[test]
fn a_window_in_the_hour_that_a_day_has_twice_opens_twice() {
    // Berlin, 2026-10-25: 02:00 to 03:00 comes at 00:00 UTC and again at 01:00 UTC.
    let policy = windows(vec![window(&[], "02:15", "02:30", "Europe/Berlin")]);
    let first = "2026-10-25T00:15:00Z";
    let second = "2026-10-25T01:15:00Z";
    for (now, expected) in [
        ("2026-10-25T00:00:00Z", wait(first, Wait::Window)),
        (first, Decision::Go),
        ("2026-10-25T00:30:00Z", wait(second, Wait::Window)),
        (second, Decision::Go),
        (
            "2026-10-25T01:30:00Z",
            wait("2026-10-26T01:15:00Z", Wait::Window),
        ),
    ] {
        assert_eq!(decide(&policy, now), expected, "{now}");
    }
}

#[test]
fn a_window_that_the_clock_is_put_back_into_opens_again() {
    // 01:30 to 02:30 on the wall: open until 00:30 UTC, and again from the leap until 01:30 UTC.
    let policy = windows(vec![window(&[], "01:30", "02:30", "Europe/Berlin")]);
    let again = "2026-10-25T01:00:00Z";
    assert_eq!(decide(&policy, "2026-10-25T00:29:00Z"), Decision::Go);
    assert_eq!(
        decide(&policy, "2026-10-25T00:30:00Z"),
        wait(again, Wait::Window)
    );
    assert_eq!(decide(&policy, again), Decision::Go);
}

#[test]
fn the_window_that_opens_first_counts() {
    let policy = windows(vec![
        window(&[Day::Sun], "10:00", "11:00", "UTC"),
        window(&[], "10:00", "11:00", "Asia/Tokyo"),
    ]);
    let opens = wait("2026-11-22T01:00:00Z", Wait::Window);
    assert_eq!(decide(&policy, "2026-11-21T12:00:00Z"), opens);
}

#[test]
fn security_goes_through_windows_and_nothing_else() {
    let now = at("2026-11-21T12:00:00Z");
    let mut policy = windows(vec![window(&[], "01:00", "02:00", "UTC")]);
    let secure = |policy: &Policy| policy.decide(Agent, "2.0", true, &now);
    assert_eq!(secure(&policy), Decision::Go);
    policy.blackouts = vec![blackout("2026-11-21", None, None)];
    let why = Wait::Blackout { why: "move".into() };
    assert_eq!(secure(&policy), wait("2026-11-22T00:00:00Z", why));
    policy.mode = Some(Mode::Off);
    assert_eq!(secure(&policy), Decision::Never { why: Never::Off });
}

fn blackout(from: &str, to: Option<&str>, zone: Option<&str>) -> Blackout {
    Blackout {
        from: from.parse().unwrap(),
        to: to.map(|to| to.parse().unwrap()),
        zone: zone.map(Into::into),
        why: "move".into(),
    }
}

#[test]
fn a_blackout_holds_its_days_in_its_zone_in_every_mode() {
    let zone = Some("America/New_York");
    let mut policy = Policy {
        blackouts: vec![blackout("2026-12-24", Some("2026-12-26"), zone)],
        ..Policy::default()
    };
    let why = || Wait::Blackout { why: "move".into() };
    assert_eq!(decide(&policy, "2026-12-24T04:59:59Z"), Decision::Go);
    let over = "2026-12-27T05:00:00Z";
    assert_eq!(decide(&policy, "2026-12-24T05:00:00Z"), wait(over, why()));
    assert_eq!(decide(&policy, over), Decision::Go);

    policy.mode = Some(Mode::Window);
    policy.windows = vec![window(&[], "01:00", "02:00", "America/New_York")];
    let opens = wait("2026-12-27T06:00:00Z", why());
    assert_eq!(decide(&policy, "2026-12-25T06:30:00Z"), opens);
    // The window of the 24th lies in the blackout, so the one after it counts.
    let opens = wait("2026-12-27T06:00:00Z", Wait::Window);
    assert_eq!(decide(&policy, "2026-12-24T03:00:00Z"), opens);
}

#[test]
fn blackouts_that_touch_are_one() {
    let policy = Policy {
        blackouts: vec![
            blackout("2026-12-24", None, None),
            blackout("2026-12-25", Some("2026-12-31"), None),
        ],
        ..Policy::default()
    };
    let why = Wait::Blackout { why: "move".into() };
    let expected = wait("2027-01-01T00:00:00Z", why);
    assert_eq!(decide(&policy, "2026-12-24T10:00:00Z"), expected);
}

#[test]
fn a_blackout_until_the_end_of_time_is_no_slip() {
    let policy = Policy {
        blackouts: vec![blackout("2026-11-01", Some("9999-12-31"), None)],
        ..Policy::default()
    };
    let decision = decide(&policy, "2026-11-21T12:00:00Z");
    assert!(
        matches!(decision, Decision::Wait { until, .. } if until == jiff::Timestamp::MAX),
        "{decision:?}"
    );
}

#[test]
fn more_blackouts_than_are_looked_at_are_waited_for_piece_by_piece() {
    let first: jiff::civil::Date = "2026-11-21".parse().unwrap();
    let days = first.series(jiff::ToSpan::day(1)).take(100);
    let policy = Policy {
        blackouts: days
            .map(|day| blackout(&day.to_string(), None, None))
            .collect(),
        ..Policy::default()
    };
    let why = || Wait::Blackout { why: "move".into() };
    let piece = "2027-01-24T00:00:00Z";
    assert_eq!(decide(&policy, "2026-11-21T12:00:00Z"), wait(piece, why()));
    assert_eq!(
        decide(&policy, piece),
        wait("2027-03-01T00:00:00Z", why()),
        "the rest"
    );
}

fn pinned(version: &str, until: Option<&str>) -> Policy {
    Policy {
        pins: vec![Pin {
            component: "agent".into(),
            version: version.into(),
            until: until.map(|until| until.parse().unwrap()),
            owner: "ci".into(),
        }],
        ..Policy::default()
    }
}

#[test]
fn a_pin_keeps_its_component_at_its_version_until_it_ends() {
    let until = "2026-12-01T00:00:00Z";
    let policy = pinned("1.0", Some(until));
    let (version, owner) = ("1.0".to_owned(), "ci".to_owned());
    let why = Wait::Pin { version, owner };
    assert_eq!(decide(&policy, "2026-11-30T23:59:59Z"), wait(until, why));
    assert_eq!(decide(&policy, until), Decision::Go);
    let now = at("2026-11-21T12:00:00Z");
    assert_eq!(policy.decide(Agent, "1.0", false, &now), Decision::Go);
    assert_eq!(policy.decide(Launcher, "2.0", false, &now), Decision::Go);
    assert_eq!(policy.pin_of(Agent, now.timestamp()), Some("1.0"));
    assert_eq!(policy.pin_of(Agent, until.parse().unwrap()), None);
}

#[test]
fn a_pin_without_an_end_stands_until_it_is_removed() {
    let never = decide(&pinned("1.0", None), "2026-11-21T12:00:00Z");
    let (version, owner) = ("1.0".to_owned(), "ci".to_owned());
    assert_eq!(
        never,
        Decision::Never {
            why: Never::Pin { version, owner }
        }
    );
}

#[test]
fn mode_pin_adopts_pinned_versions_only() {
    let mut policy = pinned("2.0", None);
    policy.mode = Some(Mode::Pin);
    let now = at("2026-11-21T12:00:00Z");
    assert_eq!(policy.decide(Agent, "2.0", false, &now), Decision::Go);
    let never = policy.decide(Launcher, "2.0", true, &now);
    assert_eq!(never, Decision::Never { why: Never::NoPin });
}

#[test]
fn a_hold_stops_everything_until_it_ends() {
    let until = "2026-12-01T00:00:00Z";
    let until_then = |until: Option<&str>| Policy {
        hold: Some(Hold {
            until: until.map(|until| until.parse().unwrap()),
            reason: "audit".into(),
        }),
        ..pinned("2.0", None)
    };
    let reason = || "audit".to_owned();
    let held = until_then(Some(until));
    let why = Wait::Hold { reason: reason() };
    assert_eq!(decide(&held, "2026-11-21T12:00:00Z"), wait(until, why));
    assert_eq!(decide(&held, until), Decision::Go);
    let why = Never::Hold { reason: reason() };
    assert_eq!(decide(&until_then(None), until), Decision::Never { why });
}

#[test]
fn by_hand_only_holds_and_pins_stand_against_it() {
    let now = at("2026-11-21T12:00:00Z");
    let by_hand = |policy: &Policy| policy.decide_by_hand(Agent, "2.0", &now);
    let off = Policy {
        mode: Some(Mode::Off),
        blackouts: vec![blackout("2026-11-21", None, None)],
        ..Policy::default()
    };
    assert_eq!(by_hand(&off), Decision::Go);
    assert_eq!(by_hand(&pinned("2.0", None)), Decision::Go);
    assert!(matches!(
        by_hand(&pinned("1.0", None)),
        Decision::Never { .. }
    ));
}

#[test]
fn a_policy_that_cannot_be_used_holds_the_host() {
    let slip = Policy::parse(b"{").unwrap_err();
    let never = decide(&Policy::unusable(&slip), "2026-11-21T12:00:00Z");
    let Decision::Never { why } = never else {
        panic!("{never:?}")
    };
    assert!(
        why.to_string().contains("policy.json cannot be used: "),
        "{why}"
    );
    let later = Policy::parse(br#"{"mode":"moody"}"#).unwrap();
    let why = Never::UnknownMode;
    assert_eq!(
        decide(&later, "2026-11-21T12:00:00Z"),
        Decision::Never { why }
    );
}

proptest! {
    /// The moment a policy names is one at which it says yes, or the same for another reason; and
    /// never one that has passed.
    #[test]
    fn whoever_waits_until_then_gets_a_yes(
        second in 1_770_000_000_i64..1_800_000_000,
        from in 0_i8..24, to in 0_i8..24, minute in 0_i8..60,
        day in 0_usize..8,
        zone in prop::sample::select(vec!["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "UTC", "Asia/Kolkata"]),
    ) {
        let days = [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri, Day::Sat, Day::Sun];
        let mut open = window(days.get(day..=day).unwrap_or_default(), "00:00", "00:00", zone);
        open.from = jiff::civil::time(from, minute, 0, 0);
        open.to = jiff::civil::time(to, 0, 0, 0);
        let policy = windows(vec![open]);
        let now = jiff::Timestamp::from_second(second).unwrap();
        let says = |at: jiff::Timestamp| policy.decide(Agent, "2.0", false, &at.to_zoned(TimeZone::UTC));
        match says(now) {
            Decision::Go => {}
            Decision::Wait { until, .. } => {
                prop_assert!(until > now);
                prop_assert_eq!(says(until), Decision::Go);
                // Nothing opened before it: a minute's grid finds no earlier yes.
                let mut probe = now;
                while probe < until {
                    prop_assert!(says(probe) != Decision::Go, "{} is open before {}", probe, until);
                    probe += jiff::SignedDuration::from_mins(15);
                }
            }
            Decision::Never { .. } => prop_assert!(false, "a window opens every week"),
        }
    }
}

//! Expiry, and what several clocks may do to it.

use jiff::{SignedDuration, Timestamp};
use shared_release::{Clocks, Freshness, HEALING, Seen};

use shared_release::Freshness::{Expired, Fresh, Healed};

use crate::{at, manifest};

const DAY: i64 = 86_400;

fn seen_at(issued: Timestamp) -> Seen {
    let mut newest = manifest(9);
    newest.issued = issued;
    newest.expires = issued + SignedDuration::from_hours(1);
    Seen::of(&newest)
}

/// How the manifest is judged that is issued at 0 and expires after a day. Times are seconds.
fn judge(
    wall: i64,
    built: Option<i64>,
    server: Option<i64>,
    newest_seen: Option<i64>,
) -> Freshness {
    let clocks = Clocks {
        wall: at(wall),
        built: built.map(at),
        server: server.map(at),
    };
    let seen = newest_seen.map(|issued| seen_at(at(issued)));
    manifest(1).freshness(seen.as_ref(), &clocks)
}

/// Long before the manifest was issued.
const PAST: i64 = -10_000 * DAY;

#[test]
fn the_wall_clock_alone_ends_a_manifest_at_its_expiry() {
    assert_eq!(judge(0, None, None, None), Fresh);
    assert_eq!(judge(DAY - 1, None, None, None), Fresh);
    assert_eq!(judge(DAY, None, None, None), Expired);
    assert_eq!(judge(100_000 * DAY, None, None, None), Expired);
}

#[test]
fn signed_times_and_the_build_time_outweigh_a_clock_in_the_past() {
    assert_eq!(
        judge(PAST, None, None, None),
        Fresh,
        "nothing says otherwise"
    );
    assert_eq!(judge(PAST, Some(DAY), None, None), Expired);
    assert_eq!(judge(PAST, None, None, Some(DAY)), Expired);
    assert_eq!(judge(PAST, Some(DAY - 1), None, Some(DAY - 1)), Fresh);
    assert_eq!(judge(PAST, Some(DAY), Some(0), None), Expired);
}

#[test]
fn a_server_may_outweigh_the_wall_clock_for_one_day() {
    assert_eq!(HEALING.as_secs(), DAY);
    assert_eq!(judge(DAY, None, Some(0), None), Healed);
    assert_eq!(judge(DAY + 5, None, Some(DAY + 5), None), Healed);
    assert_eq!(judge(2 * DAY - 1, None, Some(2 * DAY - 1), None), Healed);
    assert_eq!(
        judge(2 * DAY, None, Some(0), None),
        Expired,
        "not for a year"
    );
    assert_eq!(judge(DAY + 5, None, Some(2 * DAY), None), Expired);
}

#[test]
fn a_server_whose_date_is_behind_what_was_signed_is_not_believed() {
    assert_eq!(judge(DAY + 5, None, Some(20), Some(20)), Healed);
    assert_eq!(judge(DAY + 5, None, Some(10), Some(20)), Expired);
    assert_eq!(judge(DAY + 5, Some(20), Some(10), None), Expired);
    assert_eq!(judge(DAY + 5, Some(DAY), Some(DAY + 5), None), Expired);
}

#[test]
fn the_ends_of_time_are_no_trouble() {
    for wall in [Timestamp::MIN, Timestamp::MAX] {
        let clocks = Clocks {
            wall,
            built: None,
            server: Some(Timestamp::MIN),
        };
        let _ = manifest(1).freshness(None, &clocks);
    }
    let mut endless = manifest(1);
    endless.expires = Timestamp::MAX;
    let clocks = Clocks {
        wall: Timestamp::MAX,
        built: None,
        server: None,
    };
    assert_eq!(endless.freshness(None, &clocks), Expired);
}

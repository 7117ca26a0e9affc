//! Rollback, freeze, and what clocks may do to them.

use shared_release::{Downgrade, Error, Seen, adoption_time};

use crate::{at, manifest, release};

#[test]
fn an_older_serial_is_refused() {
    let seen = Seen::of(&manifest(8));
    assert_eq!(
        manifest(7).may_follow(&seen),
        Err(Error::SerialRolledBack { found: 7, seen: 8 })
    );
    assert_eq!(manifest(9).may_follow(&seen), Ok(()));
}

#[test]
fn the_same_manifest_again_is_fine_and_another_of_its_serial_is_not() {
    let seen = Seen::of(&manifest(8));
    assert_eq!(manifest(8).may_follow(&seen), Ok(()));
    let mut twin = manifest(8);
    twin.issued = at(5);
    assert_eq!(twin.may_follow(&seen), Err(Error::SerialReused(8)));
}

#[test]
fn a_component_goes_back_only_with_a_signed_permission_that_reaches_far_enough() {
    let seen = Seen::of(&manifest(8));
    let mut back = manifest(9);
    back.releases[1].seq = 5;
    let refused = Err(Error::SequenceRolledBack {
        component: "agent".into(),
        found: 5,
        seen: 8,
    });
    assert_eq!(back.may_follow(&seen), refused);
    let mut permission = Downgrade {
        component: "agent".into(),
        to_seq: 6,
        reason: "a bad release".into(),
    };
    back.allow_downgrade = vec![permission.clone()];
    assert_eq!(back.may_follow(&seen), refused);
    permission.to_seq = 5;
    back.allow_downgrade = vec![permission];
    assert_eq!(back.may_follow(&seen), Ok(()));
}

#[test]
fn an_old_version_listed_beside_a_newer_one_is_no_step_back() {
    let seen = Seen::of(&manifest(8));
    let mut with_barrier = manifest(9);
    with_barrier.releases.push(release("agent", 3));
    assert_eq!(with_barrier.may_follow(&seen), Ok(()));
    assert_eq!(with_barrier.release("agent").unwrap().seq, 9);
}

#[test]
fn another_channel_has_its_own_serials() {
    let seen = Seen::of(&manifest(8));
    let mut edge = manifest(2);
    edge.channel = "edge".into();
    assert_eq!(edge.may_follow(&seen), Ok(()));
    assert!(edge.expect_channel("stable").is_err());
    assert!(edge.expect_channel("edge").is_ok());
}

#[test]
fn freshness_ends_at_the_expiry() {
    let manifest = manifest(1);
    assert!(manifest.is_fresh(at(86_399)));
    assert!(!manifest.is_fresh(at(86_400)));
}

#[test]
fn a_clock_in_the_past_does_not_revive_an_expired_manifest() {
    let mut newer = manifest(2);
    newer.issued = at(100_000);
    newer.expires = at(200_000);
    let seen = Seen::of(&newer);
    let now = adoption_time(at(-1_000_000), Some(&seen));
    assert_eq!(now, at(100_000));
    assert!(!manifest(1).is_fresh(now));
    assert!(newer.is_fresh(now));
}

#[test]
fn a_clock_in_the_future_leaves_nothing_behind() {
    let seen = Seen::of(&manifest(1));
    assert_eq!(adoption_time(at(9_000_000), Some(&seen)), at(9_000_000));
    assert_eq!(adoption_time(at(60), Some(&seen)), at(60));
}

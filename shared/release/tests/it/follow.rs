//! Rollback: what a manifest may follow.

use shared_release::{Downgrade, Error, Manifest, Seen};

use crate::{Publisher, at, manifest, release};

fn publisher() -> Publisher {
    Publisher::with_threshold(1, 1)
}

/// Whether a host that has seen this much accepts the manifest in its channel.
fn follow(manifest: &Manifest, seen: &Seen) -> Result<(), Error> {
    let bytes = publisher().sign(manifest);
    let accepted = publisher()
        .root()
        .accept(&bytes, &manifest.channel, Some(seen));
    accepted.map(drop)
}

#[test]
fn an_older_serial_is_refused() {
    let seen = Seen::of(&manifest(8));
    assert_eq!(
        follow(&manifest(7), &seen),
        Err(Error::SerialRolledBack { found: 7, seen: 8 })
    );
    assert_eq!(follow(&manifest(9), &seen), Ok(()));
}

#[test]
fn the_same_manifest_again_is_fine_and_another_of_its_serial_is_not() {
    let seen = Seen::of(&manifest(8));
    assert_eq!(follow(&manifest(8), &seen), Ok(()));
    let mut twin = manifest(8);
    twin.issued = at(5);
    assert_eq!(follow(&twin, &seen), Err(Error::SerialReused(8)));
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
    assert_eq!(follow(&back, &seen), refused);
    let mut permission = Downgrade {
        component: "agent".into(),
        to_seq: 6,
        reason: "a bad release".into(),
    };
    back.allow_downgrade = vec![permission.clone()];
    assert_eq!(follow(&back, &seen), refused);
    permission.to_seq = 5;
    back.allow_downgrade = vec![permission];
    assert_eq!(follow(&back, &seen), Ok(()));
}

#[test]
fn an_old_version_listed_beside_a_newer_one_is_no_step_back() {
    let seen = Seen::of(&manifest(8));
    let mut with_barrier = manifest(9);
    with_barrier.releases.push(release("agent", 3));
    assert_eq!(follow(&with_barrier, &seen), Ok(()));
    assert_eq!(with_barrier.release("agent").unwrap().seq, 9);
}

#[test]
fn another_channel_has_its_own_serials() {
    let seen = Seen::of(&manifest(8));
    let mut edge = manifest(2);
    edge.channel = "edge".into();
    assert_eq!(follow(&edge, &seen), Ok(()));
    let bytes = publisher().sign(&edge);
    let wrong = publisher().root().accept(&bytes, "stable", Some(&seen));
    assert!(
        matches!(wrong, Err(Error::WrongChannel { .. })),
        "{wrong:?}"
    );
}

//! The chain of roots: rotations, gaps, thresholds of both sides, resets.

use proptest::prelude::*;
use shared_release::{Error, Keypair, MAX_WALK, Manifest, Root, RootPlan, Seen, Walk, seal, sign};

use crate::{at, manifest};

/// The root key and release key that a publisher has at this version.
fn keys(version: u64) -> (Keypair, Keypair) {
    let seed = |role: u8| {
        let mut seed = [role; 32];
        seed[..8].copy_from_slice(&version.to_le_bytes());
        Keypair::from_seed(seed)
    };
    (seed(1), seed(2))
}

/// A root with one root key and one release key of its own version, which signs nothing yet.
fn plan(version: u64) -> RootPlan {
    let (root, release) = keys(version);
    RootPlan {
        version,
        root_keys: vec![root.public()],
        root_threshold: 1,
        release_keys: vec![release.public()],
        release_threshold: 1,
        base_urls: vec![format!("https://r{version}.example")],
        reset_seen: Vec::new(),
        expires: at(-100),
    }
}

fn signed(plan: &RootPlan, versions: &[u64]) -> Vec<u8> {
    let pairs: Vec<Keypair> = versions.iter().map(|version| keys(*version).0).collect();
    sign(&plan.to_payload(), &pairs.iter().collect::<Vec<_>>())
}

/// The root file of a version, signed by the keys before it and its own.
fn file(version: u64) -> Vec<u8> {
    match version {
        1 => signed(&plan(1), &[1]),
        _ => signed(&plan(version), &[version - 1, version]),
    }
}

fn first() -> Root {
    Root::from_trusted(&file(1)).unwrap()
}

fn walk(to: u64) -> Walk {
    let mut walk = Walk::from(first());
    while let Some(next) = walk.next_version().filter(|next| *next <= to) {
        walk.step(&file(next)).unwrap();
    }
    walk
}

fn manifest_under(root: u64, serial: u64) -> Manifest {
    let mut manifest = manifest(serial);
    manifest.root = root;
    manifest
}

fn released(root: u64, serial: u64) -> Vec<u8> {
    let payload = manifest_under(root, serial).to_payload().unwrap();
    sign(&payload, &[&keys(root).1])
}

#[test]
fn ten_rotations_are_replayed_from_the_first_root_though_each_has_expired() {
    let root = walk(11).into_root();
    assert_eq!(root.version(), 11);
    assert_eq!(root.base_urls(), ["https://r11.example"]);
    assert!(root.expires() < at(0));
    assert!(root.verify_manifest(&released(11, 1)).is_ok());
    assert!(root.verify_manifest(&released(10, 1)).is_err(), "old keys");
}

#[test]
fn a_walk_takes_256_steps_and_the_next_one_goes_on() {
    let mut walk = walk(400);
    assert_eq!(walk.root().version(), u64::from(MAX_WALK) + 1);
    assert_eq!(walk.step(&file(258)), Err(Error::WalkTooLong));
    let mut again = Walk::from(walk.into_root());
    assert_eq!(again.next_version(), Some(258));
    again.step(&file(258)).unwrap();
    assert_eq!(again.root().version(), 258);
}

#[test]
fn a_root_must_be_signed_by_the_old_and_by_the_new_keys() {
    let first = first();
    for (versions, why) in [
        (&[2][..], "only the new keys"),
        (&[1], "only the old keys"),
        (&[3], "keys of nobody"),
        (&[], "no keys"),
    ] {
        let error = first.follow(&signed(&plan(2), versions)).unwrap_err();
        assert!(matches!(error, Error::Signatures { .. }), "{why}: {error}");
    }
    assert!(first.follow(&signed(&plan(2), &[2, 1])).is_ok());
}

#[test]
fn the_threshold_of_each_side_counts() {
    let spare = Keypair::from_seed([77; 32]);
    let mut two = plan(1);
    two.root_keys.push(spare.public());
    two.root_threshold = 2;
    let (old, new) = (keys(1).0, keys(2).0);
    let root = Root::from_trusted(&sign(&two.to_payload(), &[&old, &spare])).unwrap();
    let next = plan(2).to_payload();
    assert!(root.follow(&sign(&next, &[&old, &new])).is_err());
    assert!(root.follow(&sign(&next, &[&old, &old, &new])).is_err());
    assert!(root.follow(&sign(&next, &[&old, &spare, &new])).is_ok());
    // And the other way round: up from one to two.
    let mut up = plan(2);
    up.root_keys.push(spare.public());
    up.root_threshold = 2;
    let up = up.to_payload();
    assert!(first().follow(&sign(&up, &[&old, &new])).is_err());
    assert!(first().follow(&sign(&up, &[&old, &new, &spare])).is_ok());
}

#[test]
fn a_gap_an_old_root_and_the_same_root_are_no_next_root() {
    let root = walk(3).into_root();
    for version in [1, 2, 3, 5, u64::MAX] {
        let forged = signed(&plan(version), &[3, version]);
        let error = root.follow(&forged).unwrap_err();
        let order = Error::RootOrder {
            found: version,
            after: 3,
        };
        assert_eq!(error, order);
    }
    assert!(root.follow(&file(5)).is_err(), "the real one, too early");
}

#[test]
fn a_refused_root_leaves_the_walk_where_it_was() {
    let mut walk = walk(2);
    assert!(walk.step(b"<html>").is_err());
    assert!(walk.step(&file(2)).is_err());
    assert_eq!(walk.next_version(), Some(3));
    walk.step(&file(3)).unwrap();
    assert_eq!(walk.root().version(), 3);
}

#[test]
fn a_release_key_signs_no_root() {
    let forged = sign(&plan(2).to_payload(), &[&keys(1).1, &keys(2).1, &keys(2).0]);
    let error = first().follow(&forged).unwrap_err();
    assert!(
        matches!(error, Error::Signatures { valid: 0, .. }),
        "{error}"
    );
}

#[test]
fn a_manifest_of_a_newer_root_says_that_the_root_is_needed_first() {
    let mut same_keys = plan(2);
    same_keys.release_keys = plan(1).release_keys;
    let payload = manifest_under(2, 9).to_payload().unwrap();
    let newer = sign(&payload, &[&keys(1).1]);
    assert_eq!(
        first().verify_manifest(&newer),
        Err(Error::RootBehind { needs: 2, has: 1 })
    );
    let root = first().follow(&signed(&same_keys, &[1, 2])).unwrap();
    assert!(root.verify_manifest(&newer).is_ok());
}

#[test]
fn the_next_plan_is_the_root_again_one_version_up() {
    let mut resets = plan(2);
    resets.reset_seen = vec!["stable".to_owned()];
    let root = first().follow(&signed(&resets, &[1, 2])).unwrap();
    let next = RootPlan::after(&root);
    let expected = RootPlan {
        version: 3,
        reset_seen: Vec::new(),
        ..resets
    };
    assert_eq!(next, expected);
    assert_eq!(next.check(), Ok(()));
}

/// A thief with the release key signs the highest serial and a date in the far future; afterwards
/// the publisher resets the channel, once with a new release key and once with the old one.
#[test]
fn a_reset_brings_a_channel_back_after_a_fast_forward() {
    for release_keys in [plan(2).release_keys, plan(1).release_keys] {
        let release = if release_keys == plan(1).release_keys {
            keys(1).1
        } else {
            keys(2).1
        };
        let mut stolen = manifest_under(1, u64::MAX);
        stolen.issued = at(1_000_000_000);
        stolen.expires = at(2_000_000_000);
        let stolen_file = sign(&stolen.to_payload().unwrap(), &[&keys(1).1]);
        let accepted = first().accept(&stolen_file, "stable", None).unwrap();
        let seen = Seen::of(&accepted);

        let mut resets = plan(2);
        resets.release_keys = release_keys;
        resets.reset_seen = vec!["stable".to_owned()];
        let root = first().follow(&signed(&resets, &[1, 2])).unwrap();
        let good = sign(&manifest_under(2, 8).to_payload().unwrap(), &[&release]);
        let back = root.accept(&good, "stable", Some(&seen)).unwrap();
        assert_eq!(back.serial, 8);
        assert!(
            root.accept(&stolen_file, "stable", Some(&Seen::of(&back)))
                .is_err()
        );
        assert!(root.accept(&stolen_file, "stable", None).is_err());

        // A later root that resets nothing takes nothing back, and the reset is not forgotten.
        let mut later = plan(3);
        later.release_keys = resets.release_keys;
        let root = root.follow(&signed(&later, &[2, 3])).unwrap();
        assert_eq!(root.reset_of("stable"), Some(2));
        assert_eq!(Seen::of(&back).under(&root), Some(Seen::of(&back)));
        assert_eq!(seen.clone().under(&root), None);
        assert!(root.accept(&stolen_file, "stable", None).is_err());
    }
}

#[test]
fn a_reset_of_one_channel_leaves_the_others() {
    let mut resets = plan(2);
    resets.reset_seen = vec!["edge".to_owned()];
    let root = first().follow(&signed(&resets, &[1, 2])).unwrap();
    let seen = Seen::of(&manifest_under(1, 50));
    assert_eq!(seen.clone().under(&root), Some(seen));
}

#[test]
fn signatures_made_elsewhere_seal_a_document() {
    let (root, _) = keys(1);
    let payload = plan(1).to_payload();
    let made = root.sign(&payload);
    assert!(Root::from_trusted(&seal(&payload, &[made])).is_ok());
    let of_other = root.sign(b"another payload");
    assert!(Root::from_trusted(&seal(&payload, &[of_other])).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_changed_byte_of_a_root_is_followed(at in any::<prop::sample::Index>(), change in 1_u8..) {
        let mut bytes = file(2);
        let index = at.index(bytes.len());
        bytes[index] ^= change;
        prop_assert!(first().follow(&bytes).is_err());
    }
}

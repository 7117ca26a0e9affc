//! Roots and manifests that come, go, and are damaged.

use jiff::Timestamp;
use std::fs;

use jiff::SignedDuration;
use shared_release::{Keypair, RootDraft, RootPlan, sign};
use tempfile::TempDir;

use super::*;

struct Bed {
    folder: TempDir,
    state: StateDir,
}

fn now() -> Timestamp {
    Timestamp::from_second(1_760_000_000).unwrap()
}

fn release_key() -> Keypair {
    Keypair::from_seed([2; 32])
}

fn envelope(channel: &str, serial: u64) -> Vec<u8> {
    let end = now() + SignedDuration::from_hours(1);
    let manifest = Manifest::new(channel, serial, now(), end);
    sign(&manifest.to_payload().unwrap(), &[&release_key()])
}

fn accept(trust: &mut Trust, bytes: Vec<u8>, etag: Option<&str>) -> Result<bool, Error> {
    trust.accept(bytes, etag.map(str::to_owned), &BTreeSet::new())
}

impl Bed {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let root_key = Keypair::from_seed([1; 32]);
        let draft = RootDraft {
            root_keys: &[&root_key],
            root_threshold: 1,
            release_keys: &[&release_key()],
            release_threshold: 1,
            expires: now(),
        };
        fs::write(folder.path().join("root.json"), draft.build().unwrap()).unwrap();
        let state = StateDir::new(folder.path().join("state"));
        fs::create_dir(state.root()).unwrap();
        Self { folder, state }
    }

    fn load(&self) -> Result<Trust, TrustError> {
        let given = self.folder.path().join("root.json");
        Trust::load(&self.state, Some(&given), "stable")
    }

    fn serial(&self) -> Option<u64> {
        Some(self.load().unwrap().manifest()?.serial)
    }
}

#[test]
fn a_root_is_imported_once_and_then_needed_no_more() {
    let bed = Bed::new();
    let missing = Trust::load(&bed.state, None, "stable").unwrap_err();
    assert!(missing.to_string().contains("--trust-root"), "{missing}");
    bed.load().unwrap();
    fs::write(bed.folder.path().join("root.json"), "another").unwrap();
    bed.load().unwrap();
    Trust::load(&bed.state, None, "stable").unwrap();
}

#[test]
fn a_file_that_is_no_root_is_not_imported() {
    let bed = Bed::new();
    fs::write(bed.folder.path().join("root.json"), "{}").unwrap();
    assert!(matches!(bed.load(), Err(TrustError::Refused { .. })));
    assert!(!bed.state.trust().exists());
}

#[test]
fn the_last_manifest_is_the_mark_after_a_restart() {
    let bed = Bed::new();
    let mut trust = bed.load().unwrap();
    let same = || envelope("stable", 5);
    assert_eq!(accept(&mut trust, same(), Some("e")), Ok(true));
    assert_eq!(accept(&mut trust, same(), Some("f")), Ok(false));
    let mut again = bed.load().unwrap();
    assert_eq!(again.etag(), Some("f"));
    let later = now() + SignedDuration::from_hours(2);
    for (wall, freshness) in [(now(), Freshness::Fresh), (later, Freshness::Expired)] {
        let (built, server) = (None, None);
        let clocks = Clocks {
            wall,
            built,
            server,
        };
        assert_eq!(again.freshness(&clocks), freshness);
    }
    let older = accept(&mut again, envelope("stable", 4), None);
    assert_eq!(older, Err(Error::SerialRolledBack { found: 4, seen: 5 }));
    assert_eq!(bed.serial(), Some(5));
}

#[test]
fn an_unusable_record_is_put_aside_and_never_fatal() {
    let bed = Bed::new();
    let stranger = Keypair::from_seed([9; 32]);
    let manifest = Manifest::new("stable", 9, now(), now() + SignedDuration::from_hours(1));
    let forged = sign(&manifest.to_payload().unwrap(), &[&stranger]);
    let record = Record {
        etag: None,
        envelope: String::from_utf8(forged).unwrap(),
        seen: None,
        sequences: BTreeMap::new(),
    };
    let forged = serde_json::to_vec(&record).unwrap();
    for bytes in [b"".as_slice(), b"\0\0\0", b"{}", &forged] {
        fs::create_dir_all(bed.state.root()).unwrap();
        fs::write(bed.state.manifest(), bytes).unwrap();
        assert_eq!(bed.serial(), None);
        assert!(!bed.state.manifest().exists());
        assert_eq!(
            fs::read(bed.state.quarantine().join("manifest.json")).unwrap(),
            bytes
        );
    }
}

#[test]
fn another_channel_starts_without_a_mark() {
    let bed = Bed::new();
    accept(&mut bed.load().unwrap(), envelope("stable", 5), None).unwrap();
    let mut edge = Trust::load(&bed.state, None, "edge").unwrap();
    assert!(edge.manifest().is_none());
    assert_eq!(accept(&mut edge, envelope("edge", 1), None), Ok(true));
    assert!(accept(&mut edge, envelope("stable", 6), None).is_err());
}

/// Root `n + 1`, which gives the release role to the key with that number.
fn next_root(root: &Root, release_key: u8) -> Vec<u8> {
    let plan = RootPlan {
        release_keys: vec![Keypair::from_seed([release_key; 32]).public()],
        ..RootPlan::after(root)
    };
    sign(&plan.to_payload(), &[&Keypair::from_seed([1; 32])])
}

/// A manifest signed under a root by that release key.
fn signed_under(root: u64, serial: u64, release_key: u8) -> Vec<u8> {
    let end = now() + SignedDuration::from_hours(1);
    let mut manifest = Manifest::new("stable", serial, now(), end);
    manifest.root = root;
    let key = Keypair::from_seed([release_key; 32]);
    sign(&manifest.to_payload().unwrap(), &[&key])
}

/// A host that has followed two roots and knows manifest 7, signed under the third.
fn host_with_three_roots() -> Bed {
    let bed = Bed::new();
    let mut trust = bed.load().unwrap();
    for release_key in [12, 13] {
        let root = next_root(trust.root(), release_key);
        trust.follow(&root).unwrap();
    }
    assert_eq!(accept(&mut trust, signed_under(3, 7, 13), None), Ok(true));
    bed
}

#[test]
fn roots_are_followed_one_by_one_and_replayed_at_the_next_start() {
    let bed = host_with_three_roots();
    let trust = bed.load().unwrap();
    assert_eq!(trust.root().version(), 3);
    assert_eq!(bed.serial(), Some(7));
    let mut trust = bed.load().unwrap();
    let skipped = next_root(trust.root(), 14);
    trust.follow(&skipped).unwrap();
    assert!(trust.follow(&skipped).is_err(), "the same one again");
}

#[test]
fn a_lost_chain_costs_neither_the_marks_nor_a_record() {
    let bed = host_with_three_roots();
    fs::remove_file(bed.state.trust().join("2.root.json")).unwrap();
    let mut trust = bed.load().unwrap();
    assert_eq!(trust.root().version(), 1);
    assert_eq!((trust.etag(), trust.seen().unwrap().serial()), (None, 7));
    assert!(bed.state.manifest().exists());
    // What would bring the chain back also brings back a manifest that is older than the mark.
    for release_key in [12, 13] {
        let root = next_root(trust.root(), release_key);
        trust.follow(&root).unwrap();
    }
    assert!(accept(&mut trust, signed_under(3, 6, 13), None).is_err());
    assert_eq!(accept(&mut trust, signed_under(3, 7, 13), None), Ok(true));
}

#[test]
fn a_damaged_root_is_put_aside_and_the_first_is_taken_from_the_installer_again() {
    let bed = host_with_three_roots();
    fs::write(bed.state.trust().join("3.root.json"), "{}").unwrap();
    assert_eq!(bed.load().unwrap().root().version(), 2);
    assert!(bed.state.quarantine().join("3.root.json").exists());
    fs::write(bed.state.trust().join("1.root.json"), "\0\0").unwrap();
    let without = Trust::load(&bed.state, None, "stable");
    assert!(matches!(without, Err(TrustError::Refused { .. })));
    assert_eq!(bed.load().unwrap().root().version(), 2);
}

#[test]
fn the_sequence_numbers_of_what_is_installed_outlive_the_manifest_that_listed_them() {
    let bed = Bed::new();
    let mut trust = bed.load().unwrap();
    let installed = Digest::from_bytes([5; 32]);
    let listed = |serial: u64, digest: Digest| {
        let end = now() + SignedDuration::from_hours(1);
        let mut manifest = Manifest::new("stable", serial, now(), end);
        manifest.releases.push(shared_release::Release {
            component: "agent".into(),
            version: "1".into(),
            seq: serial * 10,
            min_from_seq: 0,
            barrier: false,
            security: false,
            targets: vec![shared_release::Target::plain(OS, ARCH, digest, 1)],
        });
        sign(&manifest.to_payload().unwrap(), &[&release_key()])
    };
    accept(&mut trust, listed(1, installed), None).unwrap();
    let (next, has) = (Digest::from_bytes([6; 32]), BTreeSet::from([installed]));
    trust.accept(listed(2, next), None, &has).unwrap();
    let again = bed.load().unwrap();
    assert_eq!(again.sequences()[&installed], 10);
    assert_eq!(again.sequences()[&next], 20);
}

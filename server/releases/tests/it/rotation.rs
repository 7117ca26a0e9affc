//! New keys under a running tree: hosts of any age follow, and a failure leaves all as it was.

use server_releases::{KeyChange, PublishError, Rotated};
use shared_release::{Error, Keypair, Seen, sign};

use crate::Bed;

impl Bed {
    fn rotate(&self, change: &KeyChange) -> Result<Rotated, PublishError> {
        self.publisher().rotate(change)
    }

    /// Ids of the keys of a role.
    fn ids(&self, role: &str) -> Vec<String> {
        let keys = self.tree.summary().unwrap().unwrap().keys;
        let keys = keys.into_iter().filter(|key| key.role == role);
        keys.map(|key| key.id).collect()
    }

    /// All keys of both roles are replaced by one new one each.
    fn replace_all(&self) -> KeyChange {
        KeyChange {
            new_root_keys: 1,
            new_release_keys: 1,
            drop: [self.ids("root"), self.ids("release")].concat(),
            ..KeyChange::default()
        }
    }
}

#[test]
fn a_host_that_was_off_for_ten_rotations_follows_from_the_first_root() {
    let bed = Bed::new();
    bed.publish("1.0.0");
    let first = bed.first_root();
    for version in 2..=11 {
        let rotated = bed.rotate(&bed.replace_all()).unwrap();
        assert_eq!(rotated.version, version);
        assert_eq!(rotated.channels, [("stable".to_owned(), version)]);
        assert_eq!(rotated.retired.len(), 2);
    }
    let served = bed.tree.manifest("stable").unwrap().unwrap();
    let refused = first.verify_manifest(&served).unwrap_err();
    assert!(matches!(refused, Error::Signatures { valid: 0, .. }));
    let manifest = bed.manifest();
    assert_eq!((manifest.serial, manifest.root), (11, 11));
    assert_eq!(manifest.release("agent").unwrap().version, "1.0.0");
    assert_eq!(bed.publish("1.1.0").serial, 12);
    assert_eq!(bed.manifest().release("agent").unwrap().seq, 2);
}

#[test]
fn new_hosts_get_the_newest_root_and_old_roots_are_never_changed() {
    let bed = Bed::new();
    bed.publish("1.0.0");
    let first = bed.tree.root("1.root.json").unwrap();
    bed.rotate(&bed.replace_all()).unwrap();
    assert_eq!(bed.tree.root("1.root.json").unwrap(), first);
    let newest = bed.tree.root("2.root.json").unwrap().unwrap();
    assert_eq!(std::fs::read(bed.tree.root_file()).unwrap(), newest);
}

#[test]
fn addresses_and_thresholds_stay_until_they_are_changed() {
    let bed = Bed::new();
    let begin = KeyChange {
        new_root_keys: 3,
        new_release_keys: 2,
        root_threshold: Some(2),
        release_threshold: Some(2),
        base_urls: Some(vec!["https://a.example".to_owned()]),
        ..KeyChange::default()
    };
    bed.publisher().init_keys(&begin).unwrap();
    bed.publish("1.0.0");
    let drop = vec![bed.ids("root")[0][..8].to_owned()];
    let change = KeyChange {
        drop,
        ..KeyChange::default()
    };
    bed.rotate(&change).unwrap();
    let summary = bed.tree.summary().unwrap().unwrap();
    assert_eq!(summary.thresholds, [2, 2]);
    assert_eq!(summary.keys.len(), 4);
    assert_eq!(bed.walk().base_urls(), ["https://a.example"]);
    bed.manifest();
}

#[test]
fn what_makes_no_root_changes_nothing_and_leaves_no_key() {
    let bed = Bed::new();
    bed.publish("1.0.0");
    let before = [bed.snapshot("keys"), bed.snapshot("releases")];
    let empty = KeyChange::default;
    for (change, part) in [
        (
            KeyChange {
                root_threshold: Some(2),
                new_release_keys: 1,
                ..empty()
            },
            "2 of 1 keys",
        ),
        (
            KeyChange {
                release_threshold: Some(0),
                new_root_keys: 1,
                ..empty()
            },
            "0 of 1 keys",
        ),
        (
            KeyChange {
                drop: bed.ids("release"),
                ..empty()
            },
            "1 of 0 keys",
        ),
        (
            KeyChange {
                drop: vec!["abcdef".into()],
                ..empty()
            },
            "names 0 keys",
        ),
        (
            KeyChange {
                base_urls: Some(vec!["file:///x".into()]),
                new_root_keys: 1,
                ..empty()
            },
            "base_urls",
        ),
        (
            KeyChange {
                reset_seen: vec!["../x".into()],
                ..empty()
            },
            "reset_seen",
        ),
    ] {
        let error = bed.rotate(&change).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
        assert_eq!([bed.snapshot("keys"), bed.snapshot("releases")], before);
    }
}

#[test]
fn a_missing_root_key_is_named_and_publishing_goes_on_without_it() {
    let bed = Bed::new();
    bed.publish("1.0.0");
    let away = bed.path("safe.key");
    std::fs::rename(bed.path("keys/root.key"), &away).unwrap();
    bed.publish("1.1.0");
    let error = bed.rotate(&bed.replace_all()).unwrap_err().to_string();
    assert!(error.contains("root.key"), "{error}");
    assert!(!bed.path("keys/root.key").exists(), "no new one was made");
    std::fs::rename(&away, bed.path("keys/root.key")).unwrap();
    bed.rotate(&bed.replace_all()).unwrap();
    bed.manifest();
}

/// The crash between the new root and the manifests that it signs.
#[test]
fn an_interrupted_rotation_leaves_hosts_with_what_they_had_and_the_next_command_heals_it() {
    let bed = Bed::new();
    bed.publish("1.0.0");
    let old_manifest = bed.tree.manifest("stable").unwrap().unwrap();
    let old_open_root = std::fs::read(bed.tree.root_file()).unwrap();
    bed.rotate(&bed.replace_all()).unwrap();
    bed.file("releases/v1/stable/manifest.json", &old_manifest);
    bed.file("releases/root.json", &old_open_root);
    assert!(bed.first_root().verify_manifest(&old_manifest).is_ok());
    assert_eq!(bed.tree.serial("stable").unwrap(), Some(1));
    assert_eq!(bed.publisher().renew("stable", None).unwrap().serial, 3);
    let manifest = bed.manifest();
    assert_eq!((manifest.root, manifest.serial), (2, 3));
    let newest = bed.tree.root("2.root.json").unwrap().unwrap();
    assert_eq!(std::fs::read(bed.tree.root_file()).unwrap(), newest);
}

/// A thief who can write to the tree, with a key that was dropped since.
#[test]
fn what_a_dropped_key_has_signed_is_never_signed_again() {
    let bed = Bed::new();
    bed.publish("1.0.0");
    let stolen = std::fs::read_to_string(bed.path("keys/release.key")).unwrap();
    let stolen = Keypair::from_text(&stolen).unwrap();
    let mut evil = bed.manifest();
    evil.serial = 50;
    evil.releases[0].version = "evil".to_owned();
    let evil = sign(&evil.to_payload().unwrap(), &[&stolen]);
    bed.rotate(&bed.replace_all()).unwrap();
    bed.file("releases/v1/stable/manifest.json", &evil);
    let place = bed.path("history");
    std::fs::rename(bed.path("releases/history"), &place).unwrap();
    for refused in [
        bed.rotate(&KeyChange::default()).map(drop),
        bed.publisher().renew("stable", None).map(drop),
        bed.publisher().publish(&bed.draft("1.1.0")).map(drop),
    ] {
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("manifest.json: bad signature"), "{text}");
    }
    std::fs::rename(&place, bed.path("releases/history")).unwrap();
    assert_eq!(bed.publisher().renew("stable", None).unwrap().serial, 3);
    assert!(
        bed.manifest()
            .releases
            .iter()
            .all(|release| release.version == "1.0.0")
    );
}

/// The list of keys is written, and then the root cannot be.
#[cfg(unix)]
#[test]
fn keys_that_the_list_names_survive_a_root_that_cannot_be_written() {
    let bed = Bed::new();
    let roots = bed.path("releases/v1/roots");
    std::fs::create_dir_all(roots.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("/nowhere/at/all", &roots).unwrap();
    bed.publisher()
        .init_keys(&KeyChange::default())
        .unwrap_err();
    std::fs::remove_file(&roots).unwrap();
    bed.publish("1.0.0");
    bed.manifest();
}

#[test]
fn a_reset_makes_hosts_forget_and_the_serial_goes_on() {
    let bed = Bed::new();
    bed.publish("1.0.0");
    let mut far = bed.manifest();
    far.serial = u64::MAX;
    let seen = Seen::of(&far);
    let change = KeyChange {
        reset_seen: vec!["stable".to_owned()],
        ..KeyChange::default()
    };
    bed.rotate(&change).unwrap();
    let served = bed.tree.manifest("stable").unwrap().unwrap();
    let refused = bed.first_root().accept(&served, "stable", Some(&seen));
    assert!(refused.is_err());
    let accepted = bed.walk().accept(&served, "stable", Some(&seen)).unwrap();
    assert_eq!(accepted.serial, 2);
}

#[test]
fn a_tree_from_before_roots_had_versions_is_completed() {
    let bed = Bed::new();
    bed.publish("1.0.0");
    let root = std::fs::read(bed.tree.root_file()).unwrap();
    std::fs::remove_dir_all(bed.path("releases/v1/roots")).unwrap();
    std::fs::remove_file(bed.path("keys/keys.json")).unwrap();
    assert_eq!(bed.tree.serial("stable").unwrap(), Some(1));
    bed.publish("1.1.0");
    assert_eq!(bed.tree.root("1.root.json").unwrap(), Some(root));
    bed.rotate(&bed.replace_all()).unwrap();
    bed.manifest();
}

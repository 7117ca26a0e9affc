//! Publishing as a host sees it: the trust root it was given, the manifest, the files.

use std::path::Path;

use server_releases::{PublishError, Published};
use shared_slots::Digest;

use crate::Bed;

impl Bed {
    fn publish_for(&self, version: &str, platform: &str) -> Result<Published, PublishError> {
        self.publisher()
            .publish(&self.draft_for(version, platform)?)
    }
}

#[test]
fn a_host_with_the_trust_root_accepts_the_manifest_and_finds_the_files() {
    let bed = Bed::new();
    let published = bed.publish("1.0.0");
    let manifest = bed.manifest();
    assert_eq!((published.serial, manifest.serial), (1, 1));
    for (name, content) in [("launcher", "launcher 1"), ("agent", "agent 1")] {
        let target = manifest
            .release(name)
            .unwrap()
            .target_for("linux", "x86_64")
            .unwrap();
        assert_eq!(target.sha256, Digest::of(content.as_bytes()));
        assert_eq!(target.url, [format!("blobs/{}", target.sha256)]);
        let blob = bed.tree.blob(&target.sha256.to_string()).unwrap();
        assert_eq!(std::fs::read_to_string(blob).unwrap(), content);
    }
    assert_eq!(bed.tree.serial("stable").unwrap(), Some(1));
}

#[test]
fn the_serial_grows_each_time_and_a_component_only_when_it_changed() {
    let bed = Bed::new();
    bed.publish("1.0.0");
    bed.file("agent", "agent 2");
    let second = bed.publish("1.0.0");
    let numbers = |published: &Published| -> Vec<u64> {
        published
            .components
            .iter()
            .map(|component| component.seq)
            .collect()
    };
    assert_eq!((second.serial, numbers(&second)), (2, vec![1, 2]));
    let third = bed.publish("1.0.0");
    assert_eq!(
        (third.serial, numbers(&third)),
        (3, vec![1, 2]),
        "the same again is fine"
    );
    let fourth = bed.publish("1.1.0");
    assert_eq!((fourth.serial, numbers(&fourth)), (4, vec![2, 3]));
}

#[test]
fn one_version_gathers_platforms_and_another_begins_anew() {
    let bed = Bed::new();
    bed.publish_for("1.0.0", "linux-x86_64").unwrap();
    bed.publish_for("1.0.0", "linux-aarch64").unwrap();
    let targets = |name: &str| bed.manifest().release(name).unwrap().targets.len();
    assert_eq!(targets("agent"), 2);
    bed.publish_for("1.0.0", "linux-aarch64").unwrap();
    assert_eq!(targets("agent"), 2);
    bed.publish_for("1.1.0", "linux-aarch64").unwrap();
    assert_eq!(targets("agent"), 1);
}

#[test]
fn keys_and_root_are_made_once() {
    let bed = Bed::new();
    bed.publish("1.0.0");
    let read = |path: &Path| std::fs::read(path).unwrap();
    let root = read(&bed.tree.root_file());
    let key = read(&bed.path("keys/release.key"));
    bed.publish("1.1.0");
    assert_eq!(read(&bed.tree.root_file()), root);
    assert_eq!(read(&bed.path("keys/release.key")), key);
}

#[cfg(unix)]
#[test]
fn keys_are_for_their_owner_and_what_is_published_for_everybody() {
    use std::os::unix::fs::PermissionsExt as _;
    let bed = Bed::new();
    bed.publish("1.0.0");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    for name in ["keys/root.key", "keys/release.key", "keys/keys.json"] {
        assert_eq!(mode(&bed.path(name)), 0o600, "{name}");
    }
    // What a plain new file gets here: the umask is the administrator's.
    bed.file("plain", "");
    let plain = mode(&bed.path("plain")) & 0o644;
    let published = bed.snapshot("releases");
    assert!(published.len() > 4);
    for (path, _) in published {
        assert_eq!(mode(&path), plain, "{}", path.display());
    }
}

#[test]
fn what_makes_no_release_is_refused_and_changes_nothing() {
    let bed = Bed::new();
    bed.publish("1.0.0");
    std::fs::remove_file(bed.path("agent")).unwrap();
    let missing = bed
        .publish_for("1.1.0", "linux-x86_64")
        .unwrap_err()
        .to_string();
    assert!(
        missing.contains(bed.path("agent").to_str().unwrap()),
        "{missing}"
    );
    bed.file("agent", "");
    let empty = bed
        .publish_for("1.1.0", "linux-x86_64")
        .unwrap_err()
        .to_string();
    assert!(empty.contains("size"), "{empty}");
    let platform = bed.publish_for("1.1.0", "linux").unwrap_err().to_string();
    assert!(platform.contains("linux-x86_64"), "{platform}");
    assert_eq!(bed.manifest().release("agent").unwrap().version, "1.0.0");
}

#[test]
fn a_damaged_manifest_is_put_back_or_named_and_never_built_upon() {
    let bed = Bed::new();
    bed.publish("1.0.0");
    bed.file("releases/v1/stable/manifest.json", "{}");
    assert_eq!(bed.publish("1.1.0").serial, 2);
    bed.file("releases/v1/stable/manifest.json", "{}");
    std::fs::remove_dir_all(bed.path("releases/history")).unwrap();
    let error = bed
        .publish_for("1.2.0", "linux-x86_64")
        .unwrap_err()
        .to_string();
    assert!(error.contains("manifest.json"), "{error}");
}

#[test]
fn no_name_leads_out_of_the_tree() {
    let bed = Bed::new();
    bed.publish("1.0.0");
    for channel in [
        "",
        "..",
        "../..",
        "stable/../stable",
        "blobs",
        "roots",
        "Stable",
        "a.b",
        "/etc",
    ] {
        assert_eq!(bed.tree.manifest(channel).unwrap(), None, "{channel}");
    }
    for digest in [
        "",
        "..",
        "../../keys/root.key",
        &"A".repeat(64),
        &"0".repeat(63),
    ] {
        assert_eq!(bed.tree.blob(digest), None, "{digest}");
    }
}

//! Archives: plugins from a folder, and bundles for hosts without a network.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use server_releases::{KeyChange, Platform};
use shared_release::Root;
use shared_slots::Digest;

use crate::Bed;

fn unpack(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut archive = zip::ZipArchive::new(File::open(path).unwrap()).unwrap();
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        files.insert(file.name().unwrap().into_owned(), content);
    }
    files
}

impl Bed {
    fn publish_plugins(&self, version: &str) -> Result<Digest, String> {
        let mut draft = self.draft(version);
        draft.files[0].plugins = Some(self.path("plugins"));
        let published = self.publisher().publish(&draft);
        let published = published.map_err(|error| error.to_string())?;
        Ok(published.components[2].digest.parse().unwrap())
    }
}

#[test]
fn plugins_of_the_same_folder_have_the_same_digest_wherever_and_whenever() {
    let digests: Vec<Digest> = [["b.so", "a/c.so"], ["a/c.so", "b.so"]]
        .map(|order| {
            let bed = Bed::new();
            for name in order {
                bed.file(&format!("plugins/{name}"), name);
            }
            bed.publish_plugins("1.0.0").unwrap()
        })
        .to_vec();
    assert_eq!(digests[0], digests[1]);
    let bed = Bed::new();
    bed.file("plugins/b.so", "b.so");
    bed.file("plugins/a/c.so", "a/c.so");
    let digest = bed.publish_plugins("1.0.0").unwrap();
    assert_eq!(digest, digests[0]);
    let zip = bed.tree.blob(&digest.to_string()).unwrap();
    let names: Vec<String> = unpack(&zip).into_keys().collect();
    assert_eq!(names, ["a/c.so", "b.so"]);
    let manifest = bed.manifest();
    let agent = manifest.release("agent").unwrap();
    let plugins = manifest.plugins_of(agent, "linux", "x86_64").unwrap();
    assert_eq!(plugins.sha256, digest);
}

#[test]
fn plugins_that_pause_keep_their_numbers() {
    let bed = Bed::new();
    bed.file("plugins/a.so", "1");
    bed.publish_plugins("1.0.0").unwrap();
    bed.file("plugins/a.so", "2");
    bed.publish_plugins("1.1.0").unwrap();
    for number in 2..10 {
        bed.publish(&format!("1.{number}.0"));
    }
    bed.publish_plugins("2.0.0").unwrap();
    assert_eq!(bed.manifest().release("plugins").unwrap().seq, 3);
}

#[cfg(unix)]
#[test]
fn links_empty_folders_and_what_is_no_zip_are_no_plugins() {
    let bed = Bed::new();
    bed.file("plugins", "a text");
    let text = bed.publish_plugins("1.0.0").unwrap_err();
    assert!(text.contains("neither a folder nor a zip"), "{text}");
    std::fs::remove_file(bed.path("plugins")).unwrap();
    std::fs::create_dir(bed.path("plugins")).unwrap();
    let empty = bed.publish_plugins("1.0.0").unwrap_err();
    assert!(empty.contains("no files"), "{empty}");
    std::os::unix::fs::symlink("/etc/passwd", bed.path("plugins/x.so")).unwrap();
    let link = bed.publish_plugins("1.0.0").unwrap_err();
    assert!(link.contains("neither file nor folder"), "{link}");
    assert_eq!(bed.tree.manifest("stable").unwrap(), None);
}

#[test]
fn a_bundle_is_all_that_a_host_of_any_age_needs() {
    let bed = Bed::new();
    bed.publish("1.0.0");
    bed.publisher().rotate(&KeyChange::default()).unwrap();
    bed.file("releases/v1/roots/1.root.json~", "left by an editor");
    let out = bed.path("bundle.zip");
    let export = || bed.publisher().export("stable", &[], &out).unwrap();
    let exported = export();
    let files = unpack(&out);
    assert_eq!(
        exported.digest,
        Digest::of(&std::fs::read(&out).unwrap()).to_string()
    );
    let first = Root::from_trusted(&files["v1/roots/1.root.json"]).unwrap();
    let root = first.follow(&files["v1/roots/2.root.json"]).unwrap();
    let manifest = root
        .accept(&files["v1/stable/manifest.json"], "stable", None)
        .unwrap();
    let mut count = 0;
    for target in manifest
        .releases
        .iter()
        .flat_map(|release| &release.targets)
    {
        let file = &files[&format!("v1/{}", target.url[0])];
        assert_eq!(Digest::of(file), target.sha256);
        count += 1;
    }
    assert_eq!((count, files.len()), (exported.files, exported.files + 3));
    assert_eq!(export().digest, exported.digest, "the same again");
}

#[test]
fn a_bundle_can_be_for_some_platforms_only() {
    let bed = Bed::new();
    bed.publish("1.0.0");
    bed.file("agent", "agent for arm");
    let draft = bed.draft_for("1.0.0", "linux-aarch64").unwrap();
    bed.publisher().publish(&draft).unwrap();
    let out = bed.path("bundle.zip");
    let export = |platform| {
        let platforms = [Platform::parse(platform).unwrap()];
        bed.publisher().export("stable", &platforms, &out)
    };
    assert_eq!(export("linux-aarch64").unwrap().files, 2);
    let arm = Digest::of(b"agent for arm");
    assert!(unpack(&out).contains_key(&format!("v1/blobs/{arm}")));
    let before = std::fs::read(&out).unwrap();
    let error = export("macos-aarch64").unwrap_err().to_string();
    assert!(error.contains("no files"), "{error}");
    assert_eq!(std::fs::read(&out).unwrap(), before);
}

#[test]
fn a_bundle_leaves_out_what_was_revoked() {
    let bed = Bed::new();
    bed.publish("1.0.0");
    let agent = Digest::of(b"agent 1");
    let publisher = bed.publisher();
    publisher.revoke("stable", &agent.to_string(), &[]).unwrap();
    let out = bed.path("bundle.zip");
    assert_eq!(publisher.export("stable", &[], &out).unwrap().files, 1);
    assert!(!unpack(&out).contains_key(&format!("v1/blobs/{agent}")));
}

//! `export` and `import`: from host to host, and everything that an archive can try.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use shared_release::{Keypair, RootPlan, sign};
use zip::write::SimpleFileOptions;

use crate::bed::{
    Bed, content, digest_of, first_root, manifest, revoking, snapshot, soon, stable,
    stable_manifest,
};

type Entries = Vec<(String, Vec<u8>)>;

fn pack(path: &Path, entries: &[(String, Vec<u8>)]) {
    let mut zip = zip::ZipWriter::new(fs::File::create(path).unwrap());
    for (name, bytes) in entries {
        zip.start_file(name.as_str(), SimpleFileOptions::default())
            .unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

fn blob(component: &str, version: &str) -> (String, Vec<u8>) {
    let name = format!("v1/blobs/{}", digest_of(component, version));
    (name, content(component, version))
}

fn manifest_of(bytes: Vec<u8>) -> (String, Vec<u8>) {
    ("v1/stable/manifest.json".into(), bytes)
}

/// Release 3 with agent 3.0, beside the launcher that the host has.
fn good() -> Entries {
    let manifest = stable(3, &[("launcher", "1.0"), ("agent", "3.0")]);
    vec![manifest_of(manifest), blob("agent", "3.0")]
}

#[test]
fn what_one_host_exports_another_imports() {
    let from = Bed::installed();
    let bundle = from.path("bundle.zip");
    let path = bundle.to_str().unwrap();
    let ran = from.run(&["update", "export", path]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("stable, serial 2, "), "{}", ran.out);
    let first = fs::read(&bundle).unwrap();
    assert_eq!(from.json(&["update", "export", path]).0["files"], 2);
    assert_eq!(
        fs::read(&bundle).unwrap(),
        first,
        "the same content is the same file"
    );

    let to = Bed::empty();
    to.trust();
    let (imported, code) = to.json(&["update", "import", path]);
    assert_eq!((code, &imported["serial"]), (0, &2.into()), "{imported:#}");
    let drop = to.state.drop_folder().join("v1");
    for (component, version) in [("launcher", "1.0"), ("agent", "2.0")] {
        let blob = drop
            .join("blobs")
            .join(digest_of(component, version).to_string());
        assert_eq!(fs::read(blob).unwrap(), content(component, version));
    }
    assert!(drop.join("stable/manifest.json").is_file());
    let again = to.run(&["update", "import", path]);
    assert_eq!(again.code, 0, "{}", again.err);
    assert!(
        again.err.contains("`trireme update check` asks it now"),
        "{}",
        again.err
    );
}

#[test]
fn a_bundle_may_bring_the_next_root() {
    let bed = Bed::installed();
    let root = shared_release::Root::from_trusted(&first_root()).unwrap();
    let mut plan = RootPlan::after(&root);
    let new_key = Keypair::from_seed([5; 32]);
    plan.release_keys = vec![new_key.public()];
    plan.expires = soon();
    let next = sign(&plan.to_payload(), &[&Keypair::from_seed([1; 32])]);
    let what = [("agent", "3.0")];
    let newer = manifest("stable", 3, &what, &new_key);
    let bundle = bed.path("bundle.zip");
    let path = bundle.to_str().unwrap();
    let root = ("v1/roots/2.root.json".to_owned(), next);
    pack(
        &bundle,
        &[root, manifest_of(newer.clone()), blob("agent", "3.0")],
    );
    let (imported, code) = bed.json(&["update", "import", path]);
    assert_eq!((code, &imported["root"]), (0, &2.into()), "{imported:#}");
    assert!(
        bed.state
            .drop_folder()
            .join("v1/roots/2.root.json")
            .is_file()
    );
    // Without the root, nothing vouches for that key.
    pack(&bundle, &[manifest_of(newer), blob("agent", "3.0")]);
    let ran = bed.run(&["update", "import", path]);
    assert_eq!(ran.code, 65);
    assert!(
        ran.err.contains("its manifest is refused: bad signature"),
        "{}",
        ran.err
    );
}

/// What a bundle may not be, and what is said of it.
fn refused() -> Vec<(Entries, &'static str)> {
    let evil = |name: &str| vec![(name.to_owned(), b"evil".to_vec())];
    let stranger = Keypair::from_seed([9; 32]);
    let agent = [("agent", "3.0")];
    let forged = manifest("stable", 3, &agent, &stranger);
    let other = manifest("edge", 3, &agent, &crate::bed::release_key());
    let old = stable(1, &[("agent", "1.0")]);
    let mut spoiled = blob("agent", "3.0");
    spoiled.1[0] ^= 1;
    let mut longer = blob("agent", "3.0");
    longer.1.push(0);
    let newest = || manifest_of(stable(3, &agent));
    vec![
        (evil("../evil"), "\"../evil\" is no part of a release"),
        (evil("/etc/evil"), "is no part of a release"),
        (
            evil("v1/../../evil/manifest.json"),
            "is no part of a release",
        ),
        (evil("v1\\stable\\manifest.json"), "is no part of a release"),
        (evil("v1/stable/notes.txt"), "is no part of a release"),
        (vec![blob("agent", "3.0")], "it has no manifest"),
        (
            vec![manifest_of(forged), blob("agent", "3.0")],
            "its manifest is refused: bad signature",
        ),
        (
            vec![manifest_of(old), blob("agent", "1.0")],
            "is older than 2",
        ),
        (
            vec![("v1/edge/manifest.json".into(), other.clone())],
            "this host follows stable",
        ),
        (vec![manifest_of(other)], "its manifest is refused"),
        (vec![newest(), spoiled], "is not what its name says"),
        (vec![newest(), longer], "is not what its name says"),
        (
            vec![newest(), blob("agent", "3.0"), blob("agent", "0.1")],
            "is none of the release's",
        ),
        (vec![newest()], "it lacks agent 3.0 for"),
        (vec![manifest_of(vec![b' '; 2 << 20])], "longer than"),
        (
            vec![newest(), ("v1/edge/manifest.json".into(), vec![])],
            "several channels",
        ),
    ]
}

#[test]
fn a_bundle_is_refused_as_a_whole_or_taken_as_a_whole() {
    let bed = Bed::installed();
    let bundle = bed.path("bundle.zip");
    for (entries, needle) in refused() {
        pack(&bundle, &entries);
        let before = snapshot(&bed);
        let ran = bed.run(&["update", "import", bundle.to_str().unwrap()]);
        assert_eq!(ran.code, 65, "{needle}: {}", ran.err);
        assert!(ran.err.contains(needle), "{needle}: {}", ran.err);
        assert_eq!(snapshot(&bed), before, "{needle}");
    }
    pack(&bundle, &good());
    assert_eq!(
        bed.run(&["update", "import", bundle.to_str().unwrap()])
            .code,
        0
    );
}

#[test]
fn what_was_taken_back_need_not_be_in_a_bundle() {
    let bed = Bed::installed();
    let bundle = bed.path("bundle.zip");
    let path = bundle.to_str().unwrap();
    let manifest = stable_manifest(3, &[("agent", "3.0"), ("agent", "4.0")]);
    let bad = digest_of("agent", "4.0");
    for (entries, code) in [
        (vec![manifest_of(revoking(&manifest, bad))], 65),
        (
            vec![manifest_of(revoking(&manifest, bad)), blob("agent", "3.0")],
            0,
        ),
    ] {
        pack(&bundle, &entries);
        let ran = bed.run(&["update", "import", path]);
        assert_eq!(ran.code, code, "{}", ran.err);
        assert!(
            code == 0 || ran.err.contains("it lacks agent 3.0 for"),
            "{}",
            ran.err
        );
    }
    // A host that runs what is left exports that.
    bed.seal(shared_handover::layout::Component::Agent, "3.0", 3);
    bed.remember(&revoking(&manifest, bad));
    let ran = bed.run(&["update", "export", path]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("agent 3.0 for"), "{}", ran.out);
}

#[test]
fn a_bundle_makes_the_files_of_the_one_before_room() {
    let bed = Bed::installed();
    let bundle = bed.path("bundle.zip");
    let path = bundle.to_str().unwrap();
    let blobs = bed.state.drop_folder().join("v1/blobs");
    for (serial, version) in [(3, "3.0"), (4, "4.0")] {
        let newest = stable(serial, &[("agent", version)]);
        pack(&bundle, &[manifest_of(newest), blob("agent", version)]);
        assert_eq!(bed.run(&["update", "import", path]).code, 0);
        let names: Vec<_> = fs::read_dir(&blobs)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(names, [digest_of("agent", version).to_string()]);
    }
}

#[test]
fn two_entries_of_one_name_are_refused() {
    let bed = Bed::installed();
    let bundle = bed.path("bundle.zip");
    let other = ("v1/stablf/manifest.json".to_owned(), b"evil".to_vec());
    pack(&bundle, &[good(), vec![other]].concat());
    // No writer makes this, so it is patched.
    let mut bytes = fs::read(&bundle).unwrap();
    let places: Vec<usize> = (0..bytes.len() - 6)
        .filter(|place| &bytes[*place..*place + 6] == b"stablf")
        .collect();
    assert_eq!(places.len(), 2, "its own header and the directory");
    for place in places {
        bytes[place + 5] = b'e';
    }
    fs::write(&bundle, bytes).unwrap();
    let ran = bed.run(&["update", "import", bundle.to_str().unwrap()]);
    assert_eq!(ran.code, 65, "{}", ran.err);
    assert!(
        ran.err.contains("one of its entries comes twice"),
        "{}",
        ran.err
    );
}

#[test]
fn a_link_in_a_bundle_is_refused() {
    let bed = Bed::installed();
    let bundle = bed.path("bundle.zip");
    let mut zip = zip::ZipWriter::new(fs::File::create(&bundle).unwrap());
    let name = blob("agent", "3.0").0;
    zip.add_symlink(name, "/etc/passwd", SimpleFileOptions::default())
        .unwrap();
    zip.finish().unwrap();
    let ran = bed.run(&["update", "import", bundle.to_str().unwrap()]);
    assert_eq!(ran.code, 65);
    assert!(ran.err.contains("is no plain file"), "{}", ran.err);
}

#[test]
fn what_is_no_archive_is_refused() {
    let bed = Bed::installed();
    let bundle = bed.path("bundle.zip");
    let path = bundle.to_str().unwrap();
    let ran = bed.run(&["update", "import", path]);
    assert!(ran.err.contains("No such file"), "{}", ran.err);
    pack(&bundle, &good());
    let whole = fs::read(&bundle).unwrap();
    for bytes in [b"".as_slice(), b"PK", &whole[..whole.len() - 30]] {
        fs::write(&bundle, bytes).unwrap();
        let ran = bed.run(&["update", "import", path]);
        assert_eq!(ran.code, 65);
        assert!(ran.err.contains("it is no bundle"), "{}", ran.err);
    }
}

#[test]
fn a_bomb_is_read_no_further_than_it_may_be_long() {
    let bed = Bed::installed();
    let bundle = bed.path("bundle.zip");
    let newest = stable(3, &[("agent", "3.0")]);
    let name = blob("agent", "3.0").0;
    // A hundred megabytes of zeros in a hundred kilobytes, under the name of a file of 1,000 bytes.
    pack(&bundle, &[manifest_of(newest), (name, vec![0; 100 << 20])]);
    // Whoever reads on comes to a place where it cannot be unpacked.
    let mut bytes = fs::read(&bundle).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 1000].fill(0x5a);
    fs::write(&bundle, bytes).unwrap();
    let ran = bed.run(&["update", "import", bundle.to_str().unwrap()]);
    assert_eq!(ran.code, 65);
    assert!(ran.err.contains("is not what its name says"), "{}", ran.err);
    assert!(!bed.state.drop_folder().exists());
}

#[test]
fn a_host_that_lacks_its_own_release_cannot_export_it() {
    let bed = Bed::installed();
    let path = bed.path("bundle.zip");
    let path = path.to_str().unwrap();
    bed.remember(&stable(3, &[("agent", "3.0")]));
    let ran = bed.run(&["update", "export", path]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.err
            .contains("agent 3.0 cannot be exported: it is not in the store"),
        "{}",
        ran.err
    );
    assert!(!Path::new(path).exists());
    let fresh = Bed::empty();
    assert_eq!(
        fresh.run(&["update", "export", path]).code,
        78,
        "no trust root"
    );
    fresh.trust();
    let ran = fresh.run(&["update", "export", path]);
    assert!(ran.err.contains("nothing to export"), "{}", ran.err);
}

#[test]
fn what_a_publisher_exports_a_host_imports() {
    let bed = Bed::empty();
    let data = bed.path("data");
    let tree = server_releases::Tree::new(&data);
    let publisher = server_releases::Publisher {
        tree: &tree,
        access: server_releases::KeyAccess::default(),
        now: jiff::Timestamp::now(),
        tell: &|_| {},
    };
    let file = |name: &str| {
        let path = bed.path(name);
        fs::write(&path, content(name, "1.0")).unwrap();
        path
    };
    let platform = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    let files = server_releases::Files {
        platform: server_releases::Platform::parse(&platform).unwrap(),
        launcher: file("launcher"),
        agent: file("agent"),
        plugins: None,
    };
    let mut draft = server_releases::Draft::new("stable", "1.0", vec![files]);
    draft.encode = false;
    publisher.publish(&draft).unwrap();
    let bundle = bed.path("bundle.zip");
    publisher.export("stable", &[], &bundle).unwrap();

    let first = bed.state.trust().join("1.root.json");
    fs::write(first, tree.root("1.root.json").unwrap().unwrap()).unwrap();
    let (imported, code) = bed.json(&["update", "import", bundle.to_str().unwrap()]);
    assert_eq!((code, &imported["files"]), (0, &2.into()), "{imported:#}");
}

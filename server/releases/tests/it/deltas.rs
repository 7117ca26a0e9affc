//! Encodings and deltas: made when they pay, right when they are applied, pruned when nothing names
//! them.

use shared_delta::Algorithm;
use shared_release::Target;
use shared_slots::Digest;

use crate::Bed;

/// Bytes that do not compress, with a few of this version.
fn build(version: u32) -> Vec<u8> {
    let mut state = 1_u32;
    let mut bytes: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_le_bytes()[3]
    })
    .take(60_000)
    .collect();
    bytes[30_000..30_004].copy_from_slice(&version.to_le_bytes());
    bytes.extend([b'x'; 4000]);
    bytes
}

impl Bed {
    fn release(&self, number: u32) -> Target {
        self.file("agent", build(number));
        self.publish(&format!("1.{number}.0"));
        let manifest = self.manifest();
        let agent = manifest.release("agent").unwrap();
        agent.target_for("linux", "x86_64").unwrap().clone()
    }
}

#[test]
fn deltas_start_from_the_last_five_and_make_the_new_file() {
    let bed = Bed::new();
    let mut target = bed.release(0);
    assert!(target.deltas.is_empty());
    for number in 1..=7 {
        target = bed.release(number);
    }
    let from: Vec<Digest> = target.deltas.iter().map(|delta| delta.from).collect();
    let last_five: Vec<Digest> = (2..=6)
        .rev()
        .map(|number| Digest::of(&build(number)))
        .collect();
    assert_eq!(from, last_five);
    let zstd = target.encoded("zstd").unwrap();
    for delta in &target.deltas {
        assert!(delta.size * 2 < zstd.size);
        let algo: Algorithm = delta.algo.parse().unwrap();
        let patch = bed.tree.blob(&delta.sha256.to_string()).unwrap();
        assert_eq!(std::fs::metadata(&patch).unwrap().len(), delta.size);
        let old = bed.tree.blob(&delta.from.to_string()).unwrap();
        let out = bed.path("out");
        shared_delta::apply(algo, &old, &patch, &out, target.size).unwrap();
        assert_eq!(Digest::of(&std::fs::read(&out).unwrap()), target.sha256);
        std::fs::remove_file(&out).unwrap();
    }
    let encoded = bed.tree.blob(&zstd.sha256.to_string()).unwrap();
    let out = bed.path("out");
    shared_delta::decode_zstd(&encoded, &out, target.size).unwrap();
    assert_eq!(std::fs::read(out).unwrap(), build(7));
}

#[test]
fn what_does_not_pay_is_not_published() {
    let bed = Bed::new();
    bed.release(0);
    bed.file("agent", [7; 9].as_slice());
    bed.publish("2.0.0");
    let manifest = bed.manifest();
    let tiny = &manifest.release("agent").unwrap().targets[0];
    assert!(
        tiny.encoded.is_empty() && tiny.deltas.is_empty(),
        "{tiny:?}"
    );
}

#[test]
fn publishing_the_same_again_makes_nothing_anew() {
    let bed = Bed::new();
    bed.release(0);
    let first = bed.release(1);
    let blobs = bed.blob_count();
    let told = std::cell::RefCell::new(Vec::new());
    let tell = |line: &str| told.borrow_mut().push(line.to_owned());
    let mut publisher = bed.publisher();
    publisher.tell = &tell;
    publisher.publish(&bed.draft("1.1.0")).unwrap();
    assert!(
        told.borrow().iter().all(|line| !line.contains("agent")),
        "{told:?}"
    );
    let again = bed.manifest();
    let again = again.release("agent").unwrap();
    assert_eq!((again.seq, &again.targets[0]), (2, &first));
    assert_eq!(bed.blob_count(), blobs);
}

#[test]
fn an_encoding_that_was_lost_is_made_again() {
    let bed = Bed::new();
    let zstd = bed.release(0).encoded("zstd").unwrap().sha256.to_string();
    let blob = bed.tree.blob(&zstd).unwrap();
    std::fs::remove_file(&blob).unwrap();
    bed.publish("1.0.1");
    assert!(blob.is_file());
}

#[test]
fn plain_and_without_deltas_are_choices() {
    let bed = Bed::new();
    bed.release(0);
    bed.file("agent", build(1));
    let mut draft = bed.draft("1.1.0");
    draft.delta_from = 0;
    bed.publisher().publish(&draft).unwrap();
    let manifest = bed.manifest();
    let target = &manifest.release("agent").unwrap().targets[0];
    assert!(target.deltas.is_empty() && target.encoded.len() == 1);
    draft.encode = false;
    draft.version = "1.2.0".to_owned();
    bed.file("agent", build(2));
    bed.publisher().publish(&draft).unwrap();
    let manifest = bed.manifest();
    let target = &manifest.release("agent").unwrap().targets[0];
    assert!(target.encoded.is_empty());
}

#[test]
fn files_go_when_none_of_the_last_manifests_names_them_and_no_sooner() {
    let bed = Bed::new();
    let oldest = bed.release(0);
    let blob = bed.tree.blob(&oldest.sha256.to_string()).unwrap();
    for number in 1..20 {
        bed.release(number);
        assert!(blob.is_file(), "after {number} more");
    }
    // It is listed for five releases, and then kept for twenty manifests.
    for number in 20..26 {
        bed.release(number);
    }
    assert!(!blob.is_file());
    let manifest = bed.manifest();
    for target in manifest
        .releases
        .iter()
        .flat_map(|release| &release.targets)
    {
        let all = [&target.sha256].into_iter();
        let all = all.chain(target.encoded.iter().map(|one| &one.sha256));
        for digest in all.chain(target.deltas.iter().map(|one| &one.sha256)) {
            assert!(bed.tree.blob(&digest.to_string()).unwrap().is_file());
        }
    }
    assert_eq!(bed.snapshot("releases/history").len(), 20);
}

#[test]
fn five_versions_are_listed_and_every_barrier() {
    let bed = Bed::new();
    bed.release(0);
    bed.file("agent", build(1));
    let mut draft = bed.draft("1.1.0");
    draft.barrier = true;
    bed.publisher().publish(&draft).unwrap();
    for number in 2..10 {
        bed.release(number);
    }
    let manifest = bed.manifest();
    let mut listed: Vec<u64> = manifest
        .listed("agent")
        .map(|release| release.seq)
        .collect();
    listed.sort_unstable();
    assert_eq!(listed, [2, 6, 7, 8, 9, 10]);
}

#[test]
fn a_version_that_others_need_to_pass_through_stays_listed() {
    let bed = Bed::new();
    bed.release(0);
    let stone = bed.release(1);
    for number in 2..10 {
        bed.file("agent", build(number));
        let mut draft = bed.draft(&format!("1.{number}.0"));
        draft.min_from_seq = vec![("agent".to_owned(), 2)];
        bed.publisher().publish(&draft).unwrap();
    }
    let manifest = bed.manifest();
    let has_stone = |release: &shared_release::Release| release.targets[0].sha256 == stone.sha256;
    assert!(manifest.listed("agent").any(has_stone));
    let mut draft = bed.draft("2.0.0");
    draft.min_from_seq = vec![("agent".to_owned(), 99)];
    let error = bed.publisher().publish(&draft).unwrap_err().to_string();
    assert!(error.contains("no host"), "{error}");
}

//! What an archive may not hold. Whatever is refused leaves nothing behind, in or out of its folder.

use agent_plugins::Limits;
use agent_plugins::unpack::unpack;
use proptest::prelude::*;

use crate::zip_bytes::{Entry, archive, file, tree, written};

fn small() -> Limits {
    Limits {
        archive: 1 << 20,
        entries: 4,
        file: 100,
        total: 150,
        ratio: 100,
    }
}

/// Why it is refused; checks that nothing was written.
fn refused(bytes: &[u8], limits: &Limits) -> String {
    let folder = tempfile::tempdir().unwrap();
    let zip = written(folder.path(), bytes);
    let into = folder.path().join("a/b/plugins");
    let error = unpack(&zip, &into, limits)
        .expect_err("it is refused")
        .to_string();
    assert_eq!(tree(folder.path()), ["plugins.zip"], "{error}");
    error
}

fn folder(name: &str) -> Entry {
    file(name, "").mode(0o040_755)
}

#[test]
fn hostile_names_and_kinds_are_refused_before_anything_is_written() {
    let good = || file("good.so", "x");
    for (entries, reason) in [
        (vec![file("../evil.so", "x")], "dot"),
        (vec![file("a/../../evil.so", "x")], "dot"),
        (vec![file("/tmp/evil.so", "x")], "empty"),
        (vec![file("..\\evil.so", "x")], "only letters"),
        (vec![file("C:evil.so", "x")], "only letters"),
        (vec![file("a.so\0.txt", "x")], "only letters"),
        (vec![file(b"\xff.so".to_vec(), "x")], "only letters"),
        (vec![file("nul.so", "x")], "device"),
        (
            vec![file("link.so", "/etc/passwd").mode(0o120_777)],
            "neither a plain file",
        ),
        (
            vec![file("pipe", "").mode(0o010_644)],
            "neither a plain file",
        ),
        (
            vec![file("device", "").mode(0o020_644)],
            "neither a plain file",
        ),
        (
            vec![file("socket", "").mode(0o140_644)],
            "neither a plain file",
        ),
        (
            vec![file("folder", "").mode(0o040_755)],
            "neither a plain file",
        ),
        (
            vec![folder("file/").mode(0o100_644)],
            "neither a plain file",
        ),
        (
            vec![file("folder/", "content").mode(0o040_755)],
            "neither a plain file",
        ),
        (vec![file("a.so", "1"), file("a.so", "2")], "same name"),
        (vec![file("a.so", "1"), file("A.SO", "2")], "same name"),
        (vec![file("a", "1"), file("a/b", "2")], "same name"),
        (vec![folder("D/"), file("d/b", "2")], "same name"),
    ] {
        let mut entries = entries;
        entries.insert(0, good());
        let error = refused(&archive(&entries), &Limits::default());
        assert!(error.contains(reason), "{reason}: {error}");
    }
    let mut encrypted = file("a.so", "x");
    encrypted.flags = 1;
    refused(&archive(&[encrypted]), &Limits::default());
}

#[test]
fn an_archive_beyond_a_limit_is_refused() {
    let files = |sizes: &[usize]| {
        let entries = sizes.iter().enumerate();
        let entries: Vec<_> = entries
            .map(|(n, size)| file(format!("f{n}"), vec![b'x'; *size]))
            .collect();
        archive(&entries)
    };
    for (sizes, reason) in [
        (vec![1; 5], "too many entries"),
        (vec![101], "too large"),
        (vec![100, 51], "too much for its size"),
    ] {
        assert!(
            refused(&files(&sizes), &small()).contains(reason),
            "{reason}"
        );
    }
    let tiny = Limits {
        archive: 64,
        ..small()
    };
    assert!(refused(&files(&[100]), &tiny).contains("too many bytes"));
    let at_the_limit = tempfile::tempdir().unwrap();
    let zip = written(at_the_limit.path(), &files(&[100, 50, 0, 0]));
    unpack(&zip, &at_the_limit.path().join("into"), &small()).unwrap();
}

#[test]
fn a_bomb_is_refused_by_what_it_claims() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb");
    let mut bomb = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    bomb.start_file("zeros", zip::write::SimpleFileOptions::default())
        .unwrap();
    std::io::copy(
        &mut std::io::Read::take(std::io::repeat(0), 3 << 20),
        &mut bomb,
    )
    .unwrap();
    bomb.finish().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert!(bytes.len() < 10_000, "it is a bomb");
    assert!(refused(&bytes, &Limits::default()).contains("too much for its size"));
}

#[test]
fn an_entry_that_is_longer_or_shorter_than_it_claims_leaves_no_folder() {
    for claimed in [5, 15] {
        let mut liar = file("a.so", "0123456789");
        liar.size = claimed;
        let folder = tempfile::tempdir().unwrap();
        let zip = written(folder.path(), &archive(&[file("b.so", "x"), liar]));
        let into = folder.path().join("into");
        unpack(&zip, &into, &Limits::default()).expect_err("it lies");
        assert_eq!(tree(&into), ["lock"]);
    }
}

#[test]
fn what_allows_two_readings_is_refused() {
    let plain = archive(&[file("a.so", "x")]);
    let cut = &plain[..plain.len() - 1];
    let mut comment = plain.clone();
    *comment.iter_mut().nth_back(1).unwrap() = 4;
    comment.extend(b"more");
    let mut counts = plain.clone();
    let at = counts.len() - 14;
    counts[at] = 2;
    let hidden = archive(&[file(*b"PK\x06\x07----------------", "x")]);
    for (what, bytes) in [
        ("nothing", &[][..]),
        ("a way to 64-bit records", &hidden),
        (
            "text",
            b"this is no archive, and it is long enough to hold an end",
        ),
        ("a cut", cut),
        ("bytes before", &[b"#!/bin/sh\n", &plain[..]].concat()),
        ("bytes behind", &[&plain[..], b"\0"].concat()),
        ("a comment", &comment),
        ("two archives", &[&plain[..], &plain[..]].concat()),
        ("two counts", &counts),
    ] {
        let error = refused(bytes, &Limits::default());
        assert!(error.contains("no plain zip archive"), "{what}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_the_names_nothing_lies_outside(
        names in prop::collection::vec("(\\.\\.|\\.|/|a|B|\\\\|C:|~|so){1,6}", 1..4),
    ) {
        let outer = tempfile::tempdir().unwrap();
        let entries: Vec<_> = names.iter().map(|name| file(name.as_str(), "x")).collect();
        let zip = written(outer.path(), &archive(&entries));
        let into = outer.path().join("d/e/into");
        let folder = unpack(&zip, &into, &Limits::default()).map(|unpacked| unpacked.folder);
        let all = tree(outer.path());
        let files = all.iter().filter(|path| !path.ends_with('/'));
        match folder {
            Err(_) => prop_assert_eq!(files.count(), 1, "{:?}", all),
            Ok(folder) => {
                let folder = folder.strip_prefix(outer.path()).unwrap().to_str().unwrap();
                let inside = all.iter().filter(|path| path.starts_with(folder) && !path.ends_with('/'));
                let marks = [".use", "lock", "plugins.zip"];
                let unpacked = inside.filter(|path| !marks.iter().any(|mark| path.ends_with(mark)));
                prop_assert_eq!(unpacked.count(), names.len(), "{:?}", all);
                prop_assert_eq!(files.count(), names.len() + marks.len(), "{:?}", all);
            }
        }
    }

    #[test]
    fn damage_never_panics_and_never_leaves_half_a_folder(
        at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>(),
    ) {
        let mut bytes = archive(&[file("a.so", "0123456789"), file("d/b", "x")]);
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        let outer = tempfile::tempdir().unwrap();
        let zip = written(outer.path(), &bytes);
        let into = outer.path().join("into");
        if unpack(&zip, &into, &Limits::default()).is_err() {
            prop_assert!(tree(&into).iter().all(|path| path == "lock"));
        }
    }
}

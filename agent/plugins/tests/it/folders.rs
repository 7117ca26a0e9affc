//! Folders: made once, compared before use, made anew when damaged, removed when nobody needs them.

use std::fs;
use std::path::{Path, PathBuf};

use agent_plugins::Limits;
use agent_plugins::unpack::{Unpacked, unpack};

use crate::zip_bytes::{archive, file, tree, written};

fn library(stem: &str) -> String {
    format!("{stem}{}", std::env::consts::DLL_SUFFIX)
}

fn plain() -> Vec<u8> {
    let (one, two) = (library("one"), library("two"));
    archive(&[
        file(two, "2"),
        file(one, "11"),
        file(format!("data/{}", library("inner")), "3"),
        file("data/deep/read.me", "4"),
        file("no-library.txt", "5"),
    ])
}

struct Host {
    folder: tempfile::TempDir,
}

impl Host {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn plugins(&self) -> PathBuf {
        self.folder.path().join("plugins")
    }

    fn unpack(&self, bytes: &[u8]) -> Unpacked {
        let zip = written(self.folder.path(), bytes);
        unpack(&zip, &self.plugins(), &Limits::default()).unwrap()
    }

    fn folders(&self) -> Vec<String> {
        let all = tree(&self.plugins());
        all.into_iter()
            .filter(|path| path.matches('/').count() == 1 && path.ends_with('/'))
            .collect()
    }
}

fn names(paths: &[PathBuf]) -> Vec<&str> {
    paths
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap())
        .collect()
}

#[test]
fn the_folder_is_named_by_the_digest_and_only_top_libraries_are_plugins() {
    let host = Host::new();
    let unpacked = host.unpack(&archive(&[]));
    let digest = unpacked.folder.file_name().unwrap().to_str().unwrap();
    // sha256 of the 22 bytes of an empty archive.
    assert_eq!(
        digest,
        "8739c76e681f900923b900c9df0ef75cf421d39cabb54650c4b9ad19b6a76d85"
    );
    assert!(unpacked.libraries.is_empty());
    let unpacked = host.unpack(&plain());
    assert_eq!(names(&unpacked.libraries), [library("one"), library("two")]);
    let inner = format!("data/{}", library("inner"));
    assert_eq!(fs::read(unpacked.folder.join(inner)).unwrap(), b"3");
}

#[test]
fn an_archive_in_the_store_has_to_be_the_one_its_folder_names() {
    let host = Host::new();
    let digest = "8739c76e681f900923b900c9df0ef75cf421d39cabb54650c4b9ad19b6a76d85";
    for (name, right) in [(digest, true), (&"0".repeat(64), false), ("plain", true)] {
        let folder = host.folder.path().join(name);
        fs::create_dir(&folder).unwrap();
        let zip = written(&folder, &archive(&[]));
        let unpacked = unpack(&zip, &host.plugins(), &Limits::default());
        assert_eq!(unpacked.is_ok(), right, "{unpacked:?}");
    }
}

#[test]
fn a_complete_folder_is_used_again_and_not_written() {
    let host = Host::new();
    let first = host.unpack(&plain());
    assert!(!first.reused);
    let written = fs::metadata(&first.libraries[0])
        .unwrap()
        .modified()
        .unwrap();
    let second = host.unpack(&plain());
    assert!(second.reused);
    assert_eq!(
        fs::metadata(&second.libraries[0])
            .unwrap()
            .modified()
            .unwrap(),
        written
    );
}

#[test]
fn a_damaged_folder_is_made_anew() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 7] = [
        ("changed", |folder| {
            fs::write(folder.join("no-library.txt"), "6").unwrap();
        }),
        ("cut", |folder| {
            fs::write(folder.join("no-library.txt"), "").unwrap();
        }),
        ("grown", |folder| {
            fs::write(folder.join("no-library.txt"), "56").unwrap();
        }),
        ("missing", |folder| {
            fs::remove_file(folder.join("no-library.txt")).unwrap();
        }),
        ("added", |folder| {
            fs::write(folder.join(library("evil")), "6").unwrap();
        }),
        ("no folder", |folder| {
            fs::remove_dir_all(folder).unwrap();
            fs::write(folder, "").unwrap();
        }),
        ("a link", |folder| {
            let file = folder.join("no-library.txt");
            fs::rename(&file, folder.with_extension("aside")).unwrap();
            std::os::unix::fs::symlink(folder.with_extension("aside"), file).unwrap();
        }),
    ];
    for (what, damage) in damages {
        let host = Host::new();
        let first = host.unpack(&plain());
        let whole = tree(&first.folder);
        damage(&first.folder);
        let second = host.unpack(&plain());
        assert!(!second.reused, "{what}");
        assert_eq!(tree(&second.folder), whole, "{what}");
        assert_eq!(
            fs::read(second.folder.join("no-library.txt")).unwrap(),
            b"5",
            "{what}"
        );
        assert!(host.unpack(&plain()).reused, "{what}");
    }
}

#[test]
fn what_a_crash_left_half_unpacked_is_replaced() {
    let host = Host::new();
    fs::create_dir_all(host.plugins().join(".new/data")).unwrap();
    fs::write(host.plugins().join(".new/data/half"), "x").unwrap();
    host.unpack(&plain());
    assert_eq!(host.folders().len(), 1);
    assert!(!host.plugins().join(".new").exists());
}

#[test]
fn folders_of_others_are_removed_unless_somebody_uses_them() {
    let host = Host::new();
    let running = host.unpack(&archive(&[file("old", "1")]));
    let gone = host.unpack(&archive(&[file("older", "2")]));
    let gone_folder = gone.folder.clone();
    fs::write(&gone.deaths, "x\n").unwrap();
    drop(gone);
    fs::write(host.plugins().join("kept-by-a-person"), "").unwrap();
    let own = host.unpack(&plain());
    assert_eq!(host.folders().len(), 2);
    assert!(running.folder.exists() && own.folder.exists() && !gone_folder.exists());
    let of_the_gone = gone_folder.file_name().unwrap().to_str().unwrap();
    let left = tree(&host.plugins());
    assert!(
        !left.iter().any(|path| path.starts_with(of_the_gone)),
        "{left:?}"
    );
    assert!(left.contains(&"kept-by-a-person".to_owned()));
    drop(running);
    host.unpack(&plain());
    assert_eq!(host.folders().len(), 1);
}

#[test]
fn many_at_once_agree_on_one_folder() {
    let host = Host::new();
    let zip = written(host.folder.path(), &plain());
    let into = host.plugins();
    let made: Vec<bool> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| unpack(&zip, &into, &Limits::default()).unwrap().reused))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(made.iter().filter(|reused| !**reused).count(), 1);
}

#[test]
fn a_disk_that_refuses_is_an_error_that_names_the_path() {
    let host = Host::new();
    fs::write(host.plugins(), "a file where the folder should be").unwrap();
    let zip = written(host.folder.path(), &plain());
    let error = unpack(&zip, &host.plugins(), &Limits::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains(host.plugins().to_str().unwrap()), "{error}");
}

//! The data folder: private, locked, lasting.

use server_store::{DataDir, DataDirError, Store};

use crate::Bed;

#[tokio::test]
async fn programs_that_open_a_new_database_at_once_do_not_disturb_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let dir = DataDir::prepare(folder.path()).unwrap();
    let opening: Vec<_> = (0..8)
        .map(|_| {
            let dir = dir.clone();
            tokio::spawn(async move { Store::open(&dir).await })
        })
        .collect();
    for opened in opening {
        opened.await.unwrap().unwrap().close().await;
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_folder_and_every_file_in_it_are_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let bed = Bed::new().await;
    let build = bed.build(&["true"]).await;
    let job = bed.job(&build, 0).await;
    let place = shared_protocol::job::ChunkPlace {
        sequence: 1,
        offset: 0,
        size: 1,
    };
    bed.store
        .put_chunk(&job, place, b"x".to_vec())
        .await
        .unwrap();
    let mut folders = vec![bed.folder.path().to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert_eq!(mode(&path), 0o600, "{}", path.display());
                files += 1;
            }
        }
    }
    assert!(files >= 3, "database, journal and a log");
}

#[test]
fn a_second_server_is_told_who_has_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let dir = DataDir::prepare(folder.path()).unwrap();
    let held = dir.lock().unwrap();
    let error = dir.lock().unwrap_err();
    let DataDirError::Taken { holder, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*holder, std::process::id().to_string());
    drop(held);
    dir.lock().unwrap();
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = DataDir::prepare(&file.join("data"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("file/data") && error.contains("--data-dir"),
        "{error}"
    );
}

#[tokio::test]
async fn a_store_is_the_same_after_it_was_closed_and_opened() {
    let bed = Bed::new().await;
    let build = bed.build(&["one", "two"]).await;
    bed.store.close().await;
    let dir = DataDir::prepare(bed.folder.path()).unwrap();
    let again = Store::open(&dir).await.unwrap();
    assert_eq!(again.build("rocket", 1).await.unwrap(), build);
}

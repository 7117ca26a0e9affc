//! Disks without room.

use std::path::PathBuf;
use std::process::Command;

use shared_fetch::FetchError;

use crate::bed::Bed;

/// Where the child finds a small disk.
const SMALL: &str = "TRIREME_TEST_SMALL_DISK";

/// Runs a test of this binary with a disk of 64 KiB. `None` where the system does not let a user
/// have a mount of his own.
fn with_a_small_disk(test: &str) -> Option<bool> {
    let folder = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=64k tmpfs \"$0\" && touch \"$0/mounted\" && exec \"$@\"";
    let probe = Command::new("unshare")
        .args(["-Urm", "sh", "-c", script])
        .arg(folder.path())
        .arg("true")
        .output();
    if !probe.is_ok_and(|probe| probe.status.success()) {
        return None;
    }
    let child = Command::new("unshare")
        .args(["-Urm", "sh", "-c", script])
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored"])
        .env(SMALL, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(said.contains("1 passed"), "{said}");
    Some(child.status.success())
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_with_its_name_and_keeps_what_fits() {
    if with_a_small_disk("disk::on_a_small_disk").is_none() {
        println!("skipped: no mounts for users here");
    }
}

#[tokio::test]
#[ignore = "run by the test above, on a small disk"]
async fn on_a_small_disk() {
    let small = PathBuf::from(std::env::var_os(SMALL).unwrap()).join("partial");
    let bed = Bed::new();
    let server = bed.server().await;
    let order = bed.order(vec![
        bed.zstd(&[&server.at("zstd")]),
        bed.full(&[&server.at("full")]),
    ]);
    for _ in 0..2 {
        let done = crate::fetcher()
            .obtain(&order, &small, &shared_fetch::InProcess, &mut |_| ())
            .await;
        let error = done.unwrap_err();
        assert!(matches!(error, FetchError::Disk { .. }), "{error}");
        assert!(error.is_disk_full(), "{error}");
        assert!(!error.is_retryable());
    }
    // Once there is room again, it goes on.
    bed.obtain(&order).await.unwrap();
}

//! Disks without room.

use std::path::PathBuf;
use std::process::Command;

use shared_fetch::FetchError;

use crate::bed::{Bed, InProcess};

/// Where the child finds a small disk.
const SMALL: &str = "TRIREME_TEST_SMALL_DISK";

/// Runs a test of this binary with a disk of 64 KiB of its own.
fn on_a_small_disk(test: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new("unshare");
    child.arg("--mount");
    if !is_root() {
        child.args(["--user", "--map-root-user"]);
    }
    let script = "mount -t tmpfs -o size=64k tmpfs \"$0\" && exec \"$@\"";
    let child = child
        .args(["sh", "-c", script])
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored"])
        .env(SMALL, folder.path())
        .output()
        .expect("unshare, of util-linux");
    let said = [child.stdout, child.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(
        said.contains("1 passed"),
        "it needs root, or user namespaces: {said}"
    );
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

#[test]
fn a_full_disk_is_an_error_with_its_name_and_keeps_what_fits() {
    on_a_small_disk("disk::a_full_disk");
}

#[tokio::test]
#[ignore = "run by the test above, on a small disk"]
async fn a_full_disk() {
    let small = PathBuf::from(std::env::var_os(SMALL).unwrap());
    let partial = small.join("partial");
    let bed = Bed::new();
    let server = bed.server().await;
    let order = bed.order(vec![bed.full(&[&server.at("full")])]);
    let (fetcher, mut ignore) = (crate::fetcher(), |_| ());
    for _ in 0..2 {
        let done = fetcher.obtain(&order, &partial, &InProcess, &mut ignore);
        let error = done.await.unwrap_err();
        assert!(matches!(error, FetchError::Disk { .. }), "{error}");
        assert!(error.is_disk_full(), "{error}");
        assert!(!error.is_retryable());
        let text = error.to_string();
        assert!(text.contains(small.to_str().unwrap()), "{text}");
    }
    let grown = Command::new("mount")
        .args(["-o", "remount,size=4m"])
        .arg(&small)
        .status();
    assert!(grown.unwrap().success());
    let done = fetcher.obtain(&order, &partial, &InProcess, &mut ignore);
    let obtained = done.await.unwrap();
    assert!(obtained.resumed > 0, "{obtained:?}");
    assert!(std::fs::read(&obtained.path).unwrap() == bed.new);
}

//! Locks between processes.
#![cfg(unix)]

use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use shared_supervise::{Lock, LockError};

/// Longer than any test may take: only a failure waits that long.
const LONG: Duration = Duration::from_mins(5);

#[test]
fn who_comes_second_is_told_who_was_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("lock");
    let first = Lock::take(&path, Duration::ZERO).expect("free");
    match Lock::take(&path, Duration::ZERO) {
        Err(LockError::Held { pid }) => assert_eq!(pid, Some(std::process::id())),
        other => panic!("{other:?}"),
    }
    drop(first);
    Lock::take(&path, Duration::ZERO).expect("free again");
}

#[test]
fn a_file_of_a_dead_holder_means_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("lock");
    std::fs::write(&path, "pid=1\nand a long text from somewhere else\n").expect("written");
    let _lock = Lock::take(&path, Duration::ZERO).expect("free");
    let text = std::fs::read_to_string(&path).expect("readable");
    assert_eq!(text, format!("pid={}\n", std::process::id()));
}

#[test]
fn a_lock_is_waited_for_until_its_holder_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("lock");
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .open(&path)
        .expect("made");
    file.try_lock().expect("free");
    // `cat` shares the locked file as its standard error and lives until its input ends.
    let mut holder = Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(file.try_clone().expect("shared"))
        .spawn()
        .expect("started");
    writeln!(file, "pid={}", holder.id()).expect("written");
    drop(file);
    match Lock::take(&path, Duration::ZERO) {
        Err(LockError::Held { pid }) => assert_eq!(pid, Some(holder.id())),
        other => panic!("{other:?}"),
    }
    let waiting = std::thread::spawn({
        let path = path.clone();
        move || Lock::take(&path, LONG)
    });
    drop(holder.stdin.take());
    waiting.join().expect("no panic").expect("taken");
    holder.wait().expect("ended");
}

#[test]
fn a_folder_that_is_not_there_is_no_held_lock() {
    let taken = Lock::take("/nonexistent/lock".as_ref(), LONG);
    assert!(matches!(taken, Err(LockError::Io(_))), "{taken:?}");
}

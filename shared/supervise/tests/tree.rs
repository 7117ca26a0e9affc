//! Trees of real processes.
#![cfg(target_os = "linux")]

use std::ffi::OsString;
use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, PipeWriter};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use shared_supervise::{
    Child, ProcessId, Signal, descendants, is_shortage, kill_tree, session_leaders, start_time,
    wait_gone,
};

/// Longer than any test may take: only a failure waits that long.
const LONG: Duration = Duration::from_mins(5);

/// Starts a shell script that prints `lines` lines, and returns it, its input and these.
fn script(text: &str, lines: usize) -> (ProcessId, PipeWriter, Vec<String>) {
    let args = ["-c".as_ref(), text.as_ref()];
    let child = Child::start("/bin/sh".as_ref(), &args, &[]).expect("started");
    let lines = BufReader::new(child.reports)
        .lines()
        .take(lines)
        .map(|line| line.expect("text"))
        .collect();
    (child.id, child.lifeline, lines)
}

#[test]
fn a_whole_tree_is_killed_with_those_that_ignore_signals_or_left_the_session() {
    let (child, _stdin, pids) = script(
        "trap '' TERM INT HUP
         sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1000; done' &
         setsid sh -c 'echo $$; sleep 1000; :' &
         wait",
        2,
    );
    let below: Vec<_> = pids
        .iter()
        .map(|pid| ProcessId::of(pid.parse().expect("a number")).expect("running"))
        .collect();
    let found = descendants(&[child]);
    assert!(below.iter().all(|process| found.contains(process)));
    let mut killed = Vec::new();
    loop {
        let round = kill_tree(&[child]);
        if round.is_empty() {
            break;
        }
        assert!(wait_gone(&round, LONG));
        killed.extend(round);
    }
    assert!(killed.contains(&child));
    assert!(
        below
            .iter()
            .all(|process| killed.contains(process) && !process.is_same_alive())
    );
    assert_eq!(descendants(&[child]), []);
}

#[test]
fn who_was_orphaned_is_found_by_the_session() {
    let (child, _stdin, pids) = script("sh -c 'sleep 1000 & echo $!' ; exec cat", 1);
    let orphan = ProcessId::of(pids[0].parse().expect("a number")).expect("running");
    assert!(descendants(&[child]).contains(&orphan));
    let killed = kill_tree(&[child]);
    assert!(killed.contains(&orphan) && killed.contains(&child));
    assert!(wait_gone(&killed, LONG));
}

#[test]
fn a_number_with_another_start_time_gets_no_signal() {
    let (child, _stdin, _) = script("exec cat", 0);
    let other = ProcessId {
        pid: child.pid,
        start: child.start + 1,
    };
    assert!(!other.is_same_alive());
    assert!(!other.send(Signal::Kill).expect("not sent"));
    assert_eq!(kill_tree(&[other]), []);
    assert!(child.is_same_alive());
    assert!(child.send(Signal::Terminate).expect("sent"));
    assert!(wait_gone(&[child], LONG));
    assert!(!child.send(Signal::Terminate).expect("gone"));
}

#[test]
fn waiting_ends_when_patience_does() {
    let (child, stdin, _) = script("exec cat", 0);
    assert!(!wait_gone(&[child], Duration::from_millis(1)));
    assert!(child.exit_file().is_some());
    drop(stdin);
    assert!(wait_gone(&[child], LONG));
    assert!(child.exit_file().is_none());
}

#[test]
fn a_file_that_is_no_program_is_an_error_and_no_shortage_of_the_host() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("nonsense");
    for (text, mode) in [("exit 0", 0o755), ("#!/bin/sh\n", 0o644)] {
        std::fs::write(&path, text).expect("written");
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).expect("set");
        let error = Child::start(&path, &[], &[]).expect_err("no program");
        assert!(!is_shortage(&error), "{error}");
    }
    assert!(is_shortage(&std::io::Error::from_raw_os_error(
        libc::EAGAIN
    )));
}

#[test]
fn a_child_has_our_environment_with_what_is_replaced_in_it() {
    let text = "echo \"$PATH\"; echo \"$ONE\"; env | grep -c ^PWD=";
    let args = ["-c".as_ref(), text.as_ref()];
    let variables = ["ONE=1=2".as_ref(), "PWD=/x".as_ref()];
    let child = Child::start("/bin/sh".as_ref(), &args, &variables).expect("started");
    let lines: Vec<_> = BufReader::new(child.reports)
        .lines()
        .map_while(Result::ok)
        .collect();
    let path = std::env::var("PATH").expect("a path");
    assert_eq!(lines, [path.as_str(), "1=2", "1"]);
}

#[test]
fn this_process_and_the_first_one_are_never_hit() {
    assert_eq!(
        start_time(std::process::id()),
        Some(ProcessId::own().expect("known").start)
    );
    assert_eq!(start_time(u32::MAX), None);
    for pid in [0, 1] {
        let protected = ProcessId {
            pid,
            start: start_time(pid).unwrap_or_default(),
        };
        assert!(!protected.send(Signal::Kill).expect("not sent"));
    }
}

#[test]
fn a_session_leader_is_found_by_its_variables_even_after_an_exec() {
    let of_folder = |folder: &str| OsString::from(format!("TEST_FOLDER=/{folder}"));
    let mine = of_folder(&format!("folder-{}", std::process::id()));
    let args = ["-c".as_ref(), "exec sleep 60".as_ref()];
    let variables = [mine.as_os_str(), "TEST_PARENT=1".as_ref()];
    let child = Child::start("/bin/sh".as_ref(), &args, &variables).expect("started");
    assert_eq!(session_leaders("TEST_PARENT", &mine), [child.id]);
    assert_eq!(session_leaders("TEST_PAREN", &mine), []);
    assert_eq!(session_leaders("TEST_PARENT", &of_folder("folder")), []);
    kill_tree(&[child.id]);
    assert!(wait_gone(&[child.id], LONG));
    assert_eq!(session_leaders("TEST_PARENT", &mine), []);
}

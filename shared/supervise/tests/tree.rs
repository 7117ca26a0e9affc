//! Trees of real processes.
#![cfg(target_os = "linux")]

use std::io::{BufRead as _, BufReader};
use std::process::{ChildStdin, Command, Stdio};
use std::time::Duration;

use shared_supervise::{
    Child, ProcessId, Signal, descendants, is_shortage, kill_tree, own_session, start_time,
    wait_gone,
};

/// Longer than any test may take: only a failure waits that long.
const LONG: Duration = Duration::from_secs(30);

/// Starts a shell script that prints `lines` lines, and returns it, its input and these.
fn script(text: &str, lines: usize) -> (ProcessId, Option<ChildStdin>, Vec<String>) {
    let mut command = Command::new("sh");
    command
        .args(["-c", text])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let child = Child::start(own_session(&mut command)).expect("started");
    let lines = BufReader::new(child.stdout.expect("piped"))
        .lines()
        .take(lines)
        .map(|line| line.expect("text"))
        .collect();
    (child.id, child.stdin, lines)
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
fn a_program_that_cannot_run_is_no_shortage_of_the_host() {
    let error = Child::start(&mut Command::new("/proc/version")).expect_err("not a program");
    assert!(!is_shortage(&error), "{error}");
    assert!(is_shortage(&std::io::Error::from_raw_os_error(11)));
}

#[test]
fn this_process_and_the_first_one_are_never_hit() {
    assert_eq!(start_time(std::process::id()), Some(ProcessId::own().start));
    assert_eq!(start_time(u32::MAX), None);
    for pid in [0, 1] {
        let protected = ProcessId {
            pid,
            start: start_time(pid).unwrap_or_default(),
        };
        assert!(!protected.send(Signal::Kill).expect("not sent"));
    }
}

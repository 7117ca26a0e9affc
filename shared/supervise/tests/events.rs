//! The event loop. Signal handlers belong to the whole process, so all of it is one test.
#![cfg(target_os = "linux")]

use std::io::{Read as _, Write as _};
use std::time::Duration;

use shared_supervise::{Child, Ended, Event, Events, ProcessId, Signal, become_subreaper, reap};

/// Longer than the test may take: only a failure waits that long.
const LONG: Option<Duration> = Some(Duration::from_mins(5));

fn start(script: &str) -> Child {
    let args = ["-c".as_ref(), script.as_ref()];
    Child::start("/bin/sh".as_ref(), &args, &[]).expect("started")
}

/// Waits for ends of children until these have ended.
fn ends(events: &mut Events, expected: usize) -> Vec<(u32, Ended)> {
    let mut ended = Vec::new();
    while ended.len() < expected {
        assert_eq!(events.wait(&[], LONG).expect("waits"), Event::ChildExited);
        ended.extend(std::iter::from_fn(reap));
    }
    ended
}

#[test]
fn signals_ends_of_children_and_files_are_told_apart_and_none_is_lost() {
    let mut events = Events::listen(&[Signal::Terminate, Signal::Interrupt]).expect("listens");
    become_subreaper().expect("a subreaper");
    assert_eq!(
        events.wait(&[], Some(Duration::ZERO)).expect("waits"),
        Event::TimedOut
    );

    // Several signals at once come one by one.
    for signal in [Signal::Terminate, Signal::Interrupt] {
        assert!(ProcessId::own().expect("known").send(signal).expect("sent"));
    }
    let both = [(); 2].map(|()| events.wait(&[], LONG).expect("waits"));
    assert!(both.contains(&Event::Signal(Signal::Terminate)));
    assert!(both.contains(&Event::Signal(Signal::Interrupt)));

    // A file that can be read; then the same file at its end.
    let child = start("cat; exit 7");
    let (mut input, mut output) = (child.lifeline, child.reports);
    input.write_all(b"H").expect("written");
    let watched = [output.watched()];
    assert_eq!(
        events.wait(&watched, LONG).expect("waits"),
        Event::Readable(0)
    );
    assert!(output.is_readable());
    let mut byte = [0; 8];
    assert_eq!(output.read(&mut byte).expect("read"), 1);
    assert!(!output.is_readable());
    drop(input);
    assert_eq!(ends(&mut events, 1), [(child.id.pid, Ended::Exited(7))]);

    // A child that a signal ended, and a grandchild that became ours.
    let child = start("sh -c 'exit 3' & kill -KILL $$");
    let ended = ends(&mut events, 2);
    assert!(ended.contains(&(child.id.pid, Ended::Signaled(9))));
    assert!(ended.iter().any(|(_, ended)| *ended == Ended::Exited(3)));
    assert_eq!(Ended::Signaled(9).shell_status(), 137);
    assert_eq!(reap(), None);
}

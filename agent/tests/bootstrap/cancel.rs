//! Cancelling: signals to the executor, and what is left afterwards.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use crate::world::{World, kill, wait_gone};
use rustix::process::Signal;

const TRAP: &str = "trap 'echo got-TERM; exit 3' TERM; trap 'echo got-INT; exit 4' INT; echo ready\n\
                    while :; do sleep 0.1; done";

#[test]
fn a_signal_reaches_the_command_and_is_raised_again_at_the_end() {
    for (signal, number) in [(Signal::TERM, 15), (Signal::INT, 2), (Signal::HUP, 1)] {
        for pty in ["true", "false"] {
            let mut world = World::without_checkout(TRAP);
            world.set("BUILDKITE_PTY", pty);
            let mut started = world.start();
            started.wait_for("\nready").signal(signal);
            let ended = started.end();
            assert_eq!(ended.signal(), number, "{}", ended.log);
            assert!(ended.log.contains("got-TERM"), "{}", ended.log);
        }
    }
}

#[test]
fn quit_becomes_a_status_and_success_of_the_command_does_not_count() {
    let world =
        World::without_checkout("trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done");
    let mut started = world.start();
    started.wait_for("\nready").signal(Signal::QUIT);
    assert_eq!(started.end().code(), 131);
}

#[test]
fn the_configured_signal_is_sent() {
    let mut world = World::without_checkout(&format!("set -m; {TRAP}"));
    world.set("BUILDKITE_CANCEL_SIGNAL", "SIGINT");
    let mut started = world.start();
    started.wait_for("\nready").signal(Signal::TERM);
    assert!(started.end().log.contains("got-INT"));
}

#[test]
fn a_command_that_ignores_the_signal_is_killed_after_the_grace_period() {
    let mut world =
        World::without_checkout("trap '' TERM; echo ready; while :; do sleep 0.1; done");
    world.set("BUILDKITE_SIGNAL_GRACE_PERIOD_SECONDS", "1");
    let mut started = world.start();
    started.wait_for("\nready").signal(Signal::TERM);
    assert_eq!(
        started.end().signal(),
        9,
        "the endpoint is to hear of the kill"
    );
}

#[test]
fn a_second_signal_kills_at_once() {
    // The signal reaches the sleep, too, whose end must not be that of the script.
    let mut world = World::without_checkout(
        "trap 'echo first' TERM; echo ready; while :; do sleep 0.1 || true; done",
    );
    world.set("BUILDKITE_CANCEL_GRACE_PERIOD", "3600");
    let mut started = world.start();
    started
        .wait_for("\nready")
        .signal(Signal::TERM)
        .wait_for("\nfirst")
        .signal(Signal::INT);
    assert_eq!(
        started.end().signal(),
        2,
        "as if it had not been caught any more"
    );
}

#[test]
fn nothing_of_a_canceled_job_is_left_not_even_a_daemon() {
    let world = World::without_checkout(
        "(setsid sh -c 'trap \"\" TERM HUP; sleep 300' >/dev/null 2>&1 & echo $! >../daemon)\n\
         (sleep 300 & echo $! >../child); echo ready; sleep 300",
    );
    let mut started = world.start();
    started.wait_for("\nready").signal(Signal::TERM);
    assert_eq!(started.end().signal(), 15);
    for name in ["daemon", "child"] {
        let pid = fs::read_to_string(world.checkout().join("..").join(name)).expect("pid");
        wait_gone(pid.trim());
    }
}

#[test]
fn a_daemon_of_a_job_that_ended_by_itself_lives_on() {
    let world = World::without_checkout("setsid sleep 300 >/dev/null 2>&1 & echo $! >../daemon");
    assert_eq!(world.run().code(), 0);
    kill(&world.checkout().join("../daemon"));
}

#[test]
fn whoever_holds_the_output_is_waited_for_no_longer_than_a_canceled_child() {
    let mut world = World::without_checkout("sleep 300 & echo $! >../daemon");
    world.set("BUILDKITE_SIGNAL_GRACE_PERIOD_SECONDS", "0");
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    let wanted = "still held by a process it left behind, 1s after";
    assert!(ended.log.contains(wanted), "{}", ended.log);
    kill(&world.checkout().join("../daemon"));
}

#[test]
fn a_signal_during_the_clone_ends_the_job_without_another_attempt() {
    let mut world = World::new();
    world.git_rule("case \"$*\" in clone*) echo cloning; exec sleep 300;; esac\n");
    world.set("BUILDKITE_COMMAND", "echo never");
    let mut started = world.start();
    started.wait_for("\ncloning").signal(Signal::TERM);
    let ended = started.end();
    assert_eq!(ended.signal(), 15, "{}", ended.log);
    assert!(!ended.log.contains("never"), "{}", ended.log);
    assert_eq!(world.calls().len(), 1);
}

#[test]
fn a_signal_during_the_clone_of_a_plugin_ends_the_job_without_another_attempt() {
    let mut world = World::new();
    world.git_rule("case \"$*\" in clone*) echo cloning; exec sleep 300;; esac\n");
    let plugin = format!("[\"{}\"]", world.path("repo").display());
    let plugins = world.path("plugins");
    world
        .set("BUILDKITE_PLUGINS", &plugin)
        .set("BUILDKITE_PLUGINS_PATH", plugins.to_str().expect("text"))
        .set("BUILDKITE_COMMAND", "echo never");
    let mut started = world.start();
    started.wait_for("\ncloning").signal(Signal::TERM);
    let ended = started.end();
    assert_eq!(ended.signal(), 15, "{}", ended.log);
    assert!(!ended.log.contains("Running"), "{}", ended.log);
    assert_eq!(world.calls().len(), 1);
    let names = |folder| {
        let entries = fs::read_dir(folder).expect("folder");
        entries.map(|entry| entry.expect("entry").file_name())
    };
    assert_eq!(names(plugins.join("agent-1")).count(), 0);
    let other: Vec<_> = names(plugins).filter(|name| name != "agent-1").collect();
    assert!(other.is_empty(), "an unfinished clone is left: {other:?}");
}

#[test]
fn a_signal_while_waiting_for_the_next_attempt_ends_the_wait() {
    let mut world = World::new();
    world
        .set("BUILDKITE_REPO", "/no/such/repository")
        .set("BUILDKITE_CHECKOUT_ATTEMPTS", "9");
    let mut started = world.start();
    started.wait_for("attempt 1 of 9)").signal(Signal::TERM);
    assert_eq!(started.end().signal(), 15);
    assert_eq!(world.calls().len(), 1);
}

#[test]
fn a_log_that_nobody_takes_does_not_deafen_the_executor() {
    let mut world = World::without_checkout("echo $$ >../pid; while :; do echo flood; done");
    world.set("BUILDKITE_SIGNAL_GRACE_PERIOD_SECONDS", "1");
    let mut child = world
        .command()
        .stdout(Stdio::piped())
        .spawn()
        .expect("start");
    let mut log = child.stdout.take().expect("pipe");
    let mut seen = Vec::new();
    while !seen.ends_with(b"\nflood") {
        let mut byte = [0];
        assert_ne!(log.read(&mut byte).expect("read"), 0);
        seen.push(byte[0]);
    }
    let pid = fs::read_to_string(world.checkout().join("../pid")).expect("pid");
    let own = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(own, Signal::TERM).expect("signal");
    wait_gone(pid.trim());
    let _ = std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&child.wait().expect("wait")),
        Some(15)
    );
}

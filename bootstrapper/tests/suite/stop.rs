//! The ways in which a bootstrapper ends, and what is left then: nothing.

use std::process::{Command, Stdio};

use shared_handover::handle::Handle;
use shared_supervise::{ProcessId, Signal, wait_gone};

use crate::bench::{Bench, LONG, STAY, alone};

/// Says which signals came; ends with the second.
const TWO_SIGNALS: &str = "
cat <&3 >/dev/null & cat=$!
n=0
trap 'n=$((n + 1)); echo \"signal number $n\" >&2; [ $n = 2 ] && { kill $cat; exit 0; }' TERM
echo ready >&2
while kill -0 $cat 2>/dev/null; do wait $cat; done";

/// Ignores the wish that it ends, as does what it started in a session of its own.
const STUBBORN: &str = "
trap '' TERM INT HUP
setsid sh -c 'echo \"grandchild $$\" >&2; cat <&3 >/dev/null' &
echo \"child $$\" >&2
cat <&3 >/dev/null";

fn flags(bench: &Bench, body: &str) -> [String; 2] {
    let path = bench.script("launcher", body);
    ["--launcher".into(), path.to_str().expect("text").into()]
}

fn start_agent(bench: &Bench, body: &str) -> (std::process::Child, ProcessId) {
    let mut command = Command::new("sh");
    command
        .args(["-c", body])
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    let child = alone(|| command.spawn()).expect("started");
    let id = ProcessId::of(child.id()).expect("running");
    let handle = Handle {
        pid: id.pid,
        start: id.start,
        digest: String::new(),
    };
    std::fs::create_dir_all(bench.state.run()).expect("made");
    std::fs::write(bench.state.agent_handle(id.pid), handle.encode()).expect("written");
    (child, id)
}

#[test]
fn each_signal_is_forwarded_and_the_launcher_gets_its_time() {
    let bench = Bench::new();
    let [flag, launcher] = flags(&bench, TWO_SIGNALS);
    let mut running = bench.start(&[&flag, &launcher]);
    running.line("ready");
    running.send(Signal::Terminate);
    running.line("signal number 1");
    running.send(Signal::Interrupt);
    running.line("signal number 2");
    let (status, _) = running.end();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn when_time_is_up_the_whole_tree_is_killed() {
    let bench = Bench::new();
    let [flag, launcher] = flags(&bench, STUBBORN);
    let mut running = bench.start(&[&flag, &launcher, "--stop-grace", "20ms"]);
    let mut tree = vec![running.process("child ")];
    tree.push(running.process("child "));
    // An agent of an earlier bootstrapper: in no tree of this one, but it has a handle.
    let (mut agent, id) = start_agent(&bench, "trap '' TERM; cat");
    tree.push(id);
    running.send(Signal::Terminate);
    running.line("the time to stop is over");
    let (status, lines) = running.end();
    assert_eq!(status.code(), Some(1), "{lines:#?}");
    assert!(wait_gone(&tree, LONG));
    agent.wait().expect("ended");
}

#[test]
fn an_agent_without_a_launcher_is_told_to_stop_and_waited_for() {
    let bench = Bench::new();
    let [flag, launcher] = flags(&bench, STAY);
    let mut running = bench.start(&[&flag, &launcher]);
    running.line("factory launcher");
    let (mut agent, id) = start_agent(&bench, "exec cat");
    running.send(Signal::Terminate);
    running.line(&format!("telling the agent, process {}, to stop", id.pid));
    let (status, _) = running.end();
    assert_eq!(status.code(), Some(0));
    assert!(!id.is_same_alive());
    agent.wait().expect("ended");
}

#[test]
fn a_handle_of_a_process_that_is_long_gone_hits_nobody() {
    let bench = Bench::new();
    let [flag, launcher] = flags(&bench, STAY);
    let mut running = bench.start(&[&flag, &launcher]);
    running.line("factory launcher");
    let (mut other, id) = start_agent(&bench, "exec cat");
    let handle = Handle {
        pid: id.pid,
        start: id.start + 1,
        digest: String::new(),
    };
    std::fs::write(bench.state.agent_handle(id.pid), handle.encode()).expect("written");
    running.stop();
    assert!(id.is_same_alive());
    drop(other.stdin.take());
    other.wait().expect("ended");
}

#[test]
fn what_a_launcher_left_behind_is_gone_too() {
    let bench = Bench::new();
    let left = "setsid sh -c 'echo \"left $$\" >&2; cat <&3 >/dev/null' &
        read line < \"$3/never\"";
    bench.make_pipe("never");
    let [flag, launcher] = flags(&bench, left);
    let mut running = bench.start(&[&flag, &launcher]);
    let left = running.process("left ");
    running.stop();
    assert!(!left.is_same_alive());
}

#[test]
fn a_bootstrapper_that_is_killed_leaves_no_tree_and_no_lock() {
    let bench = Bench::new();
    let [flag, launcher] = flags(&bench, STAY);
    let mut running = bench.start(&[&flag, &launcher]);
    running.line("factory launcher");
    running.send(Signal::Kill);
    // Ends only when the launcher, which shares its standard error, has ended as well.
    running.end();
    let mut next = bench.start(&[]);
    next.line("committed launcher");
    next.stop();
}

#[test]
fn a_signal_between_two_runs_ends_it() {
    let bench = Bench::new();
    let [flag, launcher] = flags(&bench, "exit 1");
    let mut running = bench.start(&[&flag, &launcher, "--restart-delay", "600"]);
    running.line("the next start is in");
    running.stop();
}

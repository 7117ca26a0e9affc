//! Cancelling: which hooks run afterwards, how long, and what they know.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use rustix::process::Signal;

use crate::world::{Ended, World, wait_gone};

/// Never ends by itself, and says how it is asked to.
const STUBBORN: &str = "trap 'echo asked-$BUILDKITE_HOOK_PHASE' TERM\necho ready\n\
                        while :; do sleep 0.1 || true; done\n";

fn world(command: &str, hooks: &[(&str, &str)]) -> World {
    let mut world = World::without_checkout(command);
    let folder = world.path("hooks");
    fs::create_dir(&folder).expect("folder");
    for (name, text) in hooks {
        fs::write(folder.join(name), text).expect("hook");
    }
    world.set("BUILDKITE_HOOKS_PATH", folder.to_str().expect("text"));
    world
}

fn graces(world: &mut World, signal: &str, cancel: &str) {
    world
        .set("BUILDKITE_SIGNAL_GRACE_PERIOD_SECONDS", signal)
        .set("BUILDKITE_CANCEL_GRACE_PERIOD", cancel);
}

fn has(ended: &Ended, wanted: &[&str], unwanted: &[&str]) {
    for text in wanted {
        let line = format!("\n{text}\n");
        assert!(ended.log.contains(&line), "{text:?} in {}", ended.log);
    }
    for text in unwanted {
        assert!(!ended.log.contains(text), "no {text:?} in {}", ended.log);
    }
}

#[test]
fn hooks_after_a_canceled_command_know_why_and_how_it_ended() {
    let tell = "$BUILDKITE_COMMAND_EXIT_STATUS,$BUILDKITE_JOB_CANCELLED,\
                ${BUILDKITE_JOB_TIMED_OUT-no}";
    let [post, last] = ["post", "last"].map(|name| format!("echo \"{name}:{tell}\""));
    let trap = "trap 'exit 6' TERM; echo ready; while :; do sleep 0.1; done";
    for (command_hook, timed_out) in [(false, false), (true, false), (false, true)] {
        let mut hooks = vec![("post-command", &*post), ("pre-exit", &last)];
        if command_hook {
            hooks.push(("command", trap));
        }
        let mut world = world(trap, &hooks);
        if timed_out {
            let marker = world.path("timeout");
            fs::write(&marker, "true").expect("marker");
            let marker = marker.to_str().expect("text").to_owned();
            world.set("BUILDKITE_AGENT_JOB_TIMEOUT_FILE", &marker);
        }
        let mut started = world.start();
        started.wait_for("\nready").signal(Signal::TERM);
        let ended = started.end();
        assert_eq!(ended.signal(), 15, "{}", ended.log);
        let why = if timed_out { "true" } else { "no" };
        let lines = ["post", "last"].map(|name| format!("{name}:6,true,{why}"));
        has(&ended, &lines.each_ref().map(String::as_str), &[]);
    }
}

#[test]
fn a_command_that_a_signal_came_before_is_no_success_for_the_hooks_after_it() {
    let hooks = [
        (
            "pre-command",
            "trap 'go=on' TERM; echo ready; until [ -n \"$go\" ]; do sleep 0.1 || true; done",
        ),
        ("post-command", "echo post:$BUILDKITE_COMMAND_EXIT_STATUS"),
        ("pre-exit", "echo last:$BUILDKITE_COMMAND_EXIT_STATUS"),
    ];
    for command_hook in [false, true] {
        let mut world = world("echo never", &hooks);
        graces(&mut world, "3600", "3601");
        if command_hook {
            fs::write(world.path("hooks/command"), "echo never").expect("hook");
        }
        let mut started = world.start();
        started.wait_for("\nready").signal(Signal::TERM);
        let ended = started.end();
        assert_eq!(ended.signal(), 15, "{}", ended.log);
        has(&ended, &["post:-1", "last:-1"], &["never\n"]);
    }
}

#[test]
fn a_post_command_hook_gets_the_signal_at_once_and_pre_exit_runs() {
    let hook = "trap 'echo got-it; exit 3' TERM; echo ready; while :; do sleep 0.1; done";
    let mut world = world("true", &[("post-command", hook), ("pre-exit", "echo last")]);
    graces(&mut world, "3600", "3601");
    let mut started = world.start();
    started.wait_for("\nready").signal(Signal::TERM);
    let ended = started.end();
    assert_eq!(ended.signal(), 15, "{}", ended.log);
    has(&ended, &["got-it", "last"], &[]);
}

#[test]
fn hooks_still_run_after_the_command_was_killed_while_any_grace_is_left() {
    let hooks = [
        ("post-command", "echo post $BUILDKITE_COMMAND_EXIT_STATUS"),
        ("pre-artifact", "echo artifact"),
        ("pre-exit", "echo last"),
    ];
    for (cancel, wanted, unwanted) in [
        ("3600", &["post -1", "last"][..], &["artifact\n"][..]),
        ("2", &["post -1"], &["artifact\n", "last\n"]),
    ] {
        let mut world = world(STUBBORN, &hooks);
        graces(&mut world, "2", cancel); // a hook has to end within it
        world.set("BUILDKITE_ARTIFACT_PATHS", "x");
        let mut started = world.start();
        started.wait_for("\nready").signal(Signal::TERM);
        let ended = started.end();
        assert_eq!(ended.signal(), 9, "{}", ended.log);
        has(&ended, wanted, unwanted);
    }
}

#[test]
fn a_last_hook_that_takes_all_the_grace_is_asked_and_then_killed() {
    let mut world = world("true", &[("pre-exit", STUBBORN)]);
    graces(&mut world, "1", "2");
    let mut started = world.start();
    started.wait_for("\nready").signal(Signal::TERM);
    let ended = started.end();
    assert_eq!(ended.signal(), 9, "{}", ended.log);
    assert!(ended.log.contains("asked-"), "{}", ended.log);
}

#[test]
fn a_second_signal_ends_hooks_too_and_starts_none() {
    let mut world = world(
        STUBBORN,
        &[("post-command", STUBBORN), ("pre-exit", "echo last")],
    );
    graces(&mut world, "3600", "3600");
    let mut started = world.start();
    started
        .wait_for("\nready")
        .signal(Signal::HUP)
        .wait_for("\nasked-")
        .signal(Signal::TERM);
    let ended = started.end();
    assert_eq!(ended.signal(), 15, "as if it had not been caught any more");
    has(&ended, &[], &["last\n"]);
    assert_eq!(ended.log.matches("\nready").count(), 1, "{}", ended.log);
}

#[test]
fn a_daemon_of_a_hook_lives_until_the_last_hook_has_run() {
    let mut world = world(
        "echo ready; sleep 300",
        &[
            (
                "environment",
                "setsid sleep 300 >/dev/null 2>&1 & echo $! >\"$HOME/daemon\"",
            ),
            (
                "pre-exit",
                "kill -0 \"$(cat \"$HOME/daemon\")\" && echo it lives",
            ),
        ],
    );
    graces(&mut world, "3600", "3600");
    let mut started = world.start();
    started.wait_for("\nready").signal(Signal::TERM);
    let ended = started.end();
    assert_eq!(ended.signal(), 15, "{}", ended.log);
    has(&ended, &["it lives"], &[]);
    let pid = fs::read_to_string(world.path("home/daemon")).expect("pid");
    wait_gone(pid.trim());
}

#[test]
fn a_job_that_lost_its_log_ends_but_its_last_hooks_clean_up() {
    let world = world(
        "echo $$ >\"$HOME/pid\"; while :; do echo flood; done",
        &[("pre-exit", "echo said; echo $? >\"$HOME/cleaned\"")],
    );
    let mut command = world.command();
    let mut child = command.stdout(Stdio::piped()).spawn().expect("start");
    let mut log = child.stdout.take().expect("pipe");
    let mut some = [0; 4096];
    log.read_exact(&mut some).expect("read");
    drop(log);
    assert_eq!(child.wait().expect("wait").code(), Some(1));
    let cleaned = fs::read_to_string(world.path("home/cleaned")).expect("cleaned");
    assert_eq!(cleaned, "0\n");
    let pid = fs::read_to_string(world.path("home/pid")).expect("pid");
    wait_gone(pid.trim());
}

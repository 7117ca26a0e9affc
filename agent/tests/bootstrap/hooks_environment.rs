//! What hooks change: the environment of later children, the folder, and settings of the job.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::world::World;

fn world(command: &str, hooks: &[(&str, &str)]) -> World {
    let mut world = World::without_checkout(command);
    let path = world.path("hooks");
    fs::create_dir(&path).expect("folder");
    for (name, text) in hooks {
        fs::write(path.join(name), text).expect("hook");
    }
    world.set("BUILDKITE_HOOKS_PATH", path.to_str().expect("text"));
    world
}

/// The log without colors.
fn log_of(world: &World) -> String {
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    ended.log.replace("\u{1b}[90m", "").replace("\u{1b}[0m", "")
}

#[test]
fn a_variable_of_the_host_has_its_first_value_again_when_it_is_unset() {
    let tell = "echo \"out:${ANCHOR-none}/${BUOY-none}\"";
    let change = format!("{tell}; export ANCHOR=steel BUOY=red");
    let unset = format!("{tell}; unset ANCHOR BUOY");
    let mut world = world(tell, &[("environment", &change), ("pre-command", &unset)]);
    world.set("ANCHOR", "iron");
    let log = log_of(&world);
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| line.starts_with("out:"))
        .collect();
    assert_eq!(
        lines,
        ["out:iron/none", "out:steel/red", "out:iron/none"],
        "{log}"
    );
    for text in [
        "# ANCHOR changed\n# BUOY added\n",
        "# ANCHOR removed\n# BUOY removed\n",
    ] {
        assert!(log.contains(text), "{log}");
    }
}

#[test]
fn values_that_are_no_text_reach_the_command_byte_for_byte() {
    let bytes: Vec<u8> = (1..=255).filter(|byte| *byte != b'\'').collect();
    let hook = [b"export ALL='", &bytes[..], b"'\n"].concat();
    let world = world("printf %s \"$ALL\" >all; printf %s \"$OWN\" >own", &[]);
    fs::write(world.path("hooks/environment"), hook).expect("hook");
    let own = OsStr::from_bytes(b"own \xff\xfe");
    let output = world.command().env("OWN", own).output().expect("run");
    assert!(output.status.success());
    let read = |name: &str| fs::read(world.checkout().join(name)).expect("file");
    assert_eq!(read("all"), bytes);
    assert_eq!(read("own"), own.as_bytes());
}

#[test]
fn the_log_says_what_changed_and_shows_values_of_settings_only() {
    let hook = "export PLAIN=hidden-value BUILDKITE_GIT_CLONE_FLAGS='-v \"x\"'\n\
                export BUILDKITE_SHELL=/bin/false BUILDKITE_BUILD_PATH=/elsewhere";
    let log = log_of(&world("true", &[("environment", hook)]));
    for text in [
        "# PLAIN added\n",
        "# BUILDKITE_GIT_CLONE_FLAGS is now \"-v \\\"x\\\"\"\n",
        "BUILDKITE_BUILD_PATH, BUILDKITE_SHELL\n",
    ] {
        assert!(log.contains(text), "{text}: {log}");
    }
    for text in ["hidden-value", "/bin/false", "/elsewhere"] {
        assert!(!log.contains(text), "{text}: {log}");
    }
}

#[test]
fn a_secret_is_hidden_before_the_log_shows_a_setting_that_holds_it() {
    let hook = "export A_TOKEN=sesame-seed BUILDKITE_REFSPEC=x/sesame-seed";
    let log = log_of(&world(
        "echo out:$BUILDKITE_REFSPEC",
        &[("environment", hook)],
    ));
    assert!(
        log.contains("BUILDKITE_REFSPEC is now \"x/[REDACTED]\""),
        "{log}"
    );
    assert!(!log.contains("sesame"), "{log}");
}

/// What a hook does, further variables and flags of the job, and how git is called to clone.
type Row = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static [&'static str],
    &'static str,
);

const CLONES: &[Row] = &[
    ("", &[], &[], "clone -v -- ~/repo ."),
    (
        "export BUILDKITE_GIT_CLONE_FLAGS='--quiet -v'",
        &[],
        &[],
        "clone --quiet -v -- ~/repo .",
    ),
    (
        "export BUILDKITE_GIT_CLONE_FLAGS=",
        &[],
        &[],
        "clone -- ~/repo .",
    ),
    (
        "unset BUILDKITE_GIT_CLONE_FLAGS",
        &[("BUILDKITE_GIT_CLONE_FLAGS", "-q")],
        &[],
        "clone -q -- ~/repo .",
    ),
    (
        "true",
        &[("BUILDKITE_GIT_CLONE_FLAGS", "-q")],
        &["--git-clone-flags=-v"],
        "clone -v -- ~/repo .",
    ),
    (
        "export BUILDKITE_GIT_CLONE_FLAGS=--quiet",
        &[("BUILDKITE_GIT_CLONE_FLAGS", "-q")],
        &["--git-clone-flags=-v"],
        "clone --quiet -- ~/repo .",
    ),
    (
        "export BUILDKITE_REPO=$BUILDKITE_REPO/.git",
        &[],
        &[],
        "clone -v -- ~/repo/.git .",
    ),
    ("export BUILDKITE_SKIP_CHECKOUT=true", &[], &[], ""),
    (
        "export BUILDKITE_SKIP_CHECKOUT=maybe",
        &[],
        &[],
        "clone -v -- ~/repo .",
    ),
    (
        "export BUILDKITE_SKIP_CHECKOUT=true; exit 0",
        &[],
        &[],
        "clone -v -- ~/repo .",
    ),
    (
        "export BUILDKITE_SKIP_CHECKOUT=true; return 0",
        &[],
        &[],
        "",
    ),
];

#[test]
fn settings_of_the_checkout_follow_what_hooks_make_of_them() {
    for (hook, env, flags, wanted) in CLONES {
        let mut world = world("true", &[("pre-checkout", hook)]);
        world.env.remove("BUILDKITE_SKIP_CHECKOUT");
        for (name, value) in *env {
            world.set(name, value);
        }
        let output = world.command().args(*flags).output().expect("run");
        let log = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{hook}: {log}");
        let calls = world.calls();
        let first = calls.first().map_or("", String::as_str);
        assert_eq!(first, *wanted, "{hook}: {log}");
    }
}

#[test]
fn flags_that_a_hook_broke_are_named_and_nothing_is_cloned_without_them() {
    let hook = "export BUILDKITE_GIT_CLONE_FLAGS=\"'\"";
    let mut world = world("true", &[("pre-checkout", hook)]);
    world.env.remove("BUILDKITE_SKIP_CHECKOUT");
    let ended = world.run();
    assert_eq!(ended.code(), 1, "{}", ended.log);
    let reason = "BUILDKITE_GIT_CLONE_FLAGS) cannot be split into words";
    assert!(ended.log.contains(reason), "{}", ended.log);
    assert!(world.calls().is_empty());
}

#[test]
fn the_files_of_a_hook_are_private_and_go_with_it() {
    let hook = "echo \"out:$(stat -c %a \"${0%/*}\" \"${0%/*}\"/environment-1 | paste -sd ' ')\"; echo \"$0\" >\"$HOME/wrapper\"";
    let mut world = world("true", &[("pre-command", hook)]);
    let scratch = world.path("scratch");
    fs::create_dir(&scratch).expect("folder");
    world.set("TMPDIR", scratch.to_str().expect("text"));
    let log = log_of(&world);
    assert!(log.contains("out:700 600\n"), "{log}");
    let wrapper = fs::read_to_string(world.path("home/wrapper")).expect("file");
    assert!(
        wrapper.starts_with(scratch.to_str().expect("text")),
        "{wrapper}"
    );
    assert_eq!(fs::read_dir(&scratch).expect("folder").count(), 0);
}

#[test]
fn a_hook_without_a_place_for_its_files_fails_the_job_and_says_why() {
    let mut world = world("echo out:never", &[("pre-command", "echo out:never")]);
    let nowhere = world.path("nowhere");
    world.set("TMPDIR", nowhere.to_str().expect("text"));
    let ended = world.run();
    assert_eq!(ended.code(), 1, "{}", ended.log);
    assert!(!ended.log.contains("out:"), "{}", ended.log);
    let text = "prepare the agent pre-command hook";
    assert!(
        ended.log.contains(text) && ended.log.contains("nowhere"),
        "{}",
        ended.log
    );
}

#[test]
fn nothing_of_ours_is_started_for_a_shell_hook() {
    let mut world = world(
        "true",
        &[("pre-command", "export A=1"), ("pre-exit", "true")],
    );
    world.write_program("bin/own", "#!/bin/sh\necho \"$*\" >>\"$HOME/own-calls\"\n");
    let own = world.path("bin/own");
    world.set("BUILDKITE_OVERRIDE_SELF", own.to_str().expect("text"));
    world.set("BUILDKITE_JOB_ID", "1111-1111-1111-1111");
    assert!(log_of(&world).contains("# A added"));
    assert!(!world.path("home/own-calls").exists());
}

#[test]
fn what_a_shell_does_when_it_starts_is_not_the_hooks_doing() {
    let startup = "export PATH=/startup:$PATH STARTED=1\n";
    let tell = "echo \"out:$PATH/${STARTED-none}/$KEPT\"";
    let rows = [
        ("BASH_ENV", "home/.bash_profile", "#!/bin/bash"),
        ("OWN", "1", "#!/bin/bash -l"),
        ("IFS", ",", "#!/bin/sh"),
        ("BASH_FUNC_row%%", "() { echo row; }", "#!/bin/bash"),
    ];
    for (name, value, shebang) in rows {
        let hook = format!("{shebang}\nexport KEPT=1\n");
        let mut world = world(tell, &[("environment", &hook), ("pre-command", &hook)]);
        let file = world.path("home/.bash_profile");
        fs::write(&file, startup).expect("file");
        let file = file.to_str().expect("text");
        let is_file = file.ends_with(value);
        world.set(name, if is_file { file } else { value });
        world.set("BUILDKITE_SHELL", "/bin/dash -c");
        let path = world.env["PATH"].clone();
        let log = log_of(&world);
        assert!(log.contains(&format!("out:{path}/none/1")), "{name}: {log}");
        let told: Vec<&str> = log.lines().filter(|line| line.ends_with("ed")).collect();
        assert_eq!(told, ["# KEPT added"], "{name}: {log}");
    }
}

#[test]
fn a_job_stays_where_it_is_if_the_folder_of_a_hook_is_gone() {
    let hook = "mkdir gone; cd gone; rmdir \"$PWD\"; export A=1";
    let log = log_of(&world("echo \"out:$PWD\"", &[("pre-command", hook)]));
    assert!(log.contains("/gone, which is not there"), "{log}");
    assert!(log.contains("# A added"), "{log}");
    assert!(log.contains("/builds/agent-1/org/pipe\n"), "{log}");
}

#[test]
fn hooks_of_a_folder_below_the_executors_own_run_wherever_the_job_is() {
    let mut world = world("true", &[("pre-exit", "echo out:shell")]);
    let other = world.path("other");
    fs::create_dir(&other).expect("folder");
    world.write_program(
        "other/pre-exit",
        "#!/usr/bin/env perl\nprint qq(out:perl\\n);\n",
    );
    world.set("BUILDKITE_HOOKS_PATH", "hooks");
    world.set("BUILDKITE_ADDITIONAL_HOOKS_PATHS", "other");
    let output = world.command().current_dir(world.path(".")).output();
    let log = output.expect("run").stdout;
    let log = String::from_utf8_lossy(&log);
    assert!(
        log.contains("out:shell\n") && log.contains("out:perl\n"),
        "{log}"
    );
}

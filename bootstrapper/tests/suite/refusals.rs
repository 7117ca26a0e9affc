//! What it does not begin, and what it says then.

use std::process::{Command, Output};

use crate::bench::{Bench, STAY, alone};

fn run(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bootstrapper"));
    alone(|| command.args(args).output()).expect("started")
}

/// One line on standard error, nothing on standard output.
fn complaint(output: &Output) -> String {
    assert!(output.stdout.is_empty());
    let text = String::from_utf8(output.stderr.clone()).expect("text");
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

#[test]
fn each_wrong_command_line_is_a_usage_error_with_one_clear_line() {
    for (args, part) in [
        (&[][..], "--state-dir DIR is missing"),
        (&["--state-dir"], "--state-dir needs a value"),
        (
            &["--state-dir", "/x", "--launcher"],
            "--launcher needs a value",
        ),
        (
            &["--state-dir", "/x", "--stop-grace"],
            "--stop-grace needs a value",
        ),
        (
            &["--state-dir", "/x", "--stop-grace", "soon"],
            "soon: not a time",
        ),
        (
            &["--state-dir", "/x", "--restart-delay", "0"],
            "must be more than 0",
        ),
        (
            &["--state-dir", "/x", "--trial-limit", "0"],
            "must be more than 0",
        ),
        (&["--state-dir", "/x", "--once=1"], "--once takes no value"),
        (
            &["--state-dir", "/x", "--server-url", "u"],
            "unknown flag --server-url",
        ),
        (&["--state-dir", "/x", "run"], "unexpected argument run"),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(64), "{args:?}");
        let line = complaint(&output);
        assert!(line.contains(part), "{line}");
        assert!(line.contains("bootstrapper --help"), "{line}");
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    let version = run(&["--version"]);
    assert!(version.status.success());
    let expected = format!("bootstrapper {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8_lossy(&version.stdout), expected);
    let help = run(&["--help"]);
    assert!(help.status.success());
    assert!(String::from_utf8_lossy(&help.stdout).contains("--state-dir DIR"));
}

#[test]
fn a_state_folder_that_cannot_be_made_is_named() {
    let bench = Bench::new();
    // Below a file there are no folders, not even for root.
    let file = bench.script("file", STAY);
    let below = file.join("state");
    let output = run(&["--state-dir", below.to_str().expect("text")]);
    assert_eq!(output.status.code(), Some(73));
    let line = complaint(&output);
    assert!(line.contains(below.to_str().expect("text")), "{line}");
    assert!(line.contains("Not a directory"), "{line}");
}

#[test]
fn a_state_folder_that_cannot_be_written_is_named() {
    let output = run(&["--state-dir", "/proc/self"]);
    assert_eq!(output.status.code(), Some(73));
    let line = complaint(&output);
    assert!(line.contains("/proc/self"), "{line}");
}

#[test]
fn a_second_bootstrapper_says_who_was_first_and_leaves_it_alone() {
    let bench = Bench::new();
    let launcher = bench.script("launcher", STAY);
    let mut first = bench.start(&["--launcher", launcher.to_str().expect("text")]);
    first.line("factory launcher");
    let log = std::fs::read(bench.state.log("bootstrapper")).expect("a log");
    let second = run(&["--state-dir", bench.state.root().to_str().expect("text")]);
    assert_eq!(second.status.code(), Some(75));
    let line = complaint(&second);
    assert!(
        line.contains(&format!("process {} ", first.pid())),
        "{line}"
    );
    assert_eq!(
        std::fs::read(bench.state.log("bootstrapper")).expect("a log"),
        log
    );
    first.stop();
}

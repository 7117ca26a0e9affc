//! Wrong turns on the command line: a clear line, and the documented exit status.

use std::path::Path;
use std::process::{Command, Output};

use shared_handover::exit::Exit;

use crate::binaries;

fn run(program: &Path, args: &[&str]) -> (i32, String) {
    let output: Output = Command::new(program)
        .args(args)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    (
        output.status.code().expect("it ended by itself"),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

fn code(exit: Exit) -> i32 {
    i32::from(exit.code())
}

#[test]
fn an_unknown_flag_is_named_by_every_tier() {
    let binaries = binaries();
    for (program, args, expected) in [
        (
            &binaries.bootstrapper,
            &["--frobnicate"][..],
            code(Exit::Usage),
        ),
        (
            &binaries.launcher,
            &["run", "--frobnicate"],
            code(Exit::Usage),
        ),
        (&binaries.agent, &["start", "--frobnicate"], 1),
        (
            &binaries.server,
            &["serve", "--frobnicate"],
            code(Exit::Usage),
        ),
    ] {
        let (status, said) = run(program, args);
        assert_eq!(status, expected, "{}: {said}", program.display());
        assert!(
            said.contains("--frobnicate"),
            "{}: {said}",
            program.display()
        );
    }
}

#[test]
fn the_executor_names_the_variable_it_misses() {
    let (status, said) = run(&binaries().agent, &["bootstrap"]);
    assert_eq!(status, 1, "{said}");
    assert!(
        said.contains("BUILDKITE_JOB_ID") || said.contains("--job"),
        "{said}"
    );
}

#[test]
fn an_unreadable_configuration_is_named() {
    let (status, said) = run(
        &binaries().agent,
        &["start", "--config", "/no/such/agent.cfg"],
    );
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("/no/such/agent.cfg"), "{said}");
}

#[test]
fn an_agent_of_a_host_leaves_the_reason_in_its_log_too() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(binaries().agent)
        .args(["start", "--config", "/no/such/agent.cfg"])
        .env("TRIREME_STATE_DIR", folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let log = std::fs::read_to_string(folder.path().join("logs/agent.log")).unwrap();
    assert!(
        log.contains("ERROR") && log.contains("/no/such/agent.cfg"),
        "{log}"
    );
}

#[test]
fn a_bad_url_is_named() {
    let binaries = binaries();
    let (status, said) = run(
        &binaries.agent,
        &["start", "--token", "t", "--endpoint", "htp:/nowhere"],
    );
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("htp:/nowhere"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().to_str().unwrap();
    let (status, said) = run(
        &binaries.launcher,
        &["run", "--state-dir", state, "--server-url", "htp:/nowhere"],
    );
    assert_eq!(status, code(Exit::Usage), "{said}");
    assert!(said.contains("htp:/nowhere"), "{said}");
}

#[test]
fn a_missing_token_says_how_to_give_one() {
    let (status, said) = run(
        &binaries().agent,
        &[
            "start",
            "--endpoint",
            "http://127.0.0.1:1",
            "--build-path",
            "/tmp",
        ],
    );
    assert_eq!(status, 1, "{said}");
    assert!(
        said.contains("--token") && said.contains("BUILDKITE_AGENT_TOKEN"),
        "{said}"
    );
}

#[test]
fn an_unwritable_state_folder_is_named() {
    let (status, said) = run(&binaries().bootstrapper, &["--state-dir", "/proc/no/such"]);
    assert_eq!(status, code(Exit::StateDirUnusable), "{said}");
    assert!(said.contains("/proc/no/such"), "{said}");
}

#[test]
fn a_taken_port_says_which_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = folder.path().to_str().unwrap();
    let (status, said) = run(
        &binaries().server,
        &["serve", "--data-dir", data, "--listen", &address],
    );
    assert_eq!(status, 1, "{said}");
    assert!(
        said.contains(&address) && said.contains("--listen"),
        "{said}"
    );
}

#[test]
fn every_exit_status_stands_in_the_documentation() {
    let page = include_str!("../../docs/exit-codes.md");
    for exit in Exit::ALL {
        let row = format!(
            "| {} | `{exit:?}` | {} |",
            exit.code(),
            exit.meaning().trim()
        );
        assert!(
            page.contains(&row),
            "docs/exit-codes.md lacks the row\n{row}"
        );
    }
}

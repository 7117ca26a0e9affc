//! A new installation: the launcher that comes with the bootstrapper.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use bootstrapper::payload::append_payload;
use shared_slots::Digest;

use crate::bench::{Bench, Running, STAY, alone};

/// A copy of the bootstrapper in the bench's folder, with this launcher embedded or without any.
pub(crate) fn install(bench: &Bench, embedded: Option<&[u8]>) -> PathBuf {
    let path = bench.folder.path().join("bootstrapper");
    let program = fs::read(env!("CARGO_BIN_EXE_bootstrapper")).expect("readable");
    let content = match embedded {
        Some(launcher) => append_payload(&program, launcher),
        None => program,
    };
    alone(|| fs::write(&path, content)).expect("written");
    fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("executable");
    path
}

#[test]
fn an_embedded_launcher_is_all_that_is_needed() {
    let bench = Bench::new();
    let launcher = format!("#!/bin/sh\n{STAY}\n");
    let digest = Digest::of(launcher.as_bytes());
    let program = install(&bench, Some(launcher.as_bytes()));
    let mut running = Running::start(&program, &bench, &[]);
    running.line(&format!("factory launcher {digest} runs"));
    assert_eq!(bench.page().committed(), Some(digest));
    running.stop();
}

#[test]
fn a_launcher_beside_the_bootstrapper_will_do() {
    let bench = Bench::new();
    bench.script("launcher", STAY);
    let program = install(&bench, None);
    let mut running = Running::start(&program, &bench, &[]);
    running.line("factory launcher");
    running.stop();
}

#[test]
fn an_embedded_launcher_that_is_damaged_is_not_started() {
    let bench = Bench::new();
    let launcher = format!("#!/bin/sh\n{STAY}\n");
    let program = install(&bench, Some(launcher.as_bytes()));
    let mut content = fs::read(&program).expect("readable");
    let place = content.len() - 48 - launcher.len();
    content[place + 2] ^= 1;
    alone(|| fs::write(&program, content)).expect("written");
    let mut running = Running::start(&program, &bench, &["--once"]);
    running.line("it is not the file that was wanted");
    let (status, _) = running.end();
    assert_eq!(status.code(), Some(1));
}

#[test]
fn without_any_launcher_it_says_where_it_looked() {
    let bench = Bench::new();
    let program = install(&bench, None);
    for flags in [&[][..], &["--once"]] {
        let mut running = Running::start(&program, &bench, flags);
        let beside = bench.folder.path().join("launcher");
        let line = running.line("there is no launcher to run");
        assert!(line.contains(beside.to_str().expect("text")), "{line}");
        let (status, _) = running.end();
        assert_eq!(status.code(), Some(70));
    }
}

#[test]
fn a_launcher_that_is_named_and_not_there_is_named_in_the_error() {
    let bench = Bench::new();
    let mut running = bench.start(&["--once", "--launcher", "/nonexistent/launcher"]);
    running.line("cannot read the launcher /nonexistent/launcher: No such file");
    let (status, _) = running.end();
    assert_eq!(status.code(), Some(1));
}

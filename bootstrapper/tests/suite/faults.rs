//! Every call to the operating system fails once, at its first and its second hit: the circle goes
//! on, and what runs in the end is the old or the new version.

use std::collections::BTreeSet;
use std::path::Path;

use shared_slots::Digest;

use crate::bench::{Bench, HEALTHY, Running};

const PROGRAM: &str = env!("CARGO_BIN_EXE_bootstrapper");

/// A bench with a committed launcher and another one on trial.
fn bench() -> (Bench, [Digest; 2]) {
    let bench = Bench::new();
    let old = bench.seal(&format!("{HEALTHY} # old"));
    bench.commit(&[old]);
    let new = bench.seal(&format!("{HEALTHY} # new"));
    bench.change(|page| page.arm(new, 3).expect("armed"));
    (bench, [old, new])
}

/// The points of one whole life.
fn points() -> BTreeSet<String> {
    let (bench, [_, new]) = bench();
    let trace = bench.folder.path().join("trace");
    let variables = [("TRIREME_FAULT_TRACE", trace.to_str().expect("text"))];
    let mut running = Running::start_with(Path::new(PROGRAM), &bench, &[], &variables);
    running.line(&format!("launcher {new} is healthy and now committed"));
    running.stop();
    let text = std::fs::read_to_string(trace).expect("a trace");
    let points: BTreeSet<String> = text.lines().map(str::to_owned).collect();
    assert!(points.len() > 20, "{points:?}");
    points
}

/// Starts a bootstrapper to which this happens, and another one if it ends by that.
fn strike(point: &str, action: &str, hit: u8) {
    let (bench, versions) = bench();
    let hits = bench.folder.path().join("hits");
    let fault = format!("{point}:{action}:{hit}");
    let variables = [
        ("TRIREME_FAULT", &*fault),
        ("TRIREME_FAULT_HITS", hits.to_str().expect("text")),
    ];
    let start = || Running::start_with(Path::new(PROGRAM), &bench, &[], &variables);
    let mut running = start();
    if matches!(action, "kill" | "exit") {
        // It may strike only on the way out, or not at all.
        running.send_if_there(shared_supervise::Signal::Terminate);
        running.end();
        running = start();
    }
    running.line_with(&["launcher ", "runs as process"]);
    let page = bench.page();
    let committed = page.committed().expect("a version");
    assert!(versions.contains(&committed), "{fault}");
    running.send(shared_supervise::Signal::Terminate);
    let (status, lines) = running.end();
    let struck_on_the_way_out = matches!(action, "kill" | "exit");
    assert!(
        status.code() == Some(0) || struck_on_the_way_out,
        "{fault}: {lines:#?}"
    );
}

#[test]
fn no_error_of_the_system_ends_it() {
    for point in points() {
        for action in ["eio", "enospc", "eacces", "short"] {
            for hit in [1, 2] {
                strike(&point, action, hit);
            }
        }
    }
}

#[test]
fn wherever_it_dies_the_next_one_goes_on() {
    for point in points() {
        for action in ["kill", "exit"] {
            strike(&point, action, 1);
        }
    }
}

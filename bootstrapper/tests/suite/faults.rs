//! Every call to the operating system fails once, at its first and its second hit: the circle goes
//! on, and what runs in the end is the old or the new version.

use std::collections::BTreeSet;
use std::path::Path;

use shared_slots::Digest;
use shared_supervise::Signal;

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

/// Starts a bootstrapper to which this happens.
fn start(bench: &Bench, fault: &str) -> Running {
    let hits = bench.folder.path().join("hits");
    let variables = [
        ("TRIREME_FAULT", fault),
        ("TRIREME_FAULT_HITS", hits.to_str().expect("text")),
    ];
    Running::start_with(Path::new(PROGRAM), bench, &[], &variables)
}

/// Waits until a launcher runs, and stops it.
fn goes_on(running: &mut Running, bench: &Bench, versions: [Digest; 2], fault: &str) {
    running.line_with(&["launcher ", "runs as process"]);
    let committed = bench.page().committed().expect("a version");
    assert!(versions.contains(&committed), "{fault}");
    running.send(Signal::Terminate);
    let (status, lines) = running.end();
    assert_eq!(status.code(), Some(0), "{fault}: {lines:#?}");
}

#[test]
fn no_error_of_the_system_ends_it() {
    for point in points() {
        for strike in ["eio:1", "eio:2", "enospc:1", "eacces:1", "short:1"] {
            let (bench, versions) = bench();
            let fault = format!("{point}:{strike}");
            let mut running = start(&bench, &fault);
            goes_on(&mut running, &bench, versions, &fault);
        }
    }
}

#[test]
fn a_look_that_fails_once_costs_no_trial() {
    for fault in ["page.read:eio:1", "page.read:short:2", "store.verify:eio:1"] {
        let (bench, [_, new]) = bench();
        let mut running = start(&bench, &format!("bootstrapper/{fault}"));
        let first = running.line_with(&["launcher ", "runs as process"]);
        assert!(
            first.contains(&format!("trial launcher {new}")),
            "{fault}: {first}"
        );
        running.line(&format!("launcher {new} is healthy and now committed"));
        running.stop();
    }
}

#[test]
fn a_factory_launcher_that_could_not_be_adopted_is_adopted_while_it_runs() {
    for fault in ["page.write:eio:1", "page.sync:eio:1", "page.write:eacces:1"] {
        let bench = Bench::new();
        let factory = bench.script("factory", HEALTHY);
        let hits = bench.folder.path().join("hits");
        let fault = format!("bootstrapper/{fault}");
        let variables = [
            ("TRIREME_FAULT", fault.as_str()),
            ("TRIREME_FAULT_HITS", hits.to_str().expect("text")),
        ];
        let flags = ["--launcher", factory.to_str().expect("text")];
        let mut running = Running::start_with(Path::new(PROGRAM), &bench, &flags, &variables);
        running.line("cannot write the launcher's slot");
        running.line("factory launcher");
        running.line("is committed: there is no other");
        assert!(bench.page().committed().is_some(), "{fault}");
        running.stop();
    }
}

#[test]
fn wherever_it_dies_the_next_one_goes_on() {
    for point in points() {
        for strike in ["kill:1", "exit:1"] {
            let (bench, versions) = bench();
            let fault = format!("{point}:{strike}");
            let mut struck = start(&bench, &fault);
            // What is passed on the way out only strikes there.
            if struck.line_or_end("is healthy and now committed") {
                struck.send_if_there(Signal::Terminate);
            }
            struck.end();
            let mut next = bench.start(&[]);
            goes_on(&mut next, &bench, versions, &fault);
        }
    }
}

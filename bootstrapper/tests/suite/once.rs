//! `--once`: one run in the foreground.

use shared_supervise::Signal;

use crate::bench::{Bench, STAY};

#[test]
fn the_status_of_the_one_run_is_passed_through() {
    for (body, code) in [
        ("exit 0", 0),
        ("exit 7", 7),
        ("exit 10", 10),
        ("exit 255", 255),
        ("kill -KILL $$", 137),
    ] {
        let bench = Bench::new();
        let launcher = bench.script("launcher", body);
        let launcher = launcher.to_str().expect("text");
        let mut running = bench.start(&["--once", "--launcher", launcher]);
        let (status, lines) = running.end();
        assert_eq!(status.code(), Some(code), "{body}: {lines:#?}");
        let starts = lines.iter().filter(|line| line.contains("runs as process"));
        // Its own line, and that of one launcher.
        assert_eq!(starts.count(), 2, "{lines:#?}");
    }
}

#[test]
fn a_signal_reaches_the_one_run() {
    let bench = Bench::new();
    let launcher = bench.script("launcher", STAY);
    let mut running = bench.start(&["--once", "--launcher", launcher.to_str().expect("text")]);
    running.line("factory launcher");
    running.send(Signal::Interrupt);
    let (status, _) = running.end();
    assert_eq!(status.code(), Some(143));
}

//! Whatever its child does, it is restarted.

use shared_supervise::Signal;

use crate::bench::{Bench, STAY};

#[test]
fn a_launcher_is_started_again_whatever_its_exit_code() {
    let bench = Bench::new();
    let codes = [0, 1, 2, 11, 64, 70, 75, 78, 200, 255];
    let count = "n=$(cat \"$3/count\" 2>/dev/null || echo 0); echo $((n + 1)) > \"$3/count\"";
    let exits: Vec<_> = codes
        .iter()
        .enumerate()
        .map(|(n, code)| format!("{n}) exit {code};;"))
        .collect();
    let body = format!(
        "{count}\ncase $n in {} {}) kill -KILL $$;; *) {STAY};; esac",
        exits.join(" "),
        codes.len()
    );
    let launcher = bench.script("launcher", &body);
    let mut running = bench.start(&["--launcher", launcher.to_str().expect("text")]);
    for code in codes {
        running.line(&format!("with exit code {code}:"));
    }
    running.line("by signal 9");
    running.line("committed launcher");
    running.stop();
}

#[test]
fn a_launcher_gets_its_arguments_its_folder_and_who_started_it() {
    let bench = Bench::new();
    let report = "echo \"args $*\" >&2
        echo \"env $TRIREME_BOOTSTRAPPER_PID $TRIREME_BOOTSTRAPPER_VERSION\" >&2";
    let launcher = bench.script("launcher", &format!("{report}\n{STAY}"));
    let mut running = bench.start(&[
        "--launcher",
        launcher.to_str().expect("text"),
        "--",
        "--server-url",
        "http://x",
    ]);
    let state = bench.state.root().display();
    running.line(&format!(
        "args run --state-dir {state} --server-url http://x"
    ));
    let pid = running.pid();
    running.line(&format!("env {pid} {}", env!("CARGO_PKG_VERSION")));
    running.stop();
}

#[cfg(target_os = "linux")]
#[test]
fn a_launcher_that_outlives_its_bootstrapper_is_ended_before_another_starts() {
    let bench = Bench::new();
    // Deaf on its standard input. Its standard error is not the one that the bench waits for.
    let launcher = bench.script("launcher", "exec sleep 60 2>/dev/null");
    let other = Bench::new();
    let neighbour = other.script("launcher", STAY);
    let mut beside = other.start(&["--launcher", neighbour.to_str().expect("text")]);
    let spared = beside.process("factory launcher");
    let mut running = bench.start(&["--launcher", launcher.to_str().expect("text")]);
    let orphan = running.process("factory launcher");
    running.send(Signal::Kill);
    running.end();
    assert!(orphan.is_same_alive());

    let mut next = bench.start(&[]);
    let pid = orphan.pid;
    next.line(&format!("killed process {pid}, a launcher that outlived"));
    assert!(!orphan.is_same_alive());
    next.line("committed launcher");
    assert!(spared.is_same_alive());
    next.stop();
    beside.stop();
}

#[test]
fn a_launcher_that_only_asks_to_be_replaced_is_slowed_down() {
    let bench = Bench::new();
    let launcher = bench.script("launcher", "exit 10");
    let mut running = bench.start(&["--launcher", launcher.to_str().expect("text")]);
    for _ in 0..4 {
        running.line("with exit code 10:");
    }
    running.line("the next start is in");
    running.stop();
}

#[test]
fn what_it_does_is_in_its_log() {
    let bench = Bench::new();
    let launcher = bench.script("launcher", STAY);
    let mut running = bench.start(&["--launcher", launcher.to_str().expect("text")]);
    running.line("factory launcher");
    running.stop();
    let log = std::fs::read_to_string(bench.state.log("bootstrapper")).expect("a log");
    for part in [
        "runs as process",
        "factory launcher",
        "got SIGTERM",
        "stopped",
    ] {
        assert!(log.contains(part), "{part}: {log}");
    }
    let stamps = log.lines().map(|line| line.split(' ').next());
    assert!(stamps.into_iter().all(|stamp| {
        let stamp = stamp.expect("a word");
        stamp.len() == 24 && stamp.ends_with('Z')
    }));
}

//! Nothing a launcher does stops the bootstrapper for good. One test for each thing it can do.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use shared_handover::layout::Component;
use shared_slots::Reason;

use crate::bench::{Bench, HEALTHY, Running, STAY, alone};
use crate::factory::install;

/// A factory launcher that does this to the host, three times over, and is started each time.
fn survives(harm: &str) -> Bench {
    let bench = Bench::new();
    let launcher = bench.script("launcher", harm);
    let mut running = bench.start(&["--launcher", launcher.to_str().expect("text")]);
    for _ in 0..3 {
        running.line_with(&["launcher ", "runs as process"]);
        running.line("the launcher ended after");
    }
    running.stop();
    bench
}

#[test]
fn it_ends_by_any_signal() {
    for signal in ["TERM", "HUP", "SEGV", "ABRT", "PIPE", "KILL"] {
        survives(&format!("kill -{signal} $$"));
    }
}

#[test]
fn it_forks_and_dies() {
    survives("setsid sh -c 'cat <&3 >/dev/null' & exit 1");
}

#[test]
fn it_leaves_somebody_who_floods_the_report_pipe_for_ever() {
    survives("setsid yes & exit 1");
}

#[test]
fn it_floods_its_output_with_binary_bytes() {
    survives("head -c 3000000 /dev/urandom | LC_ALL=C tr -d H; exit 1");
}

#[test]
fn it_removes_the_store() {
    survives("rm -rf \"$3/store\"; exit 1");
}

#[test]
fn it_removes_the_logs() {
    let bench = survives("rm -rf \"$3/logs\"; exit 1");
    let log = std::fs::read_to_string(bench.state.log("bootstrapper")).expect("a log");
    assert!(log.contains("stopped"), "{log}");
}

#[test]
fn it_removes_the_whole_state_folder() {
    survives("rm -rf \"$3\"; exit 1");
}

#[test]
fn it_fills_the_pages_with_garbage() {
    survives(
        "for page in \"$3\"/launcher.p?; do head -c 512 /dev/urandom > \"$page\"; done; exit 1",
    );
}

#[test]
fn it_fills_the_records_with_garbage() {
    let bench = Bench::new();
    let old = bench.seal(STAY);
    bench.commit(&[old]);
    let new = bench.seal("head -c 300 /dev/urandom > \"$3/launcher.try\"; exit 1");
    bench.change(|page| page.arm(new, 3).expect("armed"));
    let mut running = bench.start(&[]);
    running.line(&format!("launcher {new} is given up"));
    running.line(&format!("committed launcher {old} runs"));
    running.stop();
}

#[test]
fn it_puts_folders_where_files_were() {
    survives(
        "for name in launcher.p0 launcher.p1 launcher.try reserve; do
            rm -rf \"$3/$name\"; mkdir \"$3/$name\"; done; exit 1",
    );
}

#[test]
fn it_fills_the_disk_under_the_log() {
    let full = "rm -f \"$3/logs/bootstrapper.log\"
        ln -s /dev/full \"$3/logs/bootstrapper.log\"; exit 1";
    survives(full);
}

#[test]
fn it_takes_every_report_for_a_joke() {
    survives("printf '\\000\\001\\377HhHH'; exit 1");
}

#[test]
fn it_stops_itself_during_its_trial() {
    let bench = Bench::new();
    let old = bench.seal(STAY);
    bench.commit(&[old]);
    let new = bench.seal("kill -STOP $$");
    bench.change(|page| page.arm(new, 3).expect("armed"));
    let mut running = bench.start(&["--trial-limit", "20ms"]);
    running.line("by signal 9");
    running.line(&format!("committed launcher {old} runs"));
    assert_eq!(bench.page().bad()[0].reason, Reason::NoAnswer);
    running.stop();
}

#[test]
fn a_flood_does_not_stretch_its_trial() {
    let bench = Bench::new();
    let old = bench.seal(STAY);
    bench.commit(&[old]);
    let new = bench.seal("exec yes");
    bench.change(|page| page.arm(new, 3).expect("armed"));
    let mut running = bench.start(&["--trial-limit", "20ms"]);
    running.line("is given up: it did not report in time");
    running.line(&format!("committed launcher {old} runs"));
    running.stop();
}

#[test]
fn it_closes_its_output_and_goes_on() {
    let bench = Bench::new();
    let launcher = bench.seal(&format!("exec 1>&-; echo closed >&2; {STAY}"));
    bench.commit(&[launcher]);
    let mut running = bench.start(&[]);
    running.line("closed");
    running.stop();
}

#[test]
fn it_blocks_standard_error_for_everybody() {
    let bench = Bench::new();
    let told = bench.make_pipe("told");
    // The pipe of standard error is full after this, and nobody reads it.
    let launcher = bench.script(
        "launcher",
        "echo started > \"$3/told\"; setsid sh -c 'yes >&2' & exit 1",
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_bootstrapper"));
    command
        .arg("--state-dir")
        .arg(bench.state.root())
        .arg("--launcher")
        .arg(&launcher)
        .args(["--restart-delay", "1ms"])
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = alone(|| command.spawn()).expect("started");
    // Open for writing, too, else it would end whenever a launcher does.
    let told = OpenOptions::new().read(true).write(true).open(&told);
    let mut told = BufReader::new(told.expect("opened")).lines();
    for _ in 0..8 {
        assert_eq!(told.next().expect("a line").expect("read"), "started");
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
}

#[test]
fn its_leftover_holds_the_lock() {
    let bench = Bench::new();
    // The lock goes on in the child, whose parent is gone, and which does not care.
    let held = "exec 9>>\"$3/lock\"; flock -n 9 || exit 75
        setsid sleep 60 & exit 1";
    let launcher = bench.script("launcher", held);
    let mut running = bench.start(&["--launcher", launcher.to_str().expect("text")]);
    running.line("with exit code 1:");
    running.line("with exit code 75:");
    running.line("which held the lock of a launcher that is gone");
    running.line("with exit code 1:");
    running.stop();
}

#[test]
fn without_pages_and_without_a_factory_launcher_the_store_has_one() {
    let bench = Bench::new();
    let stored = bench.seal(HEALTHY);
    bench.commit(&[stored]);
    for page in bench.state.pages(Component::Launcher) {
        std::fs::write(page, "torn").expect("written");
    }
    let program = install(&bench, None);
    let mut running = Running::start(&program, &bench, &[]);
    running.line(&format!("stored launcher {stored} runs"));
    assert_eq!(bench.page().committed(), Some(stored));
    running.stop();
}

//! A committed launcher that ends again and again.

use shared_slots::{Moment, OsFs, Reason};

use crate::bench::{Bench, HEALTHY, STAY};

const RESCUED: &str = "echo \"rescue $TRIREME_RESCUE\" >&2";

#[test]
fn the_previous_launcher_stands_in_and_the_one_that_crashed_is_marked() {
    let bench = Bench::new();
    let old = bench.seal(&format!("{HEALTHY} # old"));
    let new = bench.seal("exit 3");
    bench.commit(&[old, new]);
    let mut running = bench.start(&[]);
    for _ in 0..5 {
        running.line(&format!("committed launcher {new} runs"));
    }
    running.line(&format!("trial launcher {old} runs"));
    running.line(&format!("launcher {old} is healthy and now committed"));
    let page = bench.page();
    assert_eq!(page.committed(), Some(old));
    assert_eq!(page.previous(), Some(new));
    let mark = page.held(new, Moment::read(&OsFs)).expect("a mark");
    assert_eq!(mark.reason, Reason::CrashLoop);
    running.stop();
}

#[test]
fn when_both_crash_the_factory_launcher_comes_to_the_rescue() {
    let bench = Bench::new();
    let old = bench.seal("exit 4");
    let new = bench.seal("exit 3");
    bench.commit(&[old, new]);
    let factory = bench.script("factory", &format!("{RESCUED}; {STAY}"));
    let mut running = bench.start(&[
        "--restart-delay",
        "10ms",
        "--launcher",
        factory.to_str().expect("text"),
    ]);
    running.line(&format!("trial launcher {old} runs"));
    running.line("factory launcher");
    running.line("rescue 1");
    assert_eq!(bench.page().committed(), Some(new));
    assert_eq!(bench.page().trial(), None);
    running.stop();
}

#[test]
fn health_that_does_not_last_does_not_keep_the_rescue_away() {
    let bench = Bench::new();
    let old = bench.seal("printf H; exit 4");
    let new = bench.seal("printf H; exit 3");
    bench.commit(&[old, new]);
    let factory = bench.script("factory", &format!("{RESCUED}; {STAY}"));
    let mut running = bench.start(&["--launcher", factory.to_str().expect("text")]);
    running.line(&format!("launcher {old} is healthy and now committed"));
    for _ in 0..4 {
        running.line(&format!("committed launcher {old} runs"));
    }
    running.line("rescue 1");
    running.stop();
}

#[test]
fn the_rescue_has_its_time_and_then_the_installed_launcher_another_turn() {
    let bench = Bench::new();
    let only = bench.seal("echo \"rescue $TRIREME_RESCUE\" >&2; exit 3");
    bench.commit(&[only]);
    let factory = bench.script("factory", &format!("{RESCUED}; {STAY}"));
    let mut running = bench.start(&["--launcher", factory.to_str().expect("text")]);
    for _ in 0..2 {
        running.line("rescue 0");
        running.line("rescue 1");
        running.line("the rescue has had its time");
        running.line(&format!("committed launcher {only} runs"));
    }
    running.stop();
}

#[test]
fn what_the_rescue_fetched_is_tried_and_begins_anew() {
    let bench = Bench::new();
    let only = bench.seal("exit 3");
    bench.commit(&[only]);
    let go = bench.make_pipe("go");
    let factory = bench.script(
        "factory",
        &format!("{RESCUED}; read code < \"$3/go\"; exit \"$code\""),
    );
    let mut running = bench.start(&[
        "--restart-delay",
        "20ms",
        "--launcher",
        factory.to_str().expect("text"),
    ]);
    running.line("rescue 1");
    let new = bench.seal(HEALTHY);
    bench.change(|page| page.arm(new, 3).expect("armed"));
    std::fs::write(go, "10\n").expect("told");
    running.line(&format!("launcher {new} is healthy and now committed"));
    assert_eq!(bench.page().previous(), Some(only));
    running.stop();
}

//! Trials: counted before they start, committed when healthy, given up when not.

use shared_slots::{Moment, OsFs, Page, Reason};
use shared_supervise::Signal;

use crate::bench::{Bench, HEALTHY, STAY};

/// A launcher that stays until somebody writes an exit code into the pipe `go`.
const UNTIL_TOLD: &str = "read code < \"$3/go\"; exit \"$code\"";

#[test]
fn a_launcher_that_hands_over_is_followed_by_the_trial_which_commits_itself() {
    let bench = Bench::new();
    let old = bench.seal(UNTIL_TOLD);
    bench.commit(&[old]);
    let go = bench.make_pipe("go");
    let mut running = bench.start(&[]);
    running.line(&format!("committed launcher {old}"));

    let new = bench.seal(HEALTHY);
    bench.change(|page| page.arm(new, 3).expect("armed"));
    std::fs::write(go, "10\n").expect("told");
    running.line(&format!("trial launcher {new}"));
    running.line(&format!("launcher {new} is healthy and now committed"));
    let page = bench.page();
    assert_eq!(page.committed(), Some(new));
    assert_eq!(page.previous(), Some(old));
    assert_eq!(page.trial(), None);
    running.stop();
}

#[test]
fn a_trial_is_counted_before_it_runs() {
    let bench = Bench::new();
    let old = bench.seal(STAY);
    bench.commit(&[old]);
    let new = bench.seal(&format!("{STAY} # new"));
    bench.change(|page| page.arm(new, 3).expect("armed"));
    for left in [2, 1, 0] {
        let mut running = bench.start(&[]);
        running.line(&format!("trial launcher {new}"));
        let trial = bench.page().trial().expect("on trial");
        assert_eq!((trial.digest, trial.tries_left), (new, left));
        // Not even a bootstrapper that dies on the spot gives a try back.
        running.send(Signal::Kill);
        running.end();
    }
    let mut running = bench.start(&[]);
    running.line(&format!("launcher {new} is given up"));
    running.line(&format!("committed launcher {old}"));
    running.stop();
}

#[test]
fn a_trial_that_dies_three_times_is_given_up_and_the_old_launcher_runs_again() {
    let bench = Bench::new();
    let old = bench.seal(STAY);
    bench.commit(&[old]);
    let new = bench.seal("exit 3");
    bench.change(|page| page.arm(new, 3).expect("armed"));
    let mut running = bench.start(&[]);
    for _ in 0..3 {
        running.line(&format!("trial launcher {new}"));
        running.line("with exit code 3:");
    }
    running.line(&format!("launcher {new} is given up"));
    running.line(&format!("committed launcher {old}"));
    let page = bench.page();
    assert_eq!(page.committed(), Some(old));
    assert_eq!(page.bad()[0].reason, Reason::TriesUsedUp);
    assert!(page.held(new, Moment::read(&OsFs)).is_some());
    running.stop();
}

#[test]
fn a_healthy_trial_in_its_last_try_is_committed_though_it_ends_right_after() {
    let bench = Bench::new();
    let old = bench.seal(STAY);
    bench.commit(&[old]);
    let new = bench.seal("printf H; exit 1");
    bench.change(|page| page.arm(new, 1).expect("armed"));
    let mut running = bench.start(&[]);
    running.line(&format!("launcher {new} is healthy and now committed"));
    running.line(&format!("committed launcher {new}"));
    assert_eq!(bench.page().bad(), []);
    running.stop();
}

#[test]
fn a_trial_that_the_system_would_not_start_is_given_up_at_once() {
    let bench = Bench::new();
    let old = bench.seal(STAY);
    bench.commit(&[old]);
    let nonsense = bench.folder.path().join("nonsense");
    std::fs::write(&nonsense, "no program at all").expect("written");
    let new = bench.seal_file(&nonsense);
    bench.change(|page| page.arm(new, 3).expect("armed"));
    let mut running = bench.start(&[]);
    running.line(&format!("trial launcher {new} does not start"));
    running.line(&format!("committed launcher {old}"));
    let page = bench.page();
    assert_eq!(page.trial(), None);
    assert_eq!(page.bad()[0].reason, Reason::WouldNotStart);
    running.stop();
}

#[test]
fn a_trial_that_never_reports_is_given_up_in_time() {
    let bench = Bench::new();
    let old = bench.seal(STAY);
    bench.commit(&[old]);
    let new = bench.seal("trap '' TERM\ncat <&3 >/dev/null");
    bench.change(|page| page.arm(new, 3).expect("armed"));
    let mut running = bench.start(&["--trial-limit", "20ms"]);
    running.line(&format!(
        "trial launcher {new} is given up: it did not report"
    ));
    running.line("by signal 9");
    running.line(&format!("committed launcher {old}"));
    assert_eq!(bench.page().bad()[0].reason, Reason::NoAnswer);
    running.stop();
}

#[test]
fn a_report_of_a_committed_launcher_changes_nothing() {
    let bench = Bench::new();
    let old = bench.seal("printf 'xHyHH'; echo reported >&2; exec cat >/dev/null");
    bench.commit(&[old]);
    let before = bench.page();
    let mut running = bench.start(&[]);
    running.line("reported");
    running.stop();
    assert_eq!(bench.page(), before);
}

#[test]
fn a_trial_that_cannot_be_counted_is_not_started() {
    let bench = Bench::new();
    let old = bench.seal(STAY);
    bench.commit(&[old]);
    let new = bench.seal(HEALTHY);
    bench.change(|page| page.arm(new, 3).expect("armed"));
    // The page that is written next cannot be: there is a folder in its place.
    let older = bench
        .state
        .pages(shared_handover::layout::Component::Launcher)
        .into_iter()
        .min_by_key(|path| {
            let page = Page::decode(&std::fs::read(path).expect("readable"));
            page.map_or(0, |page| page.generation())
        })
        .expect("two pages");
    std::fs::remove_file(&older).expect("removed");
    std::fs::create_dir(&older).expect("made");
    let mut running = bench.start(&[]);
    running.line("the trial is not started, for it cannot be counted");
    running.line(&format!("committed launcher {old}"));
    running.stop();
}

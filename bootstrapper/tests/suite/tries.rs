//! What uses up a try of a trial, and what does not.

use std::time::Duration;

use shared_slots::Digest;
use shared_supervise::{Lock, Signal};

use crate::bench::{Bench, STAY};

/// A committed launcher, and this one on trial with three tries.
fn with_trial(body: &str) -> (Bench, Digest, Digest) {
    let bench = Bench::new();
    let old = bench.seal(&format!("{STAY} # old"));
    bench.commit(&[old]);
    let new = bench.seal(body);
    bench.change(|page| page.arm(new, 3).expect("armed"));
    (bench, old, new)
}

fn tries_left(bench: &Bench) -> u8 {
    bench.page().trial().expect("on trial").tries_left
}

#[test]
fn a_trial_that_finds_the_lock_taken_keeps_its_try() {
    let (bench, old, new) = with_trial("exit 75");
    let lock = Lock::take(&bench.state.launcher_lock(), Duration::ZERO).expect("free");
    let mut running = bench.start(&[]);
    // Three are given back, three are counted.
    for _ in 0..6 {
        running.line(&format!("trial launcher {new} runs"));
    }
    drop(lock);
    running.line(&format!("launcher {new} is given up"));
    running.line(&format!("committed launcher {old} runs"));
    running.stop();
}

#[test]
fn a_trial_that_only_says_that_the_lock_is_taken_loses_its_try() {
    let (bench, old, new) = with_trial("exit 75");
    let mut running = bench.start(&[]);
    for _ in 0..3 {
        running.line(&format!("trial launcher {new} runs"));
    }
    running.line(&format!("launcher {new} is given up"));
    running.line(&format!("committed launcher {old} runs"));
    running.stop();
}

#[test]
fn a_trial_that_is_stopped_from_outside_keeps_its_try_three_times() {
    let (bench, _, new) = with_trial(STAY);
    for left in [3, 3, 3, 2] {
        let mut running = bench.start(&[]);
        running.line(&format!("trial launcher {new} runs"));
        assert_eq!(tries_left(&bench), left.min(2));
        running.stop();
        assert_eq!(tries_left(&bench), left);
    }
}

#[test]
fn a_power_cut_gives_a_try_back_and_three_of_them_do_not_condemn_a_version() {
    let (bench, old, new) = with_trial(STAY);
    let cut = |running: &mut crate::bench::Running| {
        running.send(Signal::Kill);
        running.end();
        // The record says that it began in another boot.
        let record = std::fs::read_to_string(bench.state.launcher_try()).expect("a record");
        let mut fields: Vec<_> = record.split(' ').collect();
        fields[1] = "77";
        std::fs::write(bench.state.launcher_try(), fields.join(" ")).expect("written");
    };
    let mut running = bench.start(&[]);
    running.line(&format!("trial launcher {new} runs"));
    for _ in 0..3 {
        cut(&mut running);
        running = bench.start(&[]);
        running.line("the host went down during a try");
        running.line(&format!("trial launcher {new} runs"));
        assert_eq!(tries_left(&bench), 2);
    }
    // One that brings the host down each time is over nevertheless.
    for left in [1, 0] {
        cut(&mut running);
        running = bench.start(&[]);
        running.line(&format!("trial launcher {new} runs"));
        assert_eq!(tries_left(&bench), left);
    }
    cut(&mut running);
    running = bench.start(&[]);
    running.line(&format!("launcher {new} is given up"));
    running.line(&format!("committed launcher {old} runs"));
    running.stop();
}

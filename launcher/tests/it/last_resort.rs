//! A host on which nothing works yet or any more, and a release that leads to nothing.

use std::fs;
use std::path::Path;

use shared_handover::layout::Component;
use shared_slots::{Digest, Slot};
use shared_supervise::Signal;

use crate::bed::{Bed, wait_until};
use crate::fake_agent::Manner;

/// Makes it look as if release 1 had been begun again and again.
fn exhaust(bed: &Bed) {
    fs::create_dir_all(bed.state.root()).unwrap();
    let slot = Slot::new(bed.state.pages(Component::Agent));
    slot.create().unwrap();
    for _ in 0..14 {
        let page = slot.read().page.arm(Digest::of(b"another"), 3).unwrap();
        let page = slot.write(page).unwrap().withdraw().unwrap();
        let _ = slot.write(page).unwrap();
    }
    let mark = r#"{"serial":1,"writes":0}"#;
    fs::write(bed.state.root().join("effort.json"), mark).unwrap();
}

#[test]
fn a_first_agent_comes_once_and_works_as_soon_as_its_configuration_is_mended() {
    let mut bed = Bed::new();
    exhaust(&bed);
    let broken = bed.state.root().join("broken");
    fs::write(&broken, "").unwrap();
    let digest = bed.publish_agent(1, Manner::Fragile);
    bed.start();
    wait_until("the third start", || {
        (bed.launcher().lines(&["agent started", "0.1.0"]).len() > 2).then_some(())
    });
    assert_eq!(bed.launcher().lines(&["WARN", "0.1.0"]).len(), 2);
    fs::remove_file(broken).unwrap();
    bed.wait_for(&["agent committed", "0.1.0"]);
    assert_eq!(bed.server.requests_for(&digest.to_string()), 1);
}

#[test]
fn a_release_that_led_to_nothing_through_many_restarts_is_left_alone_until_the_next_one() {
    let mut bed = Bed::new();
    let first = bed.publish_agent(1, Manner::Good);
    bed.start();
    bed.wait_for(&["agent committed", "0.1.0"]);
    bed.launcher().signal(Signal::Terminate);
    assert_eq!(bed.launcher().exit_code(), Some(0));
    bed.publish_agent(2, Manner::Good);
    // Each round counts a try, and gives it back: two writes.
    for round in 0.. {
        assert!(round < 20, "it never ends");
        bed.start_with(Path::new(env!("CARGO_BIN_EXE_launcher")), |command| {
            command.env("TRIREME_GATE_SECONDS", "600");
        });
        let launcher = bed.launcher();
        let is_over = wait_until("the trial or its end", || {
            let is_over = !launcher.lines(&["tried too often"]).is_empty();
            let tries = !launcher.lines(&["agent started", "role=trial"]).is_empty();
            (is_over || tries).then_some(is_over)
        });
        if is_over {
            assert!(round > 5, "after {round} rounds");
            break;
        }
        launcher.signal(Signal::Terminate);
        assert_eq!(launcher.exit_code(), Some(0));
    }
    let page = bed.page(Component::Agent);
    assert_eq!((page.committed(), page.trial()), (Some(first), None));
    assert_eq!(page.bad(), []);
    bed.launcher().signal(Signal::Terminate);
    assert_eq!(bed.launcher().exit_code(), Some(0));
    bed.publish_agent(3, Manner::Good);
    bed.start();
    bed.wait_for(&["agent committed", "0.3.0"]);
}

#[test]
fn a_launcher_that_runs_as_the_rescue_takes_the_next_one_whatever_the_rules() {
    let mut bed = Bed::new();
    let (own, program) = bed.launcher_in_store();
    bed.commit(Component::Launcher, &[own]);
    let next = b"another launcher".as_slice();
    let manifest = bed.manifest(1, &[(Component::Launcher, next)]);
    bed.publish(&manifest);
    fs::write(bed.state.policy(), r#"{"mode": "off"}"#).unwrap();
    bed.start_with(&program, |command| {
        command.env("TRIREME_BOOTSTRAPPER_PID", "1");
        command.env("TRIREME_RESCUE", "0");
    });
    bed.wait_for(&["launcher 0.1.0 waits", "upgrades are off"]);
    bed.launcher().lose_bootstrapper();
    assert_eq!(bed.launcher().exit_code(), Some(11));
    bed.start_with(&program, |command| {
        command.env("TRIREME_BOOTSTRAPPER_PID", "1");
        command.env("TRIREME_RESCUE", "1");
    });
    assert_eq!(bed.launcher().exit_code(), Some(10));
    let trial = bed.page(Component::Launcher).trial();
    assert_eq!(trial.map(|trial| trial.digest), Some(Digest::of(next)));
    assert_eq!(bed.launcher().lines(&["no other launcher runs"]).len(), 1);
}

//! Killed between any two durable steps of an upgrade, and started again: the host heals.
//!
//! Needs the feature `faults`. Every single call that crosses to the operating system is the matter
//! of `cargo xtask torture`; these are the points from which a new launcher has to go on.

use std::path::Path;

use shared_handover::layout::Component;

use crate::bed::{Bed, wait_until};
use crate::fake_agent::Manner;

/// In the order in which an upgrade passes them.
const POINTS: [&str; 6] = [
    "upgrade.manifest-kept",
    "upgrade.staged",
    "upgrade.armed",
    "upgrade.try-counted",
    "upgrade.settled",
    "upgrade.swept",
];

#[test]
fn wherever_a_launcher_is_killed_the_next_one_finishes_the_upgrade() {
    for point in POINTS {
        let mut bed = Bed::new();
        let first = bed.publish_agent(1, Manner::Good);
        bed.start();
        bed.wait_for(&["agent committed", "0.1.0"]);
        bed.launcher().lose_bootstrapper();
        assert_eq!(bed.launcher().exit_code(), Some(11));
        let second = bed.publish_agent(2, Manner::Good);
        let hits = bed.state.root().join("hits");
        bed.start_with(Path::new(env!("CARGO_BIN_EXE_launcher")), |command| {
            command
                .env("TRIREME_FAULT", format!("launcher/{point}:kill:1"))
                .env("TRIREME_FAULT_HITS", hits);
        });
        assert_eq!(
            bed.launcher().exit_code(),
            None,
            "{point}: not killed there"
        );
        let page = bed.page(Component::Agent);
        let committed = page.committed().unwrap();
        assert!([first, second].contains(&committed), "{point}: {page:?}");
        assert!(!bed.agents().is_empty(), "{point}: nothing runs");
        bed.start();
        wait_until(point, || {
            (bed.page(Component::Agent).committed() == Some(second)).then_some(())
        });
        let one = || Some(bed.agents()).filter(|agents| agents.len() == 1);
        wait_until("one agent alone", one);
    }
}

/// A host with agent 1 that upgrades to agent 2 while this fault strikes; the calls it passed.
fn upgrades_in_spite_of(fault: &str) -> String {
    let mut bed = Bed::new();
    bed.publish_agent(1, Manner::Good);
    bed.start();
    bed.wait_for(&["agent committed", "0.1.0"]);
    bed.launcher().lose_bootstrapper();
    assert_eq!(bed.launcher().exit_code(), Some(11));
    let second = bed.publish_agent(2, Manner::Good);
    let [hits, trace] = ["hits", "trace"].map(|name| bed.state.root().join(name));
    bed.start_with(Path::new(env!("CARGO_BIN_EXE_launcher")), |command| {
        command
            .env("TRIREME_FAULT", format!("launcher/{fault}"))
            .env("TRIREME_FAULT_HITS", &hits)
            .env("TRIREME_FAULT_TRACE", &trace);
    });
    wait_until(fault, || {
        (bed.page(Component::Agent).committed() == Some(second)).then_some(())
    });
    assert!(
        !std::fs::read(hits).unwrap().is_empty(),
        "{fault} never struck"
    );
    assert_eq!(bed.page(Component::Agent).bad(), []);
    let reserve = bed.state.root().join("reserve");
    wait_until("the reserve", || reserve.exists().then_some(()));
    std::fs::read_to_string(trace).unwrap()
}

#[test]
fn a_disk_that_fills_up_during_a_download_costs_a_delay() {
    upgrades_in_spite_of("fetch.append:enospc:1");
}

#[test]
fn a_page_is_written_to_a_full_disk_with_the_help_of_the_reserve() {
    let passed = upgrades_in_spite_of("page.write:enospc:1");
    assert!(passed.contains("launcher/reserve.release"), "{passed}");
}

//! Killed at every named point of an upgrade, and started again: the host heals.
//!
//! Needs the feature `checkpoints`, which puts the points into the launcher.

use std::path::Path;

use launcher::CHECKPOINTS;
use shared_handover::layout::Component;

use crate::bed::{Bed, wait_until};
use crate::fake_agent::Manner;

#[test]
fn wherever_a_launcher_is_killed_the_next_one_finishes_the_upgrade() {
    for point in CHECKPOINTS {
        let mut bed = Bed::new();
        let first = bed.publish_agent(1, Manner::Good);
        bed.start();
        bed.wait_for(&["agent committed", "0.1.0"]);
        bed.launcher().lose_bootstrapper();
        assert_eq!(bed.launcher().exit_code(), Some(11));
        let second = bed.publish_agent(2, Manner::Good);
        bed.start_with(Path::new(env!("CARGO_BIN_EXE_launcher")), |command| {
            command.env("TRIREME_KILL_AT", point);
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

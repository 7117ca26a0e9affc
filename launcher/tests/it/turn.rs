//! A release for which it is not time yet.

use std::path::Path;

use shared_handover::layout::Component;
use shared_slots::{Digest, Slot};

use crate::bed::Bed;
use crate::fake_agent::Manner;

#[test]
fn a_host_waits_for_its_place_in_the_spread_unless_the_release_closes_a_hole() {
    let mut bed = Bed::new();
    bed.publish_agent(1, Manner::Good);
    bed.start_with(Path::new(env!("CARGO_BIN_EXE_launcher")), |command| {
        command.args(["--spread", "30000000"]);
    });
    // With nothing to run, there is nothing to wait for.
    bed.wait_for(&["agent committed", "0.1.0"]);
    bed.publish_agent(2, Manner::Good);
    bed.wait_for(&["agent 0.2.0 waits", "its turn among the hosts"]);
    let mut manifest = bed.manifest(3, &[]);
    manifest.releases = vec![bed.agent(3, Manner::Good)];
    manifest.releases[0].security = true;
    bed.publish(&manifest);
    bed.wait_for(&["agent committed", "0.3.0"]);
    assert_eq!(bed.launcher().lines(&["agent started", "0.2.0"]).len(), 0);
}

#[test]
fn a_launcher_on_trial_arms_no_other_one_before_it_is_committed() {
    let mut bed = Bed::new();
    let (own, program) = bed.launcher_in_store();
    bed.commit(Component::Launcher, &[Digest::of(b"the launcher before")]);
    let slot = Slot::new(bed.state.pages(Component::Launcher));
    let _ = slot.write(slot.read().page.arm(own, 3).unwrap()).unwrap();
    let next = b"the launcher after".as_slice();
    bed.publish(&bed.manifest(1, &[(Component::Launcher, next)]));
    bed.start_with(&program, |command| {
        command.env("TRIREME_BOOTSTRAPPER_PID", "1");
    });
    bed.wait_for(&["launcher 0.1.0 waits", "not committed yet"]);
    let on_trial = |bed: &Bed| bed.page(Component::Launcher).trial().map(|t| t.digest);
    assert_eq!(on_trial(&bed), Some(own));
    // Now the bootstrapper does.
    let _ = slot.write(slot.read().page.commit().unwrap()).unwrap();
    assert_eq!(bed.launcher().exit_code(), Some(10));
    assert_eq!(on_trial(&bed), Some(Digest::of(next)));
}

//! While a version is on trial: the server is asked, and what it says counts.

use std::fs;

use shared_control::Request;
use shared_handover::layout::Component;
use shared_slots::Digest;

use crate::bed::{Bed, wait_until};
use crate::fake_agent::Manner;

/// A host with agent 1 on which agent 2 works, and is not proved however long it does.
fn host_with_a_trial() -> (Bed, [Digest; 2]) {
    let mut bed = Bed::new();
    let one = bed.publish_agent(1, Manner::Good);
    bed.start();
    bed.wait_for(&["agent committed", "0.1.0"]);
    let two = bed.publish_agent(2, Manner::Stranger);
    bed.wait_for(&["agent switched", "to=0.2.0"]);
    (bed, [one, two])
}

fn trial(bed: &Bed) -> Option<Digest> {
    let trial = bed.page(Component::Agent).trial();
    trial.map(|trial| trial.digest)
}

fn wait_for_commit(bed: &Bed, digest: Digest) {
    wait_until("the commit", || {
        (bed.page(Component::Agent).committed() == Some(digest)).then_some(())
    });
}

#[test]
fn a_newer_release_takes_the_place_of_a_trial_without_a_mark() {
    let (mut bed, [one, _]) = host_with_a_trial();
    let third = bed.publish_agent(3, Manner::Good);
    bed.wait_for(&["gives way to a newer release", "0.2.0", "0.3.0"]);
    wait_for_commit(&bed, third);
    let page = bed.page(Component::Agent);
    assert_eq!((page.previous(), page.bad()), (Some(one), [].as_slice()));
    let one_alone = || Some(bed.agents()).filter(|agents| agents.len() == 1);
    wait_until("one agent alone", one_alone);
}

#[test]
fn the_first_agent_gives_way_too_though_there_is_nothing_to_go_back_to() {
    let mut bed = Bed::new();
    bed.publish_agent(1, Manner::Stranger);
    bed.start();
    bed.wait_for(&["agent takes jobs", "0.1.0"]);
    let second = bed.publish_agent(2, Manner::Good);
    wait_for_commit(&bed, second);
    assert_eq!(bed.page(Component::Agent).previous(), None);
}

#[test]
fn a_trial_that_is_taken_back_ends_and_the_version_before_serves_again() {
    let (mut bed, [one, two]) = host_with_a_trial();
    let mut manifest = bed.manifest(3, &[]);
    manifest.releases = vec![bed.agent(2, Manner::Stranger)];
    manifest.revoked = vec![two];
    bed.publish(&manifest);
    bed.wait_for(&["the version on trial was taken back", "0.2.0"]);
    wait_until("agent 1 alone", || {
        let launcher = bed.launcher();
        let serves_again = launcher.lines(&["agent takes jobs", "0.1.0"]).len() == 2;
        (serves_again && bed.agents().len() == 1).then_some(())
    });
    let page = bed.page(Component::Agent);
    assert_eq!((page.committed(), page.trial()), (Some(one), None));
    assert_eq!(page.bad(), []);
}

#[test]
fn a_trial_goes_on_while_the_server_is_silent_or_has_nothing_that_may_be_adopted() {
    let (mut bed, [_, two]) = host_with_a_trial();
    let silent = bed.tree("stable/manifest.json.page");
    fs::write(&silent, "").unwrap();
    bed.wait_for(&["cannot fetch the manifest"]);
    // It may be fetched, but not adopted.
    let blackout =
        r#"{"blackouts": [{"from": "2020-01-01", "to": "2220-01-01", "why": "holidays"}]}"#;
    fs::write(bed.state.policy(), blackout).unwrap();
    let third = bed.publish_agent(3, Manner::Good);
    fs::remove_file(silent).unwrap();
    bed.wait_for(&["new manifest verified", "serial=3"]);
    let asked = bed.server.requests();
    wait_until("more checks", || {
        (bed.server.requests() > asked + 2).then_some(())
    });
    assert_eq!(trial(&bed), Some(two));
    fs::remove_file(bed.state.policy()).unwrap();
    bed.ask(&Request::PolicyChanged);
    wait_for_commit(&bed, third);
}

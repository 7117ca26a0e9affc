//! What is committed and turns out bad later: crash loops, versions that are taken back, a release
//! that never comes to anything.

use std::fs;

use shared_handover::layout::Component;
use shared_release::Downgrade;
use shared_slots::{Digest, Reason};
use shared_supervise::kill_tree;

use crate::bed::{Bed, wait_until};
use crate::fake_agent::Manner;

/// A host on which agent 2 of that manner took over from agent 1.
fn host_with_two_agents(second: Manner) -> (Bed, Digest, Digest) {
    let mut bed = Bed::new();
    let one = bed.publish_agent(1, Manner::Good);
    bed.start();
    bed.wait_for(&["agent committed", "0.1.0"]);
    let two = bed.publish_agent(2, second);
    bed.wait_for(&["agent committed", "0.2.0"]);
    bed.wait_for(&["relieved agent ended", "0.1.0"]);
    (bed, one, two)
}

fn committed(bed: &Bed, digest: Digest) -> Option<()> {
    (bed.page(Component::Agent).committed() == Some(digest)).then_some(())
}

#[test]
fn a_committed_agent_that_ends_again_and_again_gives_way_to_the_one_before() {
    let (mut bed, one, two) = host_with_two_agents(Manner::Fragile);
    fs::write(bed.state.root().join("broken"), "").unwrap();
    kill_tree(&bed.agents());
    bed.wait_for(&["the agent ends again and again", "from=0.2.0", "to=0.1.0"]);
    wait_until("agent 1", || committed(&bed, one));
    let page = bed.page(Component::Agent);
    let marked: Vec<_> = page
        .bad()
        .iter()
        .map(|bad| (bad.digest, bad.reason))
        .collect();
    assert_eq!(marked, [(two, Reason::CrashLoop)]);
    // The release that brought it does not bring it back.
    bed.wait_for(&["agent 0.2.0 not installed", "ended again and again"]);
    let third = bed.publish_agent(3, Manner::Good);
    wait_until("agent 3", || committed(&bed, third));
}

#[test]
fn when_both_agents_end_a_new_release_is_the_rescue() {
    let mut bed = Bed::new();
    bed.publish_agent(1, Manner::Fragile);
    bed.start();
    bed.wait_for(&["agent committed", "0.1.0"]);
    bed.publish_agent(2, Manner::Fragile);
    bed.wait_for(&["agent committed", "0.2.0"]);
    bed.wait_for(&["relieved agent ended", "0.1.0"]);
    // Not even the policy stands between a host without an agent and the next release.
    fs::write(bed.state.policy(), r#"{"mode": "off"}"#).unwrap();
    fs::write(bed.state.root().join("broken"), "").unwrap();
    kill_tree(&bed.agents());
    bed.wait_for(&["no installed agent runs"]);
    let third = bed.publish_agent(3, Manner::Good);
    wait_until("agent 3", || committed(&bed, third));
}

#[test]
fn a_version_that_is_taken_back_gives_way_without_the_server() {
    let (mut bed, one, two) = host_with_two_agents(Manner::Good);
    let mut manifest = bed.manifest(3, &[]);
    manifest.releases = vec![bed.agent(2, Manner::Good)];
    manifest.revoked = vec![two];
    bed.publish(&manifest);
    bed.wait_for(&["new version", "to=0.1.0", "taken back"]);
    wait_until("agent 1", || committed(&bed, one));
    assert_eq!(bed.page(Component::Agent).bad(), []);
}

#[test]
fn an_older_version_comes_only_with_a_signed_permission() {
    let (mut bed, one, _) = host_with_two_agents(Manner::Good);
    let mut manifest = bed.manifest(3, &[]);
    manifest.releases = vec![bed.agent(1, Manner::Good)];
    bed.publish(&manifest);
    bed.wait_for(&["manifest refused", "goes back from sequence 2 to 1"]);
    manifest.serial = 4;
    manifest.allow_downgrade = vec![Downgrade {
        component: "agent".to_owned(),
        to_seq: 1,
        reason: "a hole".to_owned(),
    }];
    bed.publish(&manifest);
    wait_until("agent 1", || committed(&bed, one));
}

#[test]
fn a_host_that_was_off_passes_through_the_barrier() {
    let mut bed = Bed::new();
    bed.publish_agent(1, Manner::Good);
    bed.start();
    bed.wait_for(&["agent committed", "0.1.0"]);
    let mut fence = bed.agent(20, Manner::Good);
    fence.barrier = true;
    let mut newest = bed.agent(50, Manner::Good);
    newest.min_from_seq = 20;
    let mut manifest = bed.manifest(50, &[]);
    manifest.releases = vec![fence, newest];
    bed.publish(&manifest);
    bed.wait_for(&["agent committed", "0.20.0"]);
    bed.wait_for(&["agent committed", "0.50.0"]);
}

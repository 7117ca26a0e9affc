//! From nothing to a committed agent, from one agent to the next, and back.

use std::fs;
use std::path::Path;

use shared_handover::layout::Component;
use shared_slots::{Digest, Reason};
use shared_supervise::Signal;

use crate::bed::{Bed, wait_until};
use crate::fake_agent::Manner;

/// A host that runs agent 1, committed.
fn host_with_an_agent() -> (Bed, Digest) {
    let mut bed = Bed::new();
    let digest = bed.publish_agent(1, Manner::Good);
    bed.start();
    bed.wait_for(&["agent committed", "0.1.0"]);
    (bed, digest)
}

#[test]
fn the_first_agent_is_fetched_proved_and_committed() {
    let (mut bed, digest) = host_with_an_agent();
    let page = bed.page(Component::Agent);
    assert_eq!((page.committed(), page.trial()), (Some(digest), None));
    let folder = bed.state.store().join(digest.to_string());
    for name in ["agent", "buildkite-agent", "trireme-agent"] {
        assert!(fs::metadata(folder.join(name)).unwrap().is_file(), "{name}");
    }
    assert_eq!(bed.launcher().lines(&["agent started"]).len(), 1);
    bed.wait_for(&["agent takes jobs", "0.1.0"]);
}

#[test]
fn the_next_agent_takes_over_and_the_one_before_the_last_is_swept() {
    let (mut bed, first) = host_with_an_agent();
    let second = bed.publish_agent(2, Manner::Good);
    bed.wait_for(&["agent switched", "from=0.1.0", "to=0.2.0", "gap_ms="]);
    bed.wait_for(&["agent committed", "0.2.0"]);
    let page = bed.page(Component::Agent);
    assert_eq!(
        (page.committed(), page.previous()),
        (Some(second), Some(first))
    );
    let third = bed.publish_agent(3, Manner::Good);
    bed.wait_for(&["agent committed", "0.3.0"]);
    bed.wait_for(&["old versions removed"]);
    let in_store = |digest: Digest| bed.state.store().join(digest.to_string()).exists();
    assert!(!in_store(first) && in_store(second) && in_store(third));
    let one = || Some(bed.agents()).filter(|agents| agents.len() == 1);
    wait_until("one agent alone", one);
}

#[test]
fn a_busy_agent_keeps_its_job_and_its_slot_until_it_is_done() {
    let mut bed = Bed::new();
    bed.publish_agent(1, Manner::Busy);
    fs::create_dir_all(bed.state.root()).unwrap();
    fs::write(bed.state.root().join("job"), "").unwrap();
    bed.start();
    bed.wait_for(&["agent committed", "0.1.0"]);
    let busy = bed.agents()[0];
    bed.publish_agent(2, Manner::Good);
    bed.wait_for(&["agent started", "0.2.0"]);
    wait_until("both agents", || (bed.agents().len() == 2).then_some(()));
    assert!(busy.is_same_alive());
    assert_eq!(
        bed.launcher().lines(&["agent switched", "to=0.2.0"]).len(),
        0
    );
    fs::remove_file(bed.state.root().join("job")).unwrap();
    bed.wait_for(&["relieved agent ended", "0.1.0"]);
    bed.wait_for(&["agent committed", "0.2.0"]);
    assert!(!busy.is_same_alive());
}

/// Lets a host with agent 1 meet an agent 2 of that manner.
fn rolled_back(manner: Manner, reason: Reason) {
    let (mut bed, good) = host_with_an_agent();
    let before = bed.agents();
    let bad = bed.publish_agent(2, manner);
    let line = bed.wait_for(&["agent rejected and rolled back", "0.2.0"]);
    assert!(
        line.contains(reason.text()) && line.contains("0.1.0"),
        "{line}"
    );
    let page = bed.page(Component::Agent);
    assert_eq!(page.committed(), Some(good));
    let marked: Vec<_> = page
        .bad()
        .iter()
        .map(|bad| (bad.digest, bad.reason))
        .collect();
    assert_eq!(marked, [(bad, reason)]);
    // Held back, in one line, however often the server is asked.
    bed.wait_for(&["agent 0.2.0 not installed", "held back"]);
    let asked = bed.server.requests();
    wait_until("more checks", || {
        (bed.server.requests() > asked + 2).then_some(())
    });
    let launcher = bed.launcher();
    assert_eq!(launcher.lines(&["agent started", "0.2.0"]).len(), 1);
    assert_eq!(launcher.lines(&["held back"]).len(), 1);
    assert_eq!(bed.agents(), before, "the old agent was never touched");
}

#[test]
fn an_agent_that_ends_is_rolled_back_and_marked() {
    rolled_back(Manner::Ends, Reason::ExitedOnTrial);
}

#[test]
fn an_agent_that_never_speaks_is_rolled_back_and_marked() {
    rolled_back(Manner::Silent, Reason::NoAnswer);
}

#[test]
fn an_agent_that_fails_its_self_test_is_rolled_back_and_marked() {
    rolled_back(Manner::Unfit, Reason::SelfTestFailed);
}

#[test]
fn a_first_agent_that_ends_is_tried_again_without_a_mark_for_there_is_no_other() {
    let mut bed = Bed::new();
    bed.publish_agent(1, Manner::Ends);
    bed.start();
    bed.wait_for(&["first agent did not prove itself", "0.1.0", "agent.log"]);
    assert_eq!(bed.page(Component::Agent).bad(), []);
    wait_until("another try", || {
        (bed.launcher().lines(&["agent started", "0.1.0"]).len() > 1).then_some(())
    });
    bed.publish_agent(2, Manner::Good);
    bed.wait_for(&["agent committed", "0.2.0"]);
}

#[test]
fn a_host_that_is_stopped_again_and_again_within_the_gate_rejects_nothing() {
    let (mut bed, first) = host_with_an_agent();
    let second = bed.publish_agent(2, Manner::Good);
    let program = Path::new(env!("CARGO_BIN_EXE_launcher"));
    for _ in 0..4 {
        bed.launcher().signal(Signal::Terminate);
        assert_eq!(bed.launcher().exit_code(), Some(0));
        bed.start_with(program, |command| {
            command.env("TRIREME_GATE_SECONDS", "600");
        });
        bed.wait_for(&["agent started", "0.2.0", "role=trial"]);
    }
    bed.launcher().signal(Signal::Terminate);
    assert_eq!(bed.launcher().exit_code(), Some(0));
    let page = bed.page(Component::Agent);
    assert_eq!(page.committed(), Some(first));
    let trial = page.trial().unwrap();
    assert_eq!((trial.digest, trial.tries_left), (second, 3));
    assert_eq!(page.bad(), []);
}

#[test]
fn a_configuration_that_cannot_be_read_is_not_held_against_a_release() {
    let (mut bed, first) = host_with_an_agent();
    bed.launcher().lose_bootstrapper();
    assert_eq!(bed.launcher().exit_code(), Some(11));
    let second = bed.publish_agent(2, Manner::Good);
    let config = bed.state.root().join("agent.cfg");
    bed.start_with(Path::new(env!("CARGO_BIN_EXE_launcher")), |command| {
        command.arg("--agent-config").arg(&config);
    });
    bed.wait_for(&[
        "cannot start the agent on trial",
        "agent.cfg",
        "--agent-config",
    ]);
    let page = bed.page(Component::Agent);
    assert_eq!((page.committed(), page.bad()), (Some(first), [].as_slice()));
    fs::write(&config, "").unwrap();
    bed.wait_for(&["agent committed", "0.2.0"]);
    assert_eq!(bed.page(Component::Agent).committed(), Some(second));
}

#[test]
fn another_launcher_is_armed_and_left_to_the_bootstrapper() {
    let mut bed = Bed::new();
    let script = Manner::Good.script("0.1.0");
    let launcher = b"another launcher".as_slice();
    let manifest = bed.manifest(
        1,
        &[
            (Component::Launcher, launcher),
            (Component::Agent, script.as_bytes()),
        ],
    );
    bed.publish_signed(&bed.sign(&manifest));
    let (_, program) = bed.launcher_in_store();
    bed.start_with(&program, |command| {
        command.env("TRIREME_BOOTSTRAPPER_PID", "1");
    });
    assert_eq!(bed.launcher().exit_code(), Some(10));
    let trial = bed.page(Component::Launcher).trial().unwrap();
    assert_eq!((trial.digest, trial.tries_left), (Digest::of(launcher), 3));
    bed.wait_for(&["launcher staged; handing over to it", "to=0.1.0"]);
    // The bootstrapper could not count the try: it runs this one again, which makes room once more.
    fs::remove_file(bed.tree("stable/manifest.json")).unwrap();
    bed.start_with(&program, |command| {
        command.env("TRIREME_BOOTSTRAPPER_PID", "1");
    });
    assert_eq!(bed.launcher().exit_code(), Some(10));
    bed.wait_for(&["making room for the launcher on trial"]);
}

//! Starting, stopping, and being killed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use shared_handover::handle::Handle;
use shared_handover::layout::Component;
use shared_supervise::{ProcessId, Signal};

use crate::bed::{Bed, wait_until};
use crate::fake_agent::Manner;

/// A host that runs agent 1, committed.
fn host_with_an_agent() -> Bed {
    let mut bed = Bed::new();
    bed.publish_agent(1, Manner::Good);
    bed.start();
    bed.wait_for(&["agent committed", "0.1.0"]);
    bed
}

#[test]
fn sigterm_ends_the_agent_and_then_the_launcher() {
    let mut bed = host_with_an_agent();
    bed.launcher().signal(Signal::Terminate);
    assert_eq!(bed.launcher().exit_code(), Some(0));
    assert_eq!(bed.agents(), []);
    bed.wait_for(&["stopping", "running jobs"]);
}

#[test]
fn a_second_sigterm_does_not_wait_for_the_job() {
    let mut bed = Bed::new();
    bed.publish_agent(1, Manner::Silent);
    bed.start();
    bed.wait_for(&["agent started"]);
    bed.launcher().signal(Signal::Terminate);
    bed.launcher().signal(Signal::Terminate);
    assert_eq!(bed.launcher().exit_code(), Some(0));
}

#[test]
fn an_agent_outlives_a_killed_launcher_and_is_adopted_by_the_next() {
    let mut bed = host_with_an_agent();
    let agent = bed.agents()[0];
    bed.launcher().signal(Signal::Kill);
    assert_eq!(bed.launcher().exit_code(), None);
    assert!(agent.is_same_alive());
    bed.start();
    bed.wait_for(&["agent adopted", &format!("pid={}", agent.pid)]);
    bed.wait_for(&["agent takes jobs", &format!("pid={}", agent.pid)]);
    assert_eq!(bed.agents(), [agent]);
    assert_eq!(bed.launcher().lines(&["agent started"]).len(), 0);
    bed.launcher().signal(Signal::Terminate);
    assert_eq!(bed.launcher().exit_code(), Some(0));
    assert!(!agent.is_same_alive());
}

#[test]
fn without_its_bootstrapper_a_launcher_ends_and_leaves_the_agent() {
    let mut bed = host_with_an_agent();
    let agent = bed.agents()[0];
    bed.launcher().lose_bootstrapper();
    assert_eq!(bed.launcher().exit_code(), Some(11));
    assert!(agent.is_same_alive());
}

#[test]
fn an_agent_that_dies_is_started_again() {
    let mut bed = host_with_an_agent();
    let agent = bed.agents()[0];
    assert!(agent.send(Signal::Kill).unwrap());
    bed.wait_for(&["agent ended; starting it again", "signal: 9"]);
    let next = wait_until("another agent", || {
        bed.agents().into_iter().find(|next| *next != agent)
    });
    assert!(next.is_same_alive());
}

#[test]
fn a_server_that_is_down_does_not_keep_the_installed_agent_from_running() {
    let mut bed = host_with_an_agent();
    bed.launcher().signal(Signal::Terminate);
    assert_eq!(bed.launcher().exit_code(), Some(0));
    bed.start_with(Path::new(env!("CARGO_BIN_EXE_launcher")), |command| {
        command.args(["--release-url", "http://127.0.0.1:1/releases"]);
    });
    bed.wait_for(&["agent takes jobs", "0.1.0"]);
    bed.wait_for(&[
        "cannot fetch the manifest",
        "cannot reach http://127.0.0.1:1/",
    ]);
}

#[test]
fn a_corrupt_agent_is_never_started_and_fetched_again() {
    let mut bed = Bed::new();
    let digest = bed.publish_agent(1, Manner::Good);
    bed.start();
    bed.wait_for(&["agent committed", "0.1.0"]);
    bed.launcher().signal(Signal::Terminate);
    assert_eq!(bed.launcher().exit_code(), Some(0));
    let file = bed.state.store().join(digest.to_string()).join("agent");
    fs::remove_file(&file).unwrap();
    fs::write(&file, "#!/bin/sh\ntouch \"$TRIREME_STATE_DIR/touched\"\n").unwrap();
    bed.start();
    bed.wait_for(&["the committed agent is lost", "its file has changed"]);
    bed.wait_for(&["agent committed", "0.1.0"]);
    assert!(!bed.state.root().join("touched").exists());
}

#[test]
fn garbage_in_the_state_folder_does_not_keep_the_installed_agent_from_running() {
    let mut bed = host_with_an_agent();
    let agent = bed.agents()[0];
    bed.launcher().signal(Signal::Terminate);
    assert_eq!(bed.launcher().exit_code(), Some(0));
    // A process that lives, but is no agent: its numbers fit, and nobody listens.
    let own = ProcessId::own().unwrap();
    let handle = Handle {
        pid: own.pid,
        start: own.start,
        digest: bed.page(Component::Agent).committed().unwrap().to_string(),
    };
    let run = bed.state.run();
    fs::write(bed.state.agent_handle(own.pid), handle.encode()).unwrap();
    fs::write(run.join("agent-77"), [0xff; 9000]).unwrap();
    fs::create_dir(run.join("agent-78")).unwrap();
    fs::write(bed.state.manifest(), "{").unwrap();
    fs::write(bed.state.trust().join("1.root.json"), "{").unwrap();
    fs::write(&bed.state.pages(Component::Agent)[0], "torn").unwrap();
    bed.start_with(Path::new(env!("CARGO_BIN_EXE_launcher")), |command| {
        command.env_remove("TRIREME_TRUST_ROOT");
    });
    bed.wait_for(&["agent takes jobs", "0.1.0"]);
    bed.wait_for(&["no upgrades until this is mended"]);
    let agents: Vec<_> = bed.agents().into_iter().filter(|id| *id != own).collect();
    assert_eq!(agents.len(), 1);
    assert_ne!(agents, [agent]);
}

#[test]
fn only_the_owner_may_look_into_the_state_folder() {
    let bed = host_with_an_agent();
    for folder in [
        bed.state.root().to_owned(),
        bed.state.run(),
        bed.state.logs(),
    ] {
        let mode = fs::metadata(&folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{}", folder.display());
    }
}

#[test]
fn a_second_launcher_waits_says_who_is_there_and_goes() {
    let mut bed = host_with_an_agent();
    let first = bed.launcher().id();
    bed.start();
    assert_eq!(bed.launcher().exit_code(), Some(75));
    bed.wait_for(&[
        "another launcher runs",
        &format!("process {} holds it", first.pid),
    ]);
    assert!(first.is_same_alive());
}

#[test]
fn a_healthy_launcher_reports_once_its_gate_has_passed() {
    let mut bed = Bed::new();
    bed.publish_agent(1, Manner::Good);
    bed.start_with(Path::new(env!("CARGO_BIN_EXE_launcher")), |command| {
        command.env("TRIREME_BOOTSTRAPPER_PID", "1");
    });
    assert_eq!(bed.launcher().report(), b'H');
}

#[test]
fn without_a_trust_root_nothing_can_be_installed() {
    let mut bed = Bed::new();
    bed.start_with(Path::new(env!("CARGO_BIN_EXE_launcher")), |command| {
        command.args(["--trust-root", "/nowhere/root.json"]);
    });
    assert_eq!(bed.launcher().exit_code(), Some(78));
    bed.wait_for(&["ERROR", "cannot read the trust root /nowhere/root.json"]);
}

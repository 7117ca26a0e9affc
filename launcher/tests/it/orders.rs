//! What an operator rules and orders.

use std::fs;
use std::path::Path;

use shared_control::{Answer, RefusedFor, Reply, Request, Retry, Status};
use shared_handover::layout::Component;
use shared_slots::Reason;

use crate::bed::{Bed, wait_until};
use crate::fake_agent::Manner;

/// A host with agent 1, on which nothing is adopted by itself.
fn host_that_is_off() -> Bed {
    let mut bed = Bed::new();
    bed.publish_agent(1, Manner::Good);
    bed.start_with(Path::new(env!("CARGO_BIN_EXE_launcher")), |command| {
        command.args(["--update-mode", "off"]);
    });
    // With nothing to run, there is nothing that the mode could protect.
    bed.wait_for(&["agent committed", "0.1.0"]);
    bed
}

fn committed_version(bed: &Bed) -> Option<String> {
    let status: Status = serde_json::from_slice(&fs::read(bed.state.status()).ok()?).ok()?;
    let agent = status.components.get(Component::Agent.name())?;
    Some(agent.committed.as_ref()?.version.clone())
}

#[test]
fn a_host_that_is_off_upgrades_goes_back_and_comes_on_by_order_only() {
    let mut bed = host_that_is_off();
    bed.publish_agent(2, Manner::Good);
    bed.wait_for(&["agent 0.2.0 waits", "upgrades are off"]);
    let reply = bed.ask(&Request::Apply { to: None });
    assert!(matches!(reply, Reply::Done { .. }), "{reply:?}");
    bed.wait_for(&["agent committed", "0.2.0"]);
    wait_until("the status", || {
        (committed_version(&bed)? == "0.2.0").then_some(())
    });
    let component = Component::Agent;
    let Reply::Done { answer } = bed.ask(&Request::Rollback { component }) else {
        panic!("refused");
    };
    let back = Answer::RolledBack {
        component: "agent".to_owned(),
        from: "0.2.0".to_owned(),
        to: "0.1.0".to_owned(),
    };
    assert_eq!(answer, back);
    assert_eq!(bed.launcher().lines(&["agent committed", "0.1.0"]).len(), 2);
}

#[test]
fn a_version_that_somebody_went_back_from_stays_away_until_it_is_wanted_again() {
    let mut bed = Bed::new();
    bed.publish_agent(1, Manner::Good);
    bed.start();
    bed.wait_for(&["agent committed", "0.1.0"]);
    bed.publish_agent(2, Manner::Good);
    bed.wait_for(&["agent committed", "0.2.0"]);
    let component = Component::Agent;
    let reply = bed.ask(&Request::Rollback { component });
    assert!(matches!(reply, Reply::Done { .. }), "{reply:?}");
    bed.wait_for(&["agent 0.2.0 not installed", "somebody went back"]);
    // The next launcher knows it, too.
    bed.launcher().lose_bootstrapper();
    assert_eq!(bed.launcher().exit_code(), Some(11));
    bed.start();
    bed.wait_for(&["agent 0.2.0 not installed", "somebody went back"]);
    let whose = Retry::All;
    assert!(matches!(
        bed.ask(&Request::Retry { whose }),
        Reply::Done { .. }
    ));
    wait_until("agent 2 again", || {
        (bed.launcher().lines(&["agent committed", "0.2.0"]).len() == 1).then_some(())
    });
    let page = bed.page(Component::Agent);
    assert_eq!(page.bad(), []);
}

#[test]
fn the_next_manifest_brings_on_a_version_that_somebody_went_back_from() {
    let mut bed = Bed::new();
    bed.publish_agent(1, Manner::Good);
    bed.start();
    bed.wait_for(&["agent committed", "0.1.0"]);
    let second = bed.publish_agent(2, Manner::Good);
    bed.wait_for(&["agent committed", "0.2.0"]);
    let component = Component::Agent;
    let reply = bed.ask(&Request::Rollback { component });
    assert!(matches!(reply, Reply::Done { .. }), "{reply:?}");
    let mut manifest = bed.manifest(3, &[]);
    manifest.releases = vec![bed.agent(2, Manner::Good)];
    bed.publish(&manifest);
    wait_until("agent 2 again", || {
        (bed.page(component).committed() == Some(second)).then_some(())
    });
}

#[test]
fn whoever_goes_back_to_the_launcher_before_is_answered_before_this_one_ends() {
    let mut bed = Bed::new();
    let (own, program) = bed.launcher_in_store();
    let before = b"the launcher before".as_slice();
    let previous = bed.seal(Component::Launcher, before);
    bed.commit(Component::Launcher, &[previous, own]);
    let mut manifest = bed.manifest(1, &[]);
    let launcher = fs::read(&program).unwrap();
    manifest.releases = bed
        .manifest(1, &[(Component::Launcher, &launcher)])
        .releases;
    bed.publish(&manifest);
    bed.start_with(&program, |command| {
        command.env("TRIREME_BOOTSTRAPPER_PID", "1");
    });
    bed.wait_for(&["new manifest verified"]);
    let component = Component::Launcher;
    let reply = bed.ask(&Request::Rollback { component });
    assert!(
        matches!(
            &reply,
            Reply::Done {
                answer: Answer::RolledBack { .. }
            }
        ),
        "{reply:?}"
    );
    assert_eq!(bed.launcher().exit_code(), Some(10));
    let page = bed.page(component);
    assert_eq!(page.trial().map(|trial| trial.digest), Some(previous));
    let marks: Vec<_> = page
        .bad()
        .iter()
        .map(|bad| (bad.digest, bad.reason))
        .collect();
    assert_eq!(marks, [(own, Reason::LeftByHand)]);
}

#[test]
fn a_rejected_version_is_told_to_whoever_ordered_it() {
    let bed = host_that_is_off();
    bed.publish_agent(2, Manner::Unfit);
    let reply = bed.ask(&Request::Apply { to: None });
    assert!(
        matches!(
            reply,
            Reply::Refused {
                reason: RefusedFor::Rejected,
                ..
            }
        ),
        "{reply:?}"
    );
    assert_eq!(bed.page(Component::Agent).bad().len(), 1);
}

#[test]
fn the_store_can_be_looked_through_while_everything_runs() {
    let bed = host_that_is_off();
    let Reply::Done { answer } = bed.ask(&Request::Verify) else {
        panic!("refused");
    };
    let Answer::Verified { entries } = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(entries.len(), 1);
    assert_eq!((&*entries[0].role, &*entries[0].trouble), ("committed", ""));
    let gc = bed.ask(&Request::Gc { dry_run: true });
    let nothing =
        |answer: &Answer| matches!(answer, Answer::Swept { entries, .. } if entries.is_empty());
    assert!(
        matches!(&gc, Reply::Done { answer } if nothing(answer)),
        "{gc:?}"
    );
    let Reply::Done {
        answer: Answer::Status { status },
    } = bed.ask(&Request::Status)
    else {
        panic!("refused");
    };
    assert_eq!((status.serial, status.agents.len()), (Some(1), 1));
    assert_eq!(status.agents[0].role, "committed");
}

#[test]
fn a_policy_that_is_written_counts_at_once() {
    let mut bed = Bed::new();
    bed.publish_agent(1, Manner::Good);
    bed.start();
    bed.wait_for(&["agent committed", "0.1.0"]);
    fs::write(bed.state.policy(), r#"{"hold": {"reason": "holidays"}}"#).unwrap();
    bed.publish_agent(2, Manner::Good);
    bed.wait_for(&["agent 0.2.0 waits", "holidays"]);
    fs::remove_file(bed.state.policy()).unwrap();
    assert!(matches!(
        bed.ask(&Request::PolicyChanged),
        Reply::Done { .. }
    ));
    bed.wait_for(&["agent committed", "0.2.0"]);
}

//! A host whose launcher does not run: the files say how it is, and are changed under its lock.

use std::fs;
use std::time::Duration;

use shared_control::Policy;
use shared_handover::layout::Component;
use shared_slots::{Moment, OsFs, Reason};
use shared_supervise::Lock;

use crate::bed::{Bed, digest_of, revoking, snapshot, stable_manifest};

fn policy(bed: &Bed) -> Policy {
    Policy::parse(&fs::read(bed.state.policy()).unwrap()).unwrap()
}

fn trial(bed: &Bed, component: Component) -> Option<(shared_slots::Digest, u8)> {
    let trial = bed.slot(component).read().page.trial()?;
    Some((trial.digest, trial.tries_left))
}

#[test]
fn status_says_what_the_files_say_and_that_nobody_runs() {
    let bed = Bed::installed();
    let before = snapshot(&bed);
    for args in [&["status"][..], &["update", "status"]] {
        let ran = bed.run(args);
        assert_eq!(ran.code, 69, "{}", ran.err);
        assert!(
            ran.out.contains("does not run; this is what the files say"),
            "{}",
            ran.out
        );
        assert!(ran.out.contains("stable, serial 2, root 1"), "{}", ran.out);
    }
    assert!(
        bed.run(&["update", "status"])
            .out
            .contains("Committed  2.0 (")
    );
    let (status, code) = bed.json(&["update", "status"]);
    assert_eq!(code, 69);
    assert_eq!(status["components"]["agent"]["committed"]["version"], "2.0");
    assert_eq!(status["components"]["agent"]["previous"]["version"], "1.0");
    assert_eq!(status["components"]["launcher"]["generation"], 1);
    assert_eq!(status["serial"], 2);
    assert_eq!(snapshot(&bed), before, "who only asks changes nothing");
}

#[test]
fn verify_tells_whole_versions_from_corrupt_ones() {
    let bed = Bed::installed();
    let ran = bed.run(&["update", "verify"]);
    assert_eq!((ran.code, ran.out.lines().count()), (0, 3), "{}", ran.out);
    let spoiled = bed.store().folder(digest_of("agent", "2.0")).join("agent");
    fs::remove_file(&spoiled).unwrap();
    fs::write(&spoiled, "garbled").unwrap();
    bed.store().remove(digest_of("agent", "1.0")).unwrap();
    let (verified, code) = bed.json(&["update", "verify"]);
    assert_eq!(code, 65);
    let trouble = |digest: shared_slots::Digest| {
        let entries = verified["entries"].as_array().unwrap();
        let of_it = |entry: &&serde_json::Value| entry["digest"] == digest.to_string();
        let entry = entries.iter().find(of_it).unwrap();
        entry["trouble"].as_str().unwrap().to_owned()
    };
    assert_eq!(trouble(digest_of("launcher", "1.0")), "");
    assert!(trouble(digest_of("agent", "2.0")).contains("its file has changed"));
    assert!(trouble(digest_of("agent", "1.0")).contains("not in the store"));
    let ran = bed.run(&["update", "verify"]);
    assert_eq!(ran.code, 65);
    assert!(ran.err.contains("2 of 3 cannot be used"), "{}", ran.err);
}

#[test]
fn a_dry_clean_up_says_what_the_real_one_would_do_and_does_nothing() {
    let bed = Bed::installed();
    for version in ["0.7", "0.8"] {
        bed.seal(Component::Agent, version, 0);
    }
    fs::create_dir(bed.state.store().join(".tmp-left")).unwrap();
    let before = snapshot(&bed);
    let (said, code) = bed.json(&["update", "gc", "--dry-run"]);
    assert_eq!((code, said["dry_run"].as_bool()), (0, Some(true)));
    assert_eq!(snapshot(&bed), before);
    let said = |name: &str| said[name].clone();
    let mut gone: Vec<String> = said("entries")
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["digest"].as_str().unwrap().to_owned())
        .collect();
    gone.sort();
    let keep = Component::ALL
        .iter()
        .flat_map(|component| bed.slot(*component).read().page.named())
        .collect();
    let swept = bed.store().sweep(&keep).unwrap();
    let mut really: Vec<String> = swept.removed.iter().map(ToString::to_string).collect();
    really.sort();
    assert_eq!(gone, really);
    assert_eq!(gone.len(), 2);
    assert_eq!(said("leftovers"), swept.leftovers);
    assert_eq!(said("bytes"), 2 * 1000);
    let ran = bed.run(&["update", "gc"]);
    assert_eq!(ran.code, 69, "a real one is the launcher's: {}", ran.err);
}

#[test]
fn rollback_puts_the_version_before_on_trial_and_pins_it() {
    let bed = Bed::installed();
    let ran = bed.run(&["update", "rollback", "agent"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out.contains("agent goes back from 2.0 ("),
        "{}",
        ran.out
    );
    assert!(
        ran.err.contains("takes effect at the next start"),
        "{}",
        ran.err
    );
    assert_eq!(
        trial(&bed, Component::Agent),
        Some((digest_of("agent", "1.0"), 3))
    );
    let committed = bed.slot(Component::Agent).read().page.committed();
    assert_eq!(committed, Some(digest_of("agent", "2.0")), "its fallback");
    assert_eq!(policy(&bed).pins[0].version, "1.0");

    let bed = Bed::installed();
    assert_eq!(
        bed.run(&["update", "rollback", "agent", "--no-pin"]).code,
        0
    );
    assert!(!bed.state.policy().exists());
}

#[test]
fn rollback_refuses_where_there_is_nothing_good_to_go_back_to() {
    let bed = Bed::installed();
    let ran = bed.run(&["update", "rollback", "launcher"]);
    assert_eq!(ran.code, 1);
    assert_eq!(
        ran.err,
        "trireme: there is no launcher before the one that is committed\n"
    );
    let old = bed.store().folder(digest_of("agent", "1.0")).join("agent");
    fs::remove_file(&old).unwrap();
    fs::write(&old, "garbled").unwrap();
    let page = bed.slot(Component::Agent).read().page;
    let ran = bed.run(&["update", "rollback", "agent"]);
    assert_eq!(ran.code, 65, "{}", ran.err);
    assert!(ran.err.contains("its file has changed"), "{}", ran.err);
    assert_eq!(bed.slot(Component::Agent).read().page, page);
    assert!(policy(&bed).pins.is_empty(), "the pin is taken back");
    bed.run(&["update", "pin", "agent=1.9", "--owner", "ci"]);
    assert_eq!(bed.run(&["update", "rollback", "agent"]).code, 65);
    assert_eq!(
        policy(&bed).pins[0].owner,
        "ci",
        "and that of before is back"
    );
}

#[test]
fn retry_takes_marks_back_one_by_one_or_all() {
    let bed = Bed::installed();
    let bad = |version| bed.seal(Component::Agent, version, 3);
    let marked = [bad("2.1"), bad("2.2")];
    let now = Moment::read(&OsFs);
    for digest in marked {
        bed.change(Component::Agent, |page| {
            page.arm(digest, 1)
                .unwrap()
                .reject(Reason::NoAnswer, now)
                .unwrap()
        });
    }
    let shown = bed.run(&["update", "status"]).out;
    assert!(shown.contains("2.1 ("), "{shown}");
    assert!(
        shown.contains("failed once: it stopped answering"),
        "{shown}"
    );
    let begin = &marked[0].to_string()[..8];
    let ran = bed.run(&["update", "retry", begin]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out.starts_with("2.1 (") && ran.out.contains("may be tried again"),
        "{}",
        ran.out
    );
    let left = |bed: &Bed| bed.slot(Component::Agent).read().page.bad().len();
    assert_eq!(left(&bed), 1);
    let ran = bed.run(&["update", "retry", "ffffffff"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("marked are 2.2 ("), "{}", ran.err);
    let (forgiven, code) = bed.json(&["update", "retry"]);
    assert_eq!((code, left(&bed)), (0, 0));
    assert_eq!(forgiven["digests"][0], marked[1].to_string());
    assert_eq!(bed.run(&["update", "retry"]).out, "no version is marked\n");
}

#[test]
fn nothing_is_changed_while_a_launcher_holds_the_lock() {
    let bed = Bed::installed();
    let _lock = Lock::take(&bed.state.launcher_lock(), Duration::ZERO).unwrap();
    let page = bed.slot(Component::Agent).read().page;
    let pid = std::process::id();
    for args in [
        &["update", "rollback", "agent", "--no-pin"][..],
        &["update", "retry"],
    ] {
        let ran = bed.run(args);
        assert_eq!(ran.code, 75, "{}", ran.err);
        assert!(
            ran.err
                .contains(&format!("a launcher runs (process {pid})")),
            "{}",
            ran.err
        );
    }
    assert_eq!(bed.slot(Component::Agent).read().page, page);
}

#[test]
fn pins_and_holds_are_written_and_taken_back() {
    let bed = Bed::installed();
    let ran = bed.run(&["update", "pin", "agent", "--owner", "ci", "--until", "2d"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(
        ran.out.starts_with("agent is pinned to 2.0 until "),
        "{}",
        ran.out
    );
    assert_eq!(policy(&bed).pins[0].owner, "ci");
    let ran = bed.run(&["update", "pin", "agent=9.9"]);
    assert!(ran.err.contains("knows no agent 9.9 yet"), "{}", ran.err);
    let pins = policy(&bed).pins;
    assert_eq!((pins.len(), pins[0].version.as_str()), (1, "9.9"));
    assert_eq!(bed.run(&["update", "hold", "--reason", "audit"]).code, 0);
    assert_eq!(policy(&bed).hold.unwrap().reason, "audit");
    let shown = bed.run(&["status"]).out;
    assert!(shown.contains("held: audit"), "{shown}");
    assert!(shown.contains("agent is pinned to 9.9"), "{shown}");
    assert_eq!(
        bed.run(&["update", "hold", "--end"]).out,
        "the hold has ended\n"
    );
    assert_eq!(
        bed.run(&["update", "unpin", "launcher"]).out,
        "there was no pin\n"
    );
    let ran = bed.run(&["update", "unpin"]);
    assert_eq!(ran.out, "agent is no longer pinned to 9.9\n");
    assert_eq!(policy(&bed), Policy::default());
}

#[test]
fn a_policy_is_checked_before_it_is_put_in_force() {
    let bed = Bed::installed();
    let file = bed.path("new.json");
    let path = file.to_str().unwrap();
    let bad = r#"{"mode":"window","windows":[{"from":"22:00","to":"25:00","zone":"UTC"}]}"#;
    fs::write(&file, bad).unwrap();
    let ran = bed.run(&["update", "policy", path]);
    assert_eq!(ran.code, 78);
    assert!(
        ran.err.contains("\"25:00\" is no time of a day"),
        "{}",
        ran.err
    );
    assert!(!bed.state.policy().exists());
    fs::write(&file, bad.replace("25:00", "04:00")).unwrap();
    let ran = bed.run(&["update", "policy", path]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(policy(&bed).windows.len(), 1);
    assert!(
        ran.err.contains("launcher: a new release would"),
        "{}",
        ran.err
    );
    // A file that an editor has broken can be replaced, and is never replaced by accident.
    fs::write(bed.state.policy(), "{").unwrap();
    let ran = bed.run(&["update", "hold"]);
    assert_eq!(ran.code, 78, "{}", ran.err);
    assert_eq!(fs::read(bed.state.policy()).unwrap(), b"{");
    assert_eq!(bed.run(&["update", "policy", path]).code, 0);
}

#[test]
fn programs_get_one_document_from_each_command_that_writes_the_policy() {
    let bed = Bed::installed();
    let file = bed.path("new.json");
    fs::write(&file, r#"{"mode":"off"}"#).unwrap();
    for args in [
        &["update", "pin", "agent=2.0"][..],
        &["update", "hold", "--reason", "audit"],
        &["update", "unpin"],
        &["update", "policy", file.to_str().unwrap()],
    ] {
        let (document, code) = bed.json(args);
        assert_eq!(code, 0, "{args:?}");
        let written = serde_json::to_value(policy(&bed)).unwrap();
        assert_eq!(document, written, "{args:?}");
    }
    let (document, _) = bed.json(&["update", "rollback", "agent"]);
    assert_eq!(document["what"], "rolled-back");
}

#[test]
fn a_pin_leaves_the_mode_to_the_command_line() {
    let bed = Bed::installed();
    bed.run(&["update", "pin", "agent"]);
    assert_eq!(policy(&bed).mode, None);
}

#[test]
fn a_rollback_that_pins_nothing_does_not_need_a_policy() {
    let bed = Bed::installed();
    fs::write(bed.state.policy(), "{").unwrap();
    let ran = bed.run(&["update", "rollback", "agent"]);
    assert_eq!(ran.code, 78, "{}", ran.err);
    assert_eq!(trial(&bed, Component::Agent), None);
    let ran = bed.run(&["update", "rollback", "agent", "--no-pin"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
}

#[test]
fn a_rollback_to_what_was_taken_back_is_refused() {
    let bed = Bed::installed();
    bed.remember(&revoking(
        &stable_manifest(3, &[("agent", "2.0")]),
        digest_of("agent", "1.0"),
    ));
    let ran = bed.run(&["update", "rollback", "agent"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains("was taken back by a release"),
        "{}",
        ran.err
    );
    assert_eq!(trial(&bed, Component::Agent), None);
}

#[test]
fn check_and_apply_need_a_launcher() {
    let bed = Bed::installed();
    for args in [
        &["update", "check"][..],
        &["update", "apply", "--to", "3.0"],
    ] {
        let ran = bed.run(args);
        assert_eq!(ran.code, 69);
        assert!(
            ran.err
                .contains("the launcher does not run; start the bootstrapper"),
            "{}",
            ran.err
        );
        let (said, code) = bed.json(args);
        assert_eq!((code, said["error"].as_str()), (69, Some("not-running")));
    }
}

#[test]
fn events_are_shown_oldest_first_and_torn_lines_are_skipped() {
    let bed = Bed::installed();
    assert_eq!(
        bed.run(&["update", "status", "--events"]).out,
        "no upgrade has moved yet\n"
    );
    let line = r#"{"at":"2026-11-21T00:00:00Z","component":"agent","from":"trial","to":"settling","ms":60012,"version":"2.0","outcome":"committed"}"#;
    fs::write(bed.state.events(), format!("{line}\n{}\n", &line[..30])).unwrap();
    let ran = bed.run(&["update", "status", "--events"]);
    assert_eq!(
        ran.out,
        "2026-11-21 00:00:00  agent settling 2.0, after 1 min trial: committed\n"
    );
    assert_eq!(
        bed.json(&["update", "status", "--events"])
            .0
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

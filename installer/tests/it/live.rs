//! A host whose launcher answers: the command says what it is told.

use shared_control::reply::{Change, Entry};
use shared_control::status::{Agent, Phase, Tier, Version, Waiting};
use shared_control::{Answer, RefusedFor, Reply, Request, Retry, Status};
use shared_handover::layout::Component;

use crate::bed::{Bed, digest_of, ran, trireme};

fn done(answer: Answer) -> Vec<Reply> {
    vec![Reply::Done { answer }]
}

/// A status that says nothing.
fn ok() -> Answer {
    Answer::Status {
        status: Box::default(),
    }
}

fn status() -> Status {
    let mut status = Status {
        channel: "stable".into(),
        serial: Some(7),
        tiers: vec![Tier {
            name: "launcher".into(),
            version: "1.0".into(),
            pid: 4711,
            uptime: 3661,
            ..Tier::default()
        }],
        agents: vec![Agent {
            pid: 4712,
            version: Version {
                version: "2.0".into(),
                ..Version::default()
            },
            phase: "serving".into(),
            workers: 4,
            busy: 2,
            ..Agent::default()
        }],
        ..Status::default()
    };
    let agent = status.components.entry("agent".into()).or_default();
    agent.phase = Phase::Waiting;
    agent.to = Some(Version {
        version: "3.0".into(),
        ..Version::default()
    });
    agent.waiting = Some(Waiting {
        until: None,
        why: "no window is open, which is a long explanation of something simple".into(),
    });
    status
}

fn answer_status(bed: &Bed) -> std::thread::JoinHandle<Vec<Request>> {
    let status = Box::new(status());
    bed.answering(vec![done(Answer::Status { status })])
}

#[test]
fn status_is_the_launchers_own() {
    let bed = Bed::installed();
    let server = answer_status(&bed);
    let ran = bed.run(&["status"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    for line in [
        "Launcher  1.0, process 4711, up 1 h 1 min\n",
        "Agent     2.0, process 4712, serving, 2 jobs on 4 workers\n",
        "Release   stable, serial 7\n",
        "3.0 waits: no window is open",
    ] {
        assert!(ran.out.contains(line), "{line:?} in {}", ran.out);
    }
    assert_eq!(server.join().unwrap(), [Request::Status]);
}

#[test]
fn the_document_is_handed_on_as_it_came() {
    let bed = Bed::installed();
    let server = answer_status(&bed);
    let (document, code) = bed.json(&["update", "status"]);
    assert_eq!(code, 0);
    assert_eq!(document, serde_json::to_value(status()).unwrap());
    server.join().unwrap();
}

#[test]
fn a_narrow_terminal_gets_narrow_lines() {
    let bed = Bed::installed();
    let server = answer_status(&bed);
    let mut command = trireme();
    command
        .arg("--state-dir")
        .arg(bed.state.root())
        .arg("status");
    let ran = ran(&command.env("COLUMNS", "40").output().unwrap());
    // A path is one word, and longer than that.
    let own = ran.out.lines().filter(|line| !line.starts_with("Host"));
    for line in own {
        assert!(line.chars().count() <= 40, "{line:?}");
    }
    assert!(
        ran.out.contains("\n          "),
        "continued under its text:\n{}",
        ran.out
    );
    assert!(!ran.out.contains('\u{1b}'), "no colours into a pipe");
    server.join().unwrap();
}

#[test]
fn apply_shows_progress_as_lines_and_then_what_came_of_it() {
    let bed = Bed::installed();
    let progress = |done| Reply::Progress {
        phase: Phase::Downloading,
        component: "agent".into(),
        done,
        total: 1000,
    };
    let change = Change {
        component: "agent".into(),
        from: "2.0".into(),
        to: "3.0".into(),
        done: true,
        why: String::new(),
    };
    let mut replies = vec![
        progress(0),
        progress(10),
        Reply::Still,
        Reply::Unknown,
        progress(600),
    ];
    replies.extend(done(Answer::Release {
        serial: 8,
        changes: vec![change],
    }));
    let server = bed.answering(vec![done(ok()), replies, done(ok())]);
    let ran = bed.run(&["update", "apply", "--to", "3.0"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.out, "release 8\n  agent 2.0 -> 3.0: done\n");
    let lines: Vec<&str> = ran.err.lines().collect();
    assert_eq!(
        lines,
        [
            "agent: downloading 0 % of 1000 B",
            "agent: downloading 60 % of 1000 B"
        ]
    );
    let to = Some("3.0".into());
    assert_eq!(server.join().unwrap()[1], Request::Apply { to });
}

#[test]
fn apply_names_what_was_done_even_if_the_launcher_has_nothing_left_to_do() {
    let bed = Bed::installed();
    let running = |version: &str| {
        let mut status = Box::new(status());
        let agent = status.components.get_mut("agent").unwrap();
        agent.committed = Some(Version {
            version: version.into(),
            ..Version::default()
        });
        done(Answer::Status { status })
    };
    let nothing = Answer::Release {
        serial: 8,
        changes: vec![],
    };
    let server = bed.answering(vec![running("2.0"), done(nothing), running("3.0")]);
    let ran = bed.run(&["update", "apply"]);
    assert_eq!(ran.out, "release 8\n  agent 2.0 -> 3.0: done\n");
    server.join().unwrap();
}

#[test]
fn apply_fails_where_something_stands_against_it() {
    let bed = Bed::installed();
    let change = |why: &str| Change {
        component: "agent".into(),
        from: "2.0".into(),
        to: "3.0".into(),
        done: false,
        why: why.into(),
    };
    for (why, code) in [("this host is held", 1), ("", 0)] {
        let changes = vec![change(why)];
        let release = Answer::Release { serial: 8, changes };
        let server = bed.answering(vec![done(ok()), done(release), done(ok())]);
        let ran = bed.run(&["update", "apply"]);
        assert_eq!(ran.code, code, "{}", ran.out);
        assert!(ran.out.contains(&format!("3.0: {why}")), "{}", ran.out);
        server.join().unwrap();
        std::fs::remove_file(bed.state.launcher_socket()).unwrap();
    }
}

#[test]
fn check_says_that_a_host_is_up_to_date() {
    let bed = Bed::installed();
    let answer = Answer::Release {
        serial: 2,
        changes: vec![],
    };
    let server = bed.answering(vec![done(answer)]);
    let ran = bed.run(&["update", "check"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, "up to date: this host runs release 2\n")
    );
    server.join().unwrap();
}

#[test]
fn a_refusal_is_told_with_its_reason() {
    let bed = Bed::installed();
    for (reason, detail, told) in [
        (
            RefusedFor::Nothing,
            "no release has agent 9.9",
            "no release has agent 9.9",
        ),
        (
            RefusedFor::Busy,
            "",
            "something else is under way; try again later",
        ),
        (RefusedFor::Unknown, "", "look into logs/launcher.log"),
    ] {
        let refused = vec![Reply::refused(reason, detail)];
        let server = bed.answering(vec![done(ok()), refused]);
        let ran = bed.run(&["update", "apply", "--to", "9.9"]);
        assert_eq!(ran.code, 1);
        assert_eq!(ran.err, format!("trireme: not done: {told}\n"));
        server.join().unwrap();
        std::fs::remove_file(bed.state.launcher_socket()).unwrap();
    }
}

#[test]
fn rollback_pins_first_and_takes_the_pin_back_when_it_is_refused() {
    let bed = Bed::installed();
    let answer = Answer::RolledBack {
        component: "agent".into(),
        from: "2.0".into(),
        to: "1.0".into(),
    };
    let server = bed.answering(vec![done(Answer::Ok), done(answer)]);
    let ran = bed.run(&["update", "rollback", "agent"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, "agent goes back from 2.0 to 1.0\n")
    );
    let component = Component::Agent;
    let asked = server.join().unwrap();
    assert_eq!(
        asked,
        [Request::PolicyChanged, Request::Rollback { component }]
    );

    let bed = Bed::installed();
    let refused = vec![Reply::refused(RefusedFor::Busy, "")];
    let server = bed.answering(vec![done(Answer::Ok), refused, done(Answer::Ok)]);
    assert_eq!(bed.run(&["update", "rollback", "agent"]).code, 1);
    assert_eq!(server.join().unwrap().last(), Some(&Request::PolicyChanged));
    let policy = || std::fs::read_to_string(bed.state.policy()).unwrap();
    assert!(!policy().contains("pins"), "{}", policy());

    // One that hangs up may have done it: then the newer version must not come back.
    std::fs::remove_file(bed.state.launcher_socket()).unwrap();
    let server = bed.answering(vec![done(Answer::Ok), vec![]]);
    let ran = bed.run(&["update", "rollback", "agent"]);
    assert_eq!(ran.code, 69, "{}", ran.err);
    assert!(ran.err.contains("agent is pinned to 1.0"), "{}", ran.err);
    assert!(policy().contains("pins"), "{}", policy());
    server.join().unwrap();
}

#[test]
fn orders_go_to_the_launcher_and_not_to_the_files() {
    let bed = Bed::installed();
    let forgiven = Answer::Forgiven { digests: vec![] };
    let status = Answer::Status {
        status: Box::default(),
    };
    let verified = Answer::Verified {
        entries: vec![Entry {
            digest: "ab".repeat(32),
            component: "agent".into(),
            version: "2.0".into(),
            trouble: "its file has changed".into(),
            ..Entry::default()
        }],
    };
    let swept = Answer::Swept {
        dry_run: false,
        entries: vec![],
        leftovers: 1,
        bytes: 2048,
    };
    let server = bed.answering(vec![
        done(status),
        done(forgiven),
        done(verified),
        done(swept),
        done(Answer::Ok),
    ]);
    assert_eq!(bed.run(&["update", "retry", "agent"]).code, 0);
    let ran = bed.run(&["update", "verify"]);
    assert_eq!(
        (ran.code, ran.out.contains("abababababab")),
        (65, true),
        "{}",
        ran.out
    );
    let ran = bed.run(&["update", "gc"]);
    assert_eq!(ran.out, "0 versions and 1 leftover: 2.0 KiB are free now\n");
    assert_eq!(bed.run(&["update", "hold"]).code, 0);
    let whose = Retry::Component(Component::Agent);
    assert_eq!(
        server.join().unwrap()[1..],
        [
            Request::Retry { whose },
            Request::Verify,
            Request::Gc { dry_run: false },
            Request::PolicyChanged,
        ]
    );
}

#[test]
fn what_is_missing_is_told_though_a_launcher_looks_at_what_is_there_only() {
    let bed = Bed::installed();
    bed.store().remove(digest_of("agent", "1.0")).unwrap();
    let entries = vec![];
    let server = bed.answering(vec![done(Answer::Verified { entries })]);
    let (verified, code) = bed.json(&["update", "verify"]);
    assert_eq!(code, 65, "{verified:#}");
    let entries = verified["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 1, "{verified:#}");
    assert_eq!(entries[0]["role"], "previous");
    assert_eq!(entries[0]["trouble"], "it is not in the store");
    server.join().unwrap();
}

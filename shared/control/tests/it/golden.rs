//! Released spellings, and what later versions may add.

use shared_control::line::{decode, encode};
use shared_control::policy::{Day, Hold, Mode};
use shared_control::reply::{Change, Entry};
use shared_control::status::{
    Agent, Component as ComponentStatus, Gate, LastError, Mark, Phase, Trial, Until, Version,
};
use shared_control::{Answer, Event, Policy, RefusedFor, Reply, Request, Retry, Status};
use shared_handover::layout::Component;

fn requests() -> Vec<(Request, &'static str)> {
    let digest = "ab".repeat(32);
    let spelled = r#"{"v":1,"ask":"retry","whose":{"digest":"abababababababababababababababababababababababababababababababab"}}"#;
    vec![
        (Request::Status, r#"{"v":1,"ask":"status"}"#),
        (Request::Check, r#"{"v":1,"ask":"check"}"#),
        (Request::Apply { to: None }, r#"{"v":1,"ask":"apply"}"#),
        (
            Request::Apply {
                to: Some("1.2.3".into()),
            },
            r#"{"v":1,"ask":"apply","to":"1.2.3"}"#,
        ),
        (
            Request::Rollback {
                component: Component::Agent,
            },
            r#"{"v":1,"ask":"rollback","component":"agent"}"#,
        ),
        (
            Request::Retry { whose: Retry::All },
            r#"{"v":1,"ask":"retry","whose":"all"}"#,
        ),
        (
            Request::Retry {
                whose: Retry::Component(Component::Launcher),
            },
            r#"{"v":1,"ask":"retry","whose":{"component":"launcher"}}"#,
        ),
        (
            Request::Retry {
                whose: Retry::Digest(digest),
            },
            spelled,
        ),
        (Request::Verify, r#"{"v":1,"ask":"verify"}"#),
        (
            Request::Gc { dry_run: true },
            r#"{"v":1,"ask":"gc","dry_run":true}"#,
        ),
        (Request::PolicyChanged, r#"{"v":1,"ask":"policy-changed"}"#),
    ]
}

fn done(answer: Answer) -> Reply {
    Reply::Done { answer }
}

fn replies() -> Vec<(Reply, &'static str)> {
    vec![
        (
            Reply::Progress {
                phase: Phase::Downloading,
                component: "agent".into(),
                done: 5,
                total: 9,
            },
            r#"{"v":1,"reply":"progress","phase":"downloading","component":"agent","done":5,"total":9}"#,
        ),
        (Reply::Still, r#"{"v":1,"reply":"still"}"#),
        (
            done(Answer::Ok),
            r#"{"v":1,"reply":"done","answer":{"what":"ok"}}"#,
        ),
        (
            done(Answer::Release {
                serial: 7,
                changes: vec![Change {
                    component: "agent".into(),
                    from: "1".into(),
                    to: "2".into(),
                    done: true,
                    why: String::new(),
                }],
            }),
            r#"{"v":1,"reply":"done","answer":{"what":"release","serial":7,"changes":[{"component":"agent","from":"1","to":"2","done":true,"why":""}]}}"#,
        ),
        (
            done(Answer::RolledBack {
                component: "agent".into(),
                from: "2".into(),
                to: "1".into(),
            }),
            r#"{"v":1,"reply":"done","answer":{"what":"rolled-back","component":"agent","from":"2","to":"1"}}"#,
        ),
        (
            done(Answer::Forgiven {
                digests: vec!["ab".into()],
            }),
            r#"{"v":1,"reply":"done","answer":{"what":"forgiven","digests":["ab"]}}"#,
        ),
    ]
}

fn replies_about_the_store() -> Vec<(Reply, &'static str)> {
    vec![
        (
            done(Answer::Verified {
                entries: vec![Entry {
                    digest: "ab".into(),
                    component: "agent".into(),
                    version: "1".into(),
                    size: 3,
                    role: "committed".into(),
                    trouble: "gone".into(),
                }],
            }),
            r#"{"v":1,"reply":"done","answer":{"what":"verified","entries":[{"digest":"ab","component":"agent","version":"1","size":3,"role":"committed","trouble":"gone"}]}}"#,
        ),
        (
            done(Answer::Swept {
                dry_run: true,
                entries: vec![],
                leftovers: 2,
                bytes: 4,
            }),
            r#"{"v":1,"reply":"done","answer":{"what":"swept","dry_run":true,"entries":[],"leftovers":2,"bytes":4}}"#,
        ),
        (
            Reply::refused(RefusedFor::NotUnderstood, "no"),
            r#"{"v":1,"reply":"refused","reason":"not-understood","detail":"no"}"#,
        ),
    ]
}

#[test]
fn released_lines_keep_their_spelling_in_both_directions() {
    for (request, line) in requests() {
        assert_eq!(encode(&request), format!("{line}\n"));
        assert_eq!(decode::<Request>(line).unwrap(), request);
    }
    for (reply, line) in replies().into_iter().chain(replies_about_the_store()) {
        assert_eq!(encode(&reply), format!("{line}\n"));
        assert_eq!(decode::<Reply>(line).unwrap(), reply);
    }
}

#[test]
fn later_fields_are_skipped_and_later_variants_are_told_apart() {
    let request = |line| decode::<Request>(line).unwrap();
    assert_eq!(
        request(r#"{"v":9,"ask":"apply","to":"2","mood":{"good":[1]}}"#),
        Request::Apply {
            to: Some("2".into())
        }
    );
    assert_eq!(
        request(r#"{"ask":"sing","song":{"of":1}}"#),
        Request::Unknown
    );
    assert_eq!(request(r#"{"ask":"status","mood":1}"#), Request::Status);
    let reply = |line| decode::<Reply>(line).unwrap();
    assert_eq!(reply(r#"{"v":2,"reply":"hum","tune":[]}"#), Reply::Unknown);
    assert_eq!(
        reply(r#"{"reply":"done","answer":{"what":"sung","verses":3}}"#),
        Reply::Done {
            answer: Answer::Unknown
        }
    );
    assert_eq!(
        reply(r#"{"reply":"refused","reason":"hoarse"}"#),
        Reply::refused(RefusedFor::Unknown, "")
    );
    let progress = reply(r#"{"reply":"progress","phase":"humming"}"#);
    assert!(matches!(
        progress,
        Reply::Progress {
            phase: Phase::Unknown,
            ..
        }
    ));
}

#[test]
fn what_is_no_message_is_refused_with_a_reason() {
    for line in [
        "",
        "{",
        "[]",
        "7",
        r#"{"v":1}"#,
        r#"{"ask":"rollback","component":"tail"}"#,
    ] {
        let refused = decode::<Request>(line).unwrap_err().to_string();
        assert!(refused.starts_with("it is not a message: "), "{refused}");
    }
}

#[test]
fn a_policy_keeps_what_it_does_not_know() {
    let text = r#"{
  "mode": "window",
  "windows": [
    {
      "days": [
        "mon",
        "sun"
      ],
      "from": "22:00",
      "to": "04:30",
      "zone": "Europe/Berlin"
    }
  ],
  "blackouts": [
    {
      "from": "2026-12-24"
    }
  ],
  "pins": [
    {
      "component": "agent",
      "version": "1.4.2",
      "until": "2026-12-01T00:00:00Z",
      "owner": "ci"
    }
  ],
  "hold": {
    "reason": "release week"
  },
  "rings": [
    1
  ]
}
"#;
    let policy = Policy::parse(text.as_bytes()).unwrap();
    assert_eq!(policy.encode(), text);
    assert_eq!(policy.windows[0].days, [Day::Mon, Day::Sun]);
    assert_eq!(
        policy.hold,
        Some(Hold {
            until: None,
            reason: "release week".into()
        })
    );
    assert_eq!(Policy::parse(b"{}").unwrap(), Policy::default());
    let later = Policy::parse(br#"{"mode":"moody"}"#).unwrap();
    assert_eq!(later.mode, Some(Mode::Unknown));
    let silent = Policy::default();
    assert_eq!(silent.encode(), "{}\n", "a file says only what it was told");
}

#[test]
fn a_policy_that_makes_no_sense_is_told_apart() {
    let window = |from: &str, zone: &str| {
        format!(
            r#"{{"mode":"window","windows":[{{"from":"{from}","to":"04:00","zone":"{zone}"}}]}}"#
        )
    };
    let blackout = r#"{"blackouts":[{"from":"2026-12-24","to":"2026-12-23"}]}"#;
    let pin = r#"{"component":"agent","version":"1"}"#;
    for (text, needle) in [
        (
            window("25:00", "UTC"),
            "\"25:00\" is no time of a day such as 22:30",
        ),
        (
            window("22:00", "Mars/Olympus"),
            "\"Mars/Olympus\" is no time zone; use an IANA name",
        ),
        (r#"{"mode":"window"}"#.into(), "there is no window; add one"),
        (
            blackout.into(),
            "from 2026-12-24 ends before it begins, on 2026-12-23",
        ),
        (
            format!(r#"{{"pins":[{pin},{pin}]}}"#),
            "agent is pinned twice",
        ),
        (
            r#"{"pins":[{"component":"agent","version":""}]}"#.into(),
            "needs a component and a version",
        ),
        (r#"{"mode":7}"#.into(), "line 1"),
        ("mode=off".into(), "line 1"),
        (" ".repeat(300_000), "longer than 262144 bytes"),
    ] {
        let wrong = Policy::parse(text.as_bytes()).unwrap_err();
        assert!(wrong.to_string().contains(needle), "{wrong}");
    }
}

#[test]
fn a_status_says_all_it_knows_under_released_names() {
    let version = Version {
        version: "1.2".into(),
        digest: "ab".into(),
        serial: 3,
    };
    let component = ComponentStatus {
        committed: Some(version.clone()),
        trial: Some(Trial {
            version: version.clone(),
            tries_left: 2,
        }),
        generation: 9,
        phase: Phase::Trial,
        to: Some(version.clone()),
        percent: Some(50),
        bytes: [("delta".to_owned(), 7)].into(),
        attempt: 1,
        last_error: Some(LastError {
            class: "network".into(),
            code: "stalled".into(),
            detail: "slow".into(),
            at: Some("2026-11-21T00:00:00Z".parse().unwrap()),
        }),
        gate: Some(Gate {
            since: None,
            facts: [("self-test".to_owned(), true)].into(),
        }),
        marks: vec![Mark {
            version: version.clone(),
            count: 1,
            reason: "it exited".into(),
            until: Until::At("2026-11-21T00:10:00Z".parse().unwrap()),
        }],
        ..ComponentStatus::default()
    };
    let status = Status {
        serial: Some(3),
        components: [("agent".to_owned(), component)].into(),
        agents: vec![Agent {
            pid: 7,
            version,
            role: "trial".into(),
            phase: "serving".into(),
            workers: 4,
            ..Agent::default()
        }],
        ..Status::default()
    };
    let text = serde_json::to_string_pretty(&status).unwrap() + "\n";
    assert_eq!(text, include_str!("status.json"));
    assert_eq!(serde_json::from_str::<Status>(&text).unwrap(), status);
}

#[test]
fn a_status_of_another_version_is_read_as_far_as_it_is_known() {
    let text = r#"{"format":2,"components":{"tail":{"phase":"wagging"}},"moon":"full"}"#;
    let status: Status = serde_json::from_str(text).unwrap();
    assert_eq!((status.format, status.serial), (2, None));
    assert_eq!(status.components["tail"].phase, Phase::Unknown);
}

#[test]
fn a_phase_is_written_as_its_name() {
    for phase in Phase::ALL {
        assert_eq!(serde_json::to_value(phase).unwrap(), phase.name());
    }
}

#[test]
fn events_are_lines_of_which_the_torn_ones_are_skipped() {
    let event = Event {
        at: Some("2026-11-21T00:00:00Z".parse().unwrap()),
        component: "agent".into(),
        from: Phase::Trial,
        to: Phase::Settling,
        ms: 60_012,
        version: Version {
            version: "1.2".into(),
            digest: "ab".into(),
            serial: 3,
        },
        outcome: "committed".into(),
        detail: String::new(),
    };
    let line = r#"{"at":"2026-11-21T00:00:00Z","component":"agent","from":"trial","to":"settling","ms":60012,"version":"1.2","digest":"ab","serial":3,"outcome":"committed"}"#;
    assert_eq!(event.encode(), format!("{line}\n"));
    let text = format!("{line}\n{}\n\n{line}\nnull\n", &line[..40]);
    assert_eq!(
        Event::decode_all(&text).collect::<Vec<_>>(),
        [event.clone(), event]
    );
}

//! `trireme doctor`: what it finds, and that it finds nothing on a healthy host.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use shared_control::{Answer, Reply, Status};
use shared_handover::layout::Component;
use shared_supervise::Lock;

use crate::bed::{Bed, digest_of};

fn check(document: &serde_json::Value, name: &str) -> (String, String) {
    let checks = document["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == name);
    let text = |key: &str| check.unwrap()[key].as_str().unwrap_or_default().to_owned();
    (text("outcome"), text("found") + " -> " + &text("advice"))
}

/// A host on which all is well: locks held, a launcher that answers, a server that listens.
#[test]
fn a_healthy_host_passes_every_check() {
    let bed = Bed::installed();
    let _locks = [bed.state.bootstrapper_lock(), bed.state.launcher_lock()]
        .map(|path| Lock::take(&path, Duration::ZERO).unwrap());
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let status = Status {
        server: format!("http://{}/releases", server.local_addr().unwrap()),
        agents: vec![shared_control::status::Agent::default()],
        ..Status::default()
    };
    let answer = || {
        let status = Box::new(status.clone());
        vec![Reply::Done {
            answer: Answer::Status { status },
        }]
    };
    let socket = bed.answering(vec![answer(), answer()]);
    let (document, code) = bed.json(&["doctor"]);
    assert_eq!(code, 0, "{document:#}");
    for check in document["checks"].as_array().unwrap() {
        // How full the disk of the test machine is, is not ours to say.
        let fine = check["outcome"] == "ok" || check["name"] == "room";
        assert!(fine, "{check:#}");
    }
    let ran = bed.run(&["doctor"]);
    assert!(
        ran.out.ends_with("\nnothing stands against this host\n"),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("ok   server          http://127.0.0.1:"),
        "{}",
        ran.out
    );
    socket.join().unwrap();
}

#[test]
fn every_fault_is_found_with_what_to_do() {
    let bed = Bed::installed();
    fs::set_permissions(bed.state.root(), fs::Permissions::from_mode(0o777)).unwrap();
    let nothing = digest_of("launcher", "0.1");
    bed.change(Component::Launcher, |page| page.forgive(nothing));
    fs::write(&bed.state.pages(Component::Launcher)[0], [1; 512]).unwrap();
    for page in bed.state.pages(Component::Agent) {
        fs::write(page, [7; 512]).unwrap();
    }
    let launcher = bed
        .store()
        .folder(digest_of("launcher", "1.0"))
        .join("launcher");
    fs::remove_file(&launcher).unwrap();
    fs::write(launcher, "garbled").unwrap();
    fs::write(bed.state.trust().join("1.root.json"), "{}").unwrap();
    fs::write(bed.state.policy(), r#"{"mode":"window"}"#).unwrap();
    fs::create_dir(bed.state.quarantine()).unwrap();
    fs::write(bed.state.quarantine().join("manifest.json"), "").unwrap();
    let status = r#"{"server":"http://127.0.0.1:1/releases"}"#;
    fs::write(bed.state.status(), status).unwrap();
    let (document, code) = bed.json(&["doctor"]);
    assert_eq!(
        (code, &document["healthy"]),
        (1, &serde_json::Value::Bool(false))
    );
    for (name, outcome, needle) in [
        ("folder", "bad", "chmod 700"),
        ("launcher slot", "warn", "the next write mends it"),
        ("agent slot", "bad", "neither page can be read"),
        ("store", "bad", "its file has changed"),
        ("leftovers", "warn", "1 put aside"),
        ("bootstrapper", "bad", "start the service"),
        ("launcher", "bad", "start the bootstrapper"),
        ("socket", "warn", "nobody listens"),
        ("agent", "bad", "none runs"),
        ("trust", "bad", "--trust-root FILE"),
        ("policy", "bad", "there is no window"),
        ("server", "warn", "127.0.0.1:1"),
    ] {
        let (found, text) = check(&document, name);
        assert_eq!(found, outcome, "{name}: {text}");
        assert!(text.contains(needle), "{name}: {text}");
    }
    let ran = bed.run(&["doctor"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("BAD  folder"), "{}", ran.out);
    assert!(ran.out.ends_with("checks failed\n"), "{}", ran.out);
}

#[test]
fn a_clock_before_the_newest_signature_is_noticed() {
    let bed = Bed::installed();
    let mut record: serde_json::Value =
        serde_json::from_slice(&fs::read(bed.state.manifest()).unwrap()).unwrap();
    let later = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(48)).to_string();
    record["seen"] = serde_json::json!({
        "channel": "stable", "root": 1, "serial": 2, "issued": later, "sequences": {}
    });
    fs::write(bed.state.manifest(), record.to_string()).unwrap();
    let (document, _) = bed.json(&["doctor"]);
    let (outcome, text) = check(&document, "clock");
    assert_eq!(outcome, "warn", "{text}");
    assert!(text.contains("before the release was signed"), "{text}");
}

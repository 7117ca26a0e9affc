//! An operator at a host: the command `trireme` against real launchers.

use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;
use tests::bed::Bed;
use tests::host::Host;

use crate::binaries;

/// Runs `trireme` for programs on a host: its exit status and its document.
fn trireme(host: &Host, args: &[&str]) -> (i32, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_trireme-dup"))
        .arg("--json")
        .arg("--state-dir")
        .arg(host.state().root())
        .args(args)
        .output()
        .unwrap();
    let document = serde_json::from_slice(&output.stdout);
    (
        output.status.code().expect("it ended by itself"),
        document.unwrap_or_else(|error| panic!("{args:?}: {error}: {output:?}")),
    )
}

/// The same where it has to go well.
fn done(host: &Host, args: &[&str]) -> Value {
    let (status, document) = trireme(host, args);
    assert_eq!(status, 0, "{args:?}: {document:#}");
    document
}

fn committed_agent(host: &Host) -> Value {
    done(host, &["status"])["components"]["agent"]["committed"]["version"].take()
}

/// What the last answer says of the agent.
fn agent_change(release: &Value) -> &Value {
    let changes = release["changes"].as_array().unwrap();
    let of_agent = changes.iter().find(|change| change["component"] == "agent");
    of_agent.unwrap_or_else(|| panic!("{release:#}"))
}

/// A host that runs release 1.0.0 and adopts nothing by itself.
async fn host_that_waits_for_orders(bed: &Bed) -> Host {
    let mut settings = bed.host_settings();
    let args = &mut settings.launcher_args;
    args.extend(["--update-mode", "off"].map(str::to_owned));
    let host = Host::start(settings);
    host.log_line("launcher", &["agent committed"]).await;
    host
}

fn publish(bed: &Bed, version: &str) {
    let agent = bed.variant(&bed.binaries.agent, version);
    bed.server.publish(version, &bed.binaries.launcher, &agent);
}

#[tokio::test]
async fn orders_are_carried_out_and_holds_and_pins_stand_against_them() {
    let bed = Bed::new(binaries()).await;
    let host = host_that_waits_for_orders(&bed).await;
    assert_eq!(committed_agent(&host), "1.0.0");
    publish(&bed, "2.0.0");
    publish(&bed, "3.0.0");

    done(&host, &["update", "hold", "--reason", "audit"]);
    let (status, held) = trireme(&host, &["update", "apply"]);
    assert_eq!(status, 1, "{held:#}");
    let why = agent_change(&held)["why"].as_str().unwrap();
    assert!(why.contains("held (audit)"), "{why}");
    assert_eq!(committed_agent(&host), "1.0.0");

    done(&host, &["update", "hold", "--end"]);
    let checked = done(&host, &["update", "check"]);
    assert_eq!(agent_change(&checked)["to"], "3.0.0");
    assert_eq!(committed_agent(&host), "1.0.0", "its mode is off");
    done(&host, &["update", "apply", "--to", "2.0.0"]);
    assert_eq!(committed_agent(&host), "2.0.0");

    done(&host, &["update", "pin", "agent", "--owner", "ci"]);
    let (_, pinned) = trireme(&host, &["update", "apply", "--to", "3.0.0"]);
    assert_eq!(committed_agent(&host), "2.0.0", "{pinned:#}");
    done(&host, &["update", "unpin", "agent"]);
    done(&host, &["update", "apply"]);
    assert_eq!(committed_agent(&host), "3.0.0");
}

#[tokio::test]
async fn a_host_goes_back_stays_there_and_comes_on_when_told_to() {
    let bed = Bed::new(binaries()).await;
    let host = host_that_waits_for_orders(&bed).await;
    publish(&bed, "2.0.0");
    done(&host, &["update", "apply"]);

    let back = done(&host, &["update", "rollback", "agent"]);
    assert_eq!(
        (&back["from"], &back["to"]),
        (&"2.0.0".into(), &"1.0.0".into())
    );
    let status = done(&host, &["update", "status"]);
    assert_eq!(
        status["components"]["agent"]["committed"]["version"],
        "1.0.0"
    );
    assert_eq!(status["policy"]["pins"]["agent"], "1.0.0");

    done(&host, &["update", "unpin"]);
    let (code, left) = trireme(&host, &["update", "apply"]);
    assert_eq!(code, 1, "{left:#}");
    let why = agent_change(&left)["why"].as_str().unwrap();
    assert!(why.contains("`trireme update retry`"), "{why}");
    done(&host, &["update", "retry"]);
    done(&host, &["update", "apply"]);
    assert_eq!(committed_agent(&host), "2.0.0");
}

#[tokio::test]
async fn a_bad_version_is_told_and_marked_and_its_mark_can_be_taken_back() {
    let bed = Bed::new(binaries()).await;
    let host = host_that_waits_for_orders(&bed).await;
    let bad = &bed.binaries.exits_at_once;
    bed.server.publish("2.0.0", &bed.binaries.launcher, bad);

    let (code, rejected) = trireme(&host, &["update", "apply"]);
    assert_eq!(
        (code, &rejected["error"]),
        (1, &"refused".into()),
        "{rejected:#}"
    );
    assert_eq!(committed_agent(&host), "1.0.0");
    let digest = Bed::digest(bad).to_string();
    let marked =
        |host: &Host| done(host, &["update", "status"])["components"]["agent"]["marks"].take();
    assert_eq!(marked(&host)[0]["digest"], digest.as_str());
    let forgiven = done(&host, &["update", "retry", &digest[..8]]);
    assert_eq!(forgiven["digests"][0], digest.as_str());
    assert_eq!(marked(&host), serde_json::json!([]));
}

#[tokio::test]
async fn a_host_in_use_is_whole_and_healthy() {
    let bed = Bed::new(binaries()).await;
    let host = host_that_waits_for_orders(&bed).await;
    let verified = done(&host, &["update", "verify"]);
    let entries = verified["entries"].as_array().unwrap();
    assert!(entries.len() >= 2, "{verified:#}");
    assert!(
        entries.iter().all(|entry| entry["trouble"] == ""),
        "{verified:#}"
    );
    let swept = done(&host, &["update", "gc", "--dry-run"]);
    assert_eq!(swept["entries"], serde_json::json!([]), "{swept:#}");
    let doctor = done(&host, &["doctor"]);
    assert_eq!(doctor["healthy"], true, "{doctor:#}");

    // The disk loses what runs: the process goes on, and both say what is wrong.
    let agent = Bed::digest(&bed.binaries.agent);
    std::fs::remove_dir_all(host.state().store().join(agent.to_string())).unwrap();
    let (code, verified) = trireme(&host, &["update", "verify"]);
    assert_eq!(code, 65, "{verified:#}");
    let (code, doctor) = trireme(&host, &["doctor"]);
    assert_eq!((code, &doctor["healthy"]), (1, &false.into()), "{doctor:#}");
}

#[tokio::test]
async fn a_bundle_upgrades_a_host_whose_release_server_is_gone() {
    let bed = Bed::new(binaries()).await;
    let from = bed.host();
    let mut far = bed.host_settings();
    far.folder = bed.folder().join("far");
    far.mark = text(&far.folder);
    let mut to = Host::start(far.clone());
    for host in [&from, &to] {
        host.log_line("launcher", &["agent committed"]).await;
    }
    to.signal(Signal::TERM);
    to.ended().await;

    publish(&bed, "2.0.0");
    from.log_line("launcher", &["agent committed", "version=2.0.0"])
        .await;
    let bundle = text(&bed.folder().join("bundle.zip"));
    done(&from, &["update", "export", &bundle]);

    let nobody = ["--release-url", "http://127.0.0.1:1"].map(str::to_owned);
    far.launcher_args.extend(nobody);
    let to = Host::start(far);
    to.agent_pid().await;
    let imported = done(&to, &["update", "import", &bundle]);
    assert_eq!(imported["files"], 2, "{imported:#}");
    done(&to, &["update", "apply"]);
    to.log_line("launcher", &["agent committed", "version=2.0.0"])
        .await;
    assert_eq!(committed_agent(&to), "2.0.0");
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path of the bed is text").to_owned()
}

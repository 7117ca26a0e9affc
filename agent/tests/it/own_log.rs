//! The agent's own log: its forms, its levels, and what it says of requests.

use std::io::{PipeReader, Read as _, Write as _};
use std::process::Stdio;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::agent::{Bench, until};
use crate::endpoint::{Endpoint, PATIENCE, disconnect, offer};

/// The log of an agent that runs one job and is sent away.
async fn log(args: &[&str]) -> String {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    bench.executor("true");
    endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
    endpoint.job("j1", &json!({"PASSWORD": "job-secret"}));
    let ended = bench.start(&endpoint, args).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    ended.log
}

#[tokio::test]
async fn a_log_of_json_is_an_object_a_line_with_texts_only() {
    let log = log(&["--log-format=json"]).await;
    assert!(log.lines().count() > 3, "{log}");
    for line in log.lines() {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        let object = object.as_object().unwrap();
        assert!(object.values().all(Value::is_string), "{line}");
        let keys: Vec<_> = object.keys().take(3).collect();
        assert_eq!(keys, ["ts", "level", "msg"], "{line}");
    }
    assert!(log.contains(r#""msg":"agent starts""#), "{log}");
}

#[tokio::test]
async fn the_level_decides_what_is_logged() {
    for (args, told) in [
        (&["--log-level=debug"][..], true),
        (&["--log-level=notice"], true),
        (&["--log-level=warn"], false),
        (&["--log-level=error"], false),
        (&["--log-level=error", "--debug"], true),
    ] {
        let log = log(args).await;
        assert_eq!(log.contains("INFO  agent starts"), told, "{args:?}: {log}");
    }
}

#[tokio::test]
async fn requests_are_logged_on_demand_and_never_with_their_secrets() {
    let quiet = log(&["--debug"]).await;
    assert!(!quiet.contains("/v3/jobs/j1/accept"), "{quiet}");
    let debug = log(&["--debug-http"]).await;
    assert!(debug.contains("request: PUT http://"), "{debug}");
    assert!(
        debug.contains("/v3/jobs/j1/accept agent=worker status=200"),
        "{debug}"
    );
    assert!(!debug.contains("headers"), "{debug}");
    let trace = log(&["--trace-http"]).await;
    assert!(trace.contains("answer begins over HTTP/"), "{trace}");
    assert!(trace.contains("content-type: "), "{trace}");
    for log in [debug, trace] {
        for secret in [
            "registration-token",
            "access-token",
            "token-of-j1",
            "job-secret",
        ] {
            assert!(!log.contains(secret), "{secret}: {log}");
        }
    }
}

#[tokio::test]
async fn a_setting_without_effect_and_one_with_an_old_name_are_named_once() {
    let log = log(&[
        "--meta-data=a=1",
        "--kubernetes-log-collection-grace-period=5s",
    ])
    .await;
    let old = "meta-data is called tags by now; rename it (flag --meta-data)";
    assert_eq!(log.matches(old).count(), 1, "{log}");
    let idle = "kubernetes-log-collection-grace-period has no effect in this version";
    assert_eq!(log.matches(idle).count(), 1, "{log}");
}

/// An agent whose log goes into a pipe that is full, and the other end of it with what is in it.
#[expect(
    clippy::disallowed_methods,
    reason = "what starts children otherwise reads what they write"
)]
fn blocked(bench: &Bench, endpoint: &Endpoint, json: bool) -> (Child, PipeReader, usize) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let flags = fcntl_getfl(&writer).unwrap();
    fcntl_setfl(&writer, flags | OFlags::NONBLOCK).unwrap();
    let mut filled = 0;
    while let Ok(bytes) = writer.write(&[b'.'; 512]) {
        filled += bytes;
    }
    fcntl_setfl(&writer, flags).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_agent"));
    command
        .args(["start", "--token=registration-token", "--name=box"])
        .arg(format!("--endpoint={}", endpoint.url))
        .arg(format!(
            "--bootstrap-script={}",
            bench.path("executor").display()
        ))
        .arg(format!("--build-path={}", bench.path("builds").display()))
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", bench.path("home"))
        .env("TMPDIR", bench.path("tmp"))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    if json {
        command.arg("--log-format=json");
        command.stdout(writer).stderr(Stdio::null());
    } else {
        command.stdout(Stdio::null()).stderr(writer);
    }
    (command.spawn().unwrap(), reader, filled)
}

async fn ended(mut agent: Child) -> Option<i32> {
    let ended = timeout(PATIENCE, agent.wait()).await;
    ended.expect("the agent ends").unwrap().code()
}

#[tokio::test]
async fn an_agent_whose_log_nobody_reads_runs_its_jobs_and_ends() {
    for json in [true, false] {
        let (endpoint, bench) = (Endpoint::start().await, Bench::new());
        bench.executor("true");
        endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
        endpoint.job("j1", &json!({}));
        let (agent, reader, _) = blocked(&bench, &endpoint, json);
        assert_eq!(ended(agent).await, Some(0));
        assert_eq!(endpoint.asked("PUT /v3/jobs/j1/finish").len(), 1);
        drop(reader);
    }
}

#[tokio::test]
async fn a_log_that_is_read_late_is_whole() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    bench.executor("true");
    endpoint.on("GET /v3/ping", [offer("j1")]);
    endpoint.job("j1", &json!({}));
    let (agent, mut reader, filled) = blocked(&bench, &endpoint, true);
    until("the job is finished", || {
        endpoint.asked("PUT /v3/jobs/j1/finish").pop()
    })
    .await;
    endpoint.on("GET /v3/ping", [disconnect()]);
    let reading = tokio::task::spawn_blocking(move || {
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        String::from_utf8(all).unwrap()
    });
    assert_eq!(ended(agent).await, Some(0));
    let log = timeout(PATIENCE, reading).await.unwrap().unwrap();
    let mut lines = log[filled..].lines().map(|line| {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        object["msg"].as_str().unwrap().to_owned()
    });
    assert_eq!(lines.next().as_deref(), Some("agent starts"), "{log}");
    assert!(lines.all(|line| !line.contains("missing")), "{log}");
}

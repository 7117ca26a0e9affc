//! What a dead agent leaves behind, and who cleans it up.

use std::path::Path;

use serde_json::json;
use shared_supervise::{ProcessId, Signal};

use crate::agent::{Bench, appears, until};
use crate::endpoint::{Endpoint, PATIENCE, disconnect, offer, ok, status};

/// Waits until the record of the job `j1` says this much.
async fn recorded(state: &Path, what: &str) {
    until(what, || {
        let mut records = std::fs::read_dir(state.join("jobs")).ok()?;
        let record = records.next()?.ok()?.path();
        let text = std::fs::read_to_string(record).ok()?;
        text.contains(what).then_some(())
    })
    .await;
}

/// Waits until no job has a record: an agent that is told to end sooner leaves what it has not heard
/// the answer to for the next one.
async fn settled(state: &Path) {
    until("no records", || {
        let mut records = std::fs::read_dir(state.join("jobs")).ok()?;
        records.next().is_none().then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_next_agent_ends_the_job_of_a_dead_one_and_reports_it_once() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), ok(&json!({}))]);
    endpoint.job("j1", &json!({}));
    // Neither the loss of its terminal nor a polite word ends this one.
    bench.executor("trap '' HUP TERM; echo $$ > pid; for i in $(seq 600); do sleep 0.1; done");
    let state = bench.path("state");
    let state_text = state.to_str().unwrap();
    let first = bench.start_with(&endpoint, &[], &[("TRIREME_STATE_DIR", state_text)]);
    let pid: u32 = appears(&bench.path("builds/pid"))
        .await
        .trim()
        .parse()
        .unwrap();
    let executor = ProcessId::of(pid).unwrap();
    recorded(&state, "executor").await;
    first.signal(Signal::Kill);
    assert_eq!(first.ended().await.code, None);
    assert!(
        executor.is_same_alive(),
        "the job outlives its agent, which is why this is needed"
    );

    endpoint.on("GET /v3/ping", [ok(&json!({}))]);
    let second = bench.start_with(&endpoint, &[], &[("TRIREME_STATE_DIR", state_text)]);
    let finish = endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
    assert!(shared_supervise::wait_gone(&[executor], PATIENCE));
    let body = finish[0].json();
    assert_eq!(body["exit_status"], "-1");
    assert_eq!(body["signal_reason"], "agent_stop");
    assert_eq!(body["chunks_failed_count"], 1, "its last words are unknown");
    assert_eq!(finish[0].token, "Token token-of-j1");
    settled(&state).await;
    second.signal(Signal::Terminate);
    assert_eq!(second.ended().await.code, Some(0));

    endpoint.on("GET /v3/ping", [disconnect()]);
    let third = bench.start_with(&endpoint, &[], &[("TRIREME_STATE_DIR", state_text)]);
    assert_eq!(third.ended().await.code, Some(0));
    assert_eq!(
        endpoint.asked("PUT /v3/jobs/j1/finish").len(),
        1,
        "reported once"
    );
    for folder in [state.join("jobs"), bench.path("tmp")] {
        let left = std::fs::read_dir(&folder).unwrap().count();
        assert_eq!(left, 0, "nothing is left in {}", folder.display());
    }
}

#[tokio::test]
async fn a_result_that_a_dead_agent_could_not_deliver_is_delivered_by_the_next() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), ok(&json!({}))]);
    endpoint.on("PUT /v3/jobs/j1/finish", [status(503)]);
    endpoint.job("j1", &json!({}));
    bench.executor("exit 9");
    let state = bench.path("state");
    let env = [("TRIREME_STATE_DIR", state.to_str().unwrap())];
    let first = bench.start_with(&endpoint, &[], &env);
    endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
    first.signal(Signal::Kill);
    first.ended().await;

    let before = endpoint.asked("PUT /v3/jobs/j1/finish").len();
    endpoint.on("PUT /v3/jobs/j1/finish", [ok(&json!({}))]);
    endpoint.on("GET /v3/ping", [ok(&json!({}))]);
    let second = bench.start_with(&endpoint, &[], &env);
    let finish = endpoint.wait("PUT /v3/jobs/j1/finish", before + 1).await;
    assert_eq!(finish[before].json()["exit_status"], "9");
    second.signal(Signal::Terminate);
    assert_eq!(second.ended().await.code, Some(0));
}

#[tokio::test]
async fn a_daemon_of_a_job_that_died_with_its_agent_is_found_by_the_jobs_id() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), ok(&json!({}))]);
    endpoint.job("j1", &json!({"BUILDKITE_JOB_ID": "j1"}));
    // The shell that leads the daemon is gone before anybody can follow it.
    bench.executor(
        "setsid sh -c 'echo $$ >daemon; exec sleep 600' >/dev/null 2>&1 &\n\
         echo $$ >pid; sleep 600",
    );
    let state = bench.path("state");
    let env = [("TRIREME_STATE_DIR", state.to_str().unwrap())];
    let first = bench.start_with(&endpoint, &[], &env);
    let mut ids = Vec::new();
    for name in ["builds/daemon", "builds/pid"] {
        let pid = appears(&bench.path(name)).await;
        ids.push(ProcessId::of(pid.trim().parse().unwrap()).unwrap());
    }
    let (daemon, executor) = (ids[0], ids[1]);
    first.signal(Signal::Kill);
    first.ended().await;
    executor.send(Signal::Kill).unwrap();
    assert!(shared_supervise::wait_gone(&[executor], PATIENCE));
    assert!(daemon.is_same_alive());

    endpoint.on("GET /v3/ping", [ok(&json!({}))]);
    let second = bench.start_with(&endpoint, &[], &env);
    endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
    assert!(shared_supervise::wait_gone(&[daemon], PATIENCE));
    second.signal(Signal::Terminate);
    assert_eq!(second.ended().await.code, Some(0));
}

#[tokio::test]
async fn what_a_killed_executor_leaves_behind_is_ended_by_its_agent_and_no_more() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
    endpoint.job("j1", &json!({"BUILDKITE_JOB_ID": "j1"}));
    // One in the executor's session whose parent is gone, and one that left the session as well.
    bench.executor(
        "(sleep 600 >/dev/null 2>&1 & echo $! >one)\n\
         (setsid sleep 600 >/dev/null 2>&1 & echo $! >two)\n\
         echo $$ >pid; sleep 600",
    );
    let agent = bench.start(&endpoint, &[]);
    let mut ids = Vec::new();
    for name in ["builds/pid", "builds/one", "builds/two"] {
        let pid = appears(&bench.path(name)).await;
        ids.push(ProcessId::of(pid.trim().parse().unwrap()).unwrap());
    }
    // A job of the same id that another agent of the host runs for another endpoint.
    let mut other = std::process::Command::new("sleep")
        .arg("600")
        .envs([("BUILDKITE_JOB_ID", "j1"), ("BUILDKITE_AGENT_PID", "1")])
        .spawn()
        .unwrap();
    ids[0].send(Signal::Kill).unwrap();
    let finish = endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
    assert_eq!(finish[0].json()["signal"], "SIGKILL");
    assert!(shared_supervise::wait_gone(&ids, PATIENCE));
    assert_eq!(agent.ended().await.code, Some(0));
    assert_eq!(other.try_wait().unwrap(), None);
    other.kill().unwrap();
    other.wait().unwrap();
}

#[tokio::test]
async fn a_result_without_the_whole_log_says_so() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), ok(&json!({}))]);
    endpoint.on("POST /v3/jobs/j1/chunks", [status(503)]);
    endpoint.job("j1", &json!({}));
    bench.executor("echo words; exit 9");
    let state = bench.path("state");
    let env = [("TRIREME_STATE_DIR", state.to_str().unwrap())];
    let first = bench.start_with(&endpoint, &[], &env);
    endpoint.wait("POST /v3/jobs/j1/chunks", 1).await;
    // The result is written down a moment after the last byte was cut into a chunk.
    recorded(&state, "exit_status").await;
    first.signal(Signal::Kill);
    first.ended().await;

    endpoint.on("GET /v3/ping", [ok(&json!({}))]);
    let second = bench.start_with(&endpoint, &[], &env);
    let finish = endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
    let body = finish[0].json();
    assert_eq!(
        (&body["exit_status"], &body["chunks_failed_count"]),
        (&json!("9"), &json!(1))
    );
    second.signal(Signal::Terminate);
    assert_eq!(second.ended().await.code, Some(0));
}

#[tokio::test]
async fn a_hook_that_outlives_its_agent_is_ended_and_its_job_reported() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), ok(&json!({}))]);
    endpoint.job("j1", &json!({}));
    let (hooks, up) = (bench.path("hooks"), bench.path("up"));
    std::fs::create_dir(&hooks).unwrap();
    let script = format!("#!/bin/sh\necho $$ > {}; sleep 600\n", up.display());
    let hook = hooks.join("pre-bootstrap");
    std::fs::write(&hook, script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&hook, mode).unwrap();
    let hooks = format!("--hooks-path={}", hooks.display());
    let state = bench.path("state");
    let env = [("TRIREME_STATE_DIR", state.to_str().unwrap())];
    let first = bench.start_with(&endpoint, &[&hooks], &env);
    let pid = appears(&up).await.trim().parse().unwrap();
    let hook = ProcessId::of(pid).unwrap();
    recorded(&state, "executor").await;
    first.signal(Signal::Kill);
    first.ended().await;
    assert!(hook.is_same_alive());

    endpoint.on("GET /v3/ping", [ok(&json!({}))]);
    let second = bench.start_with(&endpoint, &[], &env);
    let body = endpoint.wait("PUT /v3/jobs/j1/finish", 1).await[0].json();
    assert!(shared_supervise::wait_gone(&[hook], PATIENCE));
    let told = (&body["exit_status"], &body["signal_reason"]);
    assert_eq!(told, (&json!("-1"), &json!("agent_stop")));
    settled(&state).await;
    second.signal(Signal::Terminate);
    assert_eq!(second.ended().await.code, Some(0));
    for folder in [state.join("jobs"), bench.path("tmp")] {
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "{folder:?}");
    }
}

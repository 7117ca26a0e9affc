//! Ending an agent, more or less politely.

use serde_json::json;
use shared_supervise::{ProcessId, Signal};

use crate::agent::{Bench, appears};
use crate::endpoint::{Endpoint, PATIENCE, offer, ok};

async fn busy(script: &str) -> (Endpoint, Bench) {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), ok(&json!({}))]);
    endpoint.job("j1", &json!({}));
    bench.executor(script);
    (endpoint, bench)
}

#[tokio::test]
async fn the_first_sigterm_lets_the_job_finish() {
    let (endpoint, bench) =
        busy("echo up > up; until [ -e go ]; do sleep 0.02; done; exit 5").await;
    let agent = bench.start(&endpoint, &[]);
    appears(&bench.path("builds/up")).await;
    agent.signal(Signal::Terminate);
    std::fs::write(bench.path("builds/go"), "").unwrap();
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let finish = endpoint.asked("PUT /v3/jobs/j1/finish");
    assert_eq!(finish[0].json()["exit_status"], "5");
    assert_eq!(endpoint.asked("POST /v3/disconnect").len(), 1);
    assert_eq!(
        endpoint.asked("GET /v3/ping").len(),
        1,
        "no work was asked for any more"
    );
}

#[tokio::test]
async fn the_second_sigterm_cancels_the_job() {
    let (endpoint, bench) = busy("echo up > up; sleep 600 & wait").await;
    let agent = bench.start(&endpoint, &[]);
    appears(&bench.path("builds/up")).await;
    agent.signal(Signal::Terminate);
    agent.signal(Signal::Interrupt);
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let body = endpoint.asked("PUT /v3/jobs/j1/finish")[0].json();
    assert_eq!(body["signal"], "SIGTERM");
    assert_eq!(body["signal_reason"], "agent_stop");
}

#[tokio::test]
async fn an_idle_agent_ends_at_once_and_says_goodbye() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    let agent = bench.start(&endpoint, &["--spawn=3"]);
    endpoint.wait("GET /v3/ping", 3).await;
    agent.signal(Signal::Terminate);
    assert_eq!(agent.ended().await.code, Some(0));
    assert_eq!(endpoint.asked("POST /v3/disconnect").len(), 3);
}

#[tokio::test]
async fn the_third_sigterm_waits_for_nobody() {
    let script =
        "trap 'echo asked > asked' TERM; echo up > up; until [ -e go ]; do sleep 0.02; done";
    let (endpoint, bench) = busy(script).await;
    let agent = bench.start(&endpoint, &[]);
    appears(&bench.path("builds/up")).await;
    agent.signal(Signal::Terminate);
    // Signals of one kind that wait together are one signal, so each has to have arrived.
    let polls = endpoint.asked("GET /v3/jobs/j1").len();
    endpoint.wait("GET /v3/jobs/j1", polls + 1).await;
    agent.signal(Signal::Terminate);
    appears(&bench.path("builds/asked")).await;
    agent.signal(Signal::Terminate);
    assert_eq!(agent.ended().await.code, Some(1));
    std::fs::write(bench.path("builds/go"), "").unwrap();
}

#[tokio::test]
async fn sigquit_cancels_the_job_at_once() {
    let (endpoint, bench) = busy("echo up > up; sleep 600 & wait").await;
    let agent = bench.start(&endpoint, &[]);
    appears(&bench.path("builds/up")).await;
    agent.quit();
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let body = endpoint.asked("PUT /v3/jobs/j1/finish")[0].json();
    assert_eq!(body["signal_reason"], "agent_stop");
    assert_eq!(endpoint.asked("POST /v3/disconnect").len(), 1);
}

#[tokio::test]
async fn sigquit_ends_an_idle_agent() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    let agent = bench.start(&endpoint, &[]);
    endpoint.wait("GET /v3/ping", 1).await;
    agent.quit();
    assert_eq!(agent.ended().await.code, Some(0));
    assert_eq!(endpoint.asked("POST /v3/disconnect").len(), 1);
}

#[tokio::test]
async fn a_sigterm_after_sigquit_does_not_abandon_the_job() {
    let script =
        "trap 'echo asked > asked' TERM; echo up > up; until [ -e go ]; do sleep 0.02; done";
    let (endpoint, bench) = busy(script).await;
    let agent = bench.start(&endpoint, &[]);
    appears(&bench.path("builds/up")).await;
    agent.quit();
    appears(&bench.path("builds/asked")).await;
    agent.signal(Signal::Terminate);
    std::fs::write(bench.path("builds/go"), "").unwrap();
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(endpoint.asked("PUT /v3/jobs/j1/finish").len(), 1);
}

#[tokio::test]
async fn a_hangup_is_ignored() {
    let (endpoint, bench) =
        busy("echo up > up; until [ -e go ]; do sleep 0.02; done; exit 5").await;
    let agent = bench.start(&endpoint, &[]);
    appears(&bench.path("builds/up")).await;
    agent.signal(Signal::Hangup);
    std::fs::write(bench.path("builds/go"), "").unwrap();
    endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
    let pings = endpoint.asked("GET /v3/ping").len();
    endpoint.wait("GET /v3/ping", pings + 1).await;
    agent.signal(Signal::Terminate);
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("SIGHUP ignored"), "{}", ended.log);
}

#[tokio::test]
async fn a_canceled_job_that_stays_is_killed_after_the_grace_period_and_reported_once() {
    let (endpoint, bench) = busy("trap '' TERM; echo $$ > up; while :; do sleep 0.02; done").await;
    let agent = bench.start(&endpoint, &["--cancel-grace-period=1"]);
    let pid = appears(&bench.path("builds/up")).await;
    let job = ProcessId::of(pid.trim().parse().unwrap()).unwrap();
    agent.quit();
    let ended = agent.ended().await;
    assert!(ended.log.contains("grace period is over"), "{}", ended.log);
    // The agent has a second for the report. One that had to leave sooner, or before it could note
    // that the endpoint has taken it, leaves it to the next.
    let in_time = ended.code == Some(0);
    if !in_time {
        assert_eq!(ended.code, Some(1), "{}", ended.log);
        let next = bench.start(&endpoint, &[]);
        endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
        next.signal(Signal::Terminate);
        assert_eq!(next.ended().await.code, Some(0));
    }
    assert!(shared_supervise::wait_gone(&[job], PATIENCE));
    let finish = endpoint.asked("PUT /v3/jobs/j1/finish");
    let most = if in_time { 1 } else { 2 };
    assert!((1..=most).contains(&finish.len()), "{}", ended.log);
    let body = finish[0].json();
    assert_eq!(body["signal_reason"], "agent_stop", "{}", ended.log);
    if in_time {
        assert_eq!(body["signal"], "SIGKILL");
    }
}

#[tokio::test]
async fn a_canceled_agent_does_not_wait_for_its_endpoint_for_ever() {
    let (endpoint, bench) = busy("exit 5").await;
    endpoint.on("PUT /v3/jobs/j1/finish", [crate::endpoint::status(503)]);
    let agent = bench.start(&endpoint, &["--cancel-grace-period=1"]);
    endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
    agent.signal(Signal::Terminate);
    agent.signal(Signal::Interrupt);
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(1), "{}", ended.log);
}

#[tokio::test]
async fn a_paused_agent_ends_at_once() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [ok(&json!({"action": "pause"}))]);
    let agent = bench.start(&endpoint, &[]);
    endpoint.wait("GET /v3/ping", 1).await;
    agent.signal(Signal::Interrupt);
    assert_eq!(agent.ended().await.code, Some(0));
    assert_eq!(endpoint.asked("POST /v3/disconnect").len(), 1);
}

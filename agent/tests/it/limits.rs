//! Workers that end when their time is up, when they had their job, or when there was nothing to do.

use serde_json::{Value, json};

use crate::agent::{Bench, appears};
use crate::endpoint::{Endpoint, disconnect, offer, ok};

fn pause() -> crate::endpoint::Reply {
    ok(&json!({"action": "pause", "job": {"id": "never"}}))
}

fn idle() -> crate::endpoint::Reply {
    ok(&json!({"action": "idle"}))
}

#[tokio::test]
async fn an_idle_worker_leaves_when_its_time_is_up() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    let agent = bench.start(&endpoint, &["--disconnect-after-uptime=1"]);
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(endpoint.asked("POST /v3/disconnect").len(), 1);
}

#[tokio::test]
async fn a_job_is_finished_and_none_taken_after_the_time() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1")]);
    endpoint.job("j1", &json!({}));
    // The time begins when the worker has connected, and its first ping has to come back within it.
    bench.executor("sleep 4.2; exit 3");
    let agent = bench.start(&endpoint, &["--disconnect-after-uptime=4"]);
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let finish = endpoint.asked("PUT /v3/jobs/j1/finish");
    assert_eq!(finish[0].json()["exit_status"], "3");
    assert_eq!(finish[0].json().get("ignore_agent_in_dispatches"), None);
    assert_eq!(endpoint.asked("GET /v3/ping").len(), 1);
}

#[tokio::test]
async fn a_paused_worker_waits_to_be_let_go_though_its_time_is_up() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [pause(), pause(), pause(), idle()]);
    let args = [
        "--disconnect-after-uptime=1",
        "--disconnect-after-idle-timeout=1",
    ];
    let ended = bench.start(&endpoint, &args).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(endpoint.asked("GET /v3/ping").len(), 4);
    assert!(endpoint.asked("PUT /v3/jobs/never/accept").is_empty());
}

#[tokio::test]
async fn a_pool_without_work_ends_as_a_whole() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [idle()]);
    let args = ["--spawn=3", "--disconnect-after-idle-timeout=1"];
    let ended = bench.start(&endpoint, &args).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(endpoint.asked("POST /v3/disconnect").len(), 3);
}

#[tokio::test]
async fn one_busy_worker_keeps_the_idle_ones() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), idle()]);
    endpoint.job("j1", &json!({}));
    bench.executor("echo up > up; until [ -e go ]; do sleep 0.02; done");
    let args = ["--spawn=2", "--disconnect-after-idle-timeout=1"];
    let agent = bench.start(&endpoint, &args);
    appears(&bench.path("builds/up")).await;
    // The other one is idle for longer than it may be.
    let pings = endpoint.asked("GET /v3/ping").len();
    endpoint.wait("GET /v3/ping", pings + 4).await;
    assert!(endpoint.asked("POST /v3/disconnect").is_empty());
    std::fs::write(bench.path("builds/go"), "").unwrap();
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(endpoint.asked("PUT /v3/jobs/j1/finish").len(), 1);
}

#[tokio::test]
async fn a_worker_that_had_its_job_obeys_a_pause_before_it_leaves() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), pause(), offer("j2")]);
    endpoint.job("j1", &json!({}));
    bench.executor("true");
    let ended = bench
        .start(&endpoint, &["--disconnect-after-job"])
        .ended()
        .await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(endpoint.asked("GET /v3/ping").len(), 3);
    let finish = endpoint.asked("PUT /v3/jobs/j1/finish");
    assert_eq!(finish[0].json()["ignore_agent_in_dispatches"], true);
    assert!(endpoint.asked("PUT /v3/jobs/j2/accept").is_empty());
}

#[tokio::test]
async fn a_paused_worker_takes_jobs_again_when_it_is_resumed() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [pause(), offer("j1"), disconnect()]);
    endpoint.job("j1", &json!({}));
    bench.executor("true");
    let ended = bench.start(&endpoint, &[]).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(endpoint.asked("PUT /v3/jobs/j1/finish").len(), 1);
}

#[tokio::test]
async fn an_action_from_the_future_changes_nothing() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    let strange: Value = json!({"action": "dance", "job": {"id": "j1"}, "more": [1]});
    endpoint.on("GET /v3/ping", [ok(&strange), disconnect()]);
    endpoint.job("j1", &json!({}));
    bench.executor("true");
    let ended = bench.start(&endpoint, &[]).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(endpoint.asked("PUT /v3/jobs/j1/finish").len(), 1);
}

//! Endpoints that send a worker elsewhere, or do not want it any more.

use serde_json::json;

use crate::agent::{Bench, appears};
use crate::endpoint::{Endpoint, Reply, disconnect, offer, ok, status};

fn registered(more: &serde_json::Value) -> Reply {
    let mut body = json!({
        "id": "worker-1", "name": "worker", "access_token": "access-token",
        "ping_interval": 1, "job_status_interval": 1, "heartbeat_interval": 1,
    });
    let more = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(more);
    ok(&body)
}

#[tokio::test]
async fn jobs_and_heartbeats_follow_a_ping_to_another_endpoint_and_the_goodbye_does_not() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("POST /v3/register", [registered(&json!({}))]);
    let there = endpoint.url.replace("/v3", "/v9");
    endpoint.on("GET /v3/ping", [ok(&json!({"endpoint": there}))]);
    endpoint.on("GET /v9/ping", [ok(&json!({})), offer("j1"), disconnect()]);
    let job = json!({"id": "j1", "env": {}});
    endpoint.on("PUT /v9/jobs/j1/accept", [ok(&job)]);
    bench.executor("echo $BUILDKITE_AGENT_ENDPOINT > where; until [ -e go ]; do sleep 0.02; done");
    let agent = bench.start(&endpoint, &[]);
    appears(&bench.path("builds/where")).await;
    let beats = endpoint.asked("POST /v9/heartbeat").len();
    endpoint.wait("POST /v9/heartbeat", beats + 1).await;
    std::fs::write(bench.path("builds/go"), "").unwrap();
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(endpoint.asked("GET /v3/ping").len(), 1);
    assert_eq!(endpoint.asked("PUT /v9/jobs/j1/finish").len(), 1);
    assert_eq!(endpoint.asked("POST /v3/disconnect").len(), 1);
    assert!(endpoint.asked("POST /v9/disconnect").is_empty());
    let told = std::fs::read_to_string(bench.path("builds/where")).unwrap();
    assert_eq!(told.trim_end(), there);
}

#[tokio::test]
async fn a_worker_stays_where_it_is_when_the_other_endpoint_does_not_answer() {
    for there in ["/v9", "ftp://nowhere", ""] {
        let (endpoint, bench) = (Endpoint::start().await, Bench::new());
        let named = match there {
            "/v9" => endpoint.url.replace("/v3", "/v9"),
            other => other.to_owned(),
        };
        let first = ok(&json!({"endpoint": named, "job": {"id": "j1"}}));
        endpoint.on("GET /v3/ping", [first, disconnect()]);
        endpoint.on("GET /v9/ping", [status(500)]);
        endpoint.job("j1", &json!({}));
        bench.executor("true");
        let ended = bench.start(&endpoint, &[]).ended().await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        let done = endpoint.asked("PUT /v3/jobs/j1/finish").len();
        assert_eq!(done, 1, "its job counts: {there:?}");
    }
}

#[tokio::test]
async fn the_registration_may_name_another_endpoint() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    let there = endpoint.url.replace("/v3", "/v9");
    let reply = registered(&json!({"endpoint": there}));
    endpoint.on("POST /v3/register", [reply]);
    endpoint.on("GET /v9/ping", [disconnect()]);
    let ended = bench.start(&endpoint, &[]).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let routes = endpoint.routes();
    let rest = ["POST /v9/connect", "GET /v9/ping", "POST /v9/disconnect"];
    assert_eq!(routes[1..], rest);
}

#[tokio::test]
async fn a_refused_heartbeat_cancels_the_job_and_ends_the_worker_in_order() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("POST /v3/register", [registered(&json!({}))]);
    endpoint.on("POST /v3/heartbeat", [status(404)]);
    endpoint.on("GET /v3/ping", [offer("j1")]);
    endpoint.job("j1", &json!({}));
    bench.executor("sleep 600 & wait");
    let ended = bench.start(&endpoint, &[]).ended().await;
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    let finish = endpoint.asked("PUT /v3/jobs/j1/finish")[0].json();
    assert_eq!(finish["signal_reason"], "agent_stop");
    assert_eq!(endpoint.asked("POST /v3/heartbeat").len(), 1);
    assert_eq!(endpoint.asked("POST /v3/disconnect").len(), 1);
}

#[tokio::test]
async fn heartbeats_go_on_through_a_job_and_a_failed_one_ends_nothing() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("POST /v3/register", [registered(&json!({}))]);
    let soon = status(503).header("Retry-After", "0.01");
    let taken = ok(&json!({"sent_at": "", "received_at": ""}));
    endpoint.on("POST /v3/heartbeat", [soon.clone(), soon, taken]);
    endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
    endpoint.job("j1", &json!({}));
    bench.executor("until [ -e go ]; do sleep 0.02; done");
    let agent = bench.start(&endpoint, &[]);
    endpoint.wait("POST /v3/heartbeat", 4).await;
    std::fs::write(bench.path("builds/go"), "").unwrap();
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
}

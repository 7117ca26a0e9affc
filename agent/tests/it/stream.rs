//! Jobs, pauses and ends that come on a stream, and what happens where there is none.

use serde_json::json;
use shared_supervise::Signal;

use crate::agent::{Bench, appears};
use crate::endpoint::{Endpoint, disconnect, offer, ok};
use crate::streams::Incoming;

const UNAVAILABLE: &str = "14";
const DEADLINE_EXCEEDED: &str = "4";

async fn streaming() -> (Endpoint, Incoming, Bench) {
    let endpoint = Endpoint::start().await;
    let incoming = endpoint.streams().offer();
    (endpoint, incoming, Bench::new())
}

#[tokio::test]
async fn a_job_of_the_stream_runs_and_no_ping_is_sent_beside_it() {
    let (endpoint, mut incoming, bench) = streaming().await;
    endpoint.on(
        "POST /v3/register",
        [ok(&json!({
            "id": "worker-1", "name": "worker", "access_token": "access-token", "ping_interval": 1,
            "request_headers": {"Buildkite-Shard": "s7"},
        }))],
    );
    endpoint.job("j1", &json!({}));
    endpoint.job("j2", &json!({}));
    bench.executor("exit 3");
    let agent = bench.start(&endpoint, &["--ping-mode=stream-only"]);
    let asked = incoming.asked().await;
    let header = |name| asked.headers.get(name).unwrap().to_str().unwrap();
    assert_eq!(header("authorization"), "Token access-token");
    assert_eq!(header("buildkite-shard"), "s7");
    assert_eq!(header("content-type"), "application/grpc+proto");
    assert_eq!(header("te"), "trailers");
    assert!(header("user-agent").starts_with("buildkite-agent/"));
    assert_eq!(
        asked.body,
        [&[0, 0, 0, 0, 10, 0x0a, 8][..], b"worker-1"].concat()
    );
    let stream = asked.open();
    stream.resume();
    stream.job("j1");
    stream.job("j2");
    let finish = endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
    assert_eq!(finish[0].json()["exit_status"], "3");
    endpoint.wait("PUT /v3/jobs/j2/finish", 1).await;
    stream.disconnect();
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(endpoint.asked("POST /v3/disconnect").len(), 1);
    assert!(endpoint.asked("GET /v3/ping").is_empty());
}

#[tokio::test]
async fn jobs_that_come_during_a_pause_wait_for_its_end() {
    let (endpoint, mut incoming, bench) = streaming().await;
    endpoint.job("j1", &json!({}));
    endpoint.job("j2", &json!({}));
    bench.executor("echo up > up.$BUILDKITE_JOB_ID; until [ -e go ]; do sleep 0.02; done");
    let agent = bench.start(&endpoint, &[]);
    let stream = incoming.opened().await;
    stream.job("j1");
    endpoint.wait("PUT /v3/jobs/j1/start", 1).await;
    stream.pause();
    stream.resume();
    stream.pause();
    stream.job("j2");
    std::fs::write(bench.path("builds/go"), "").unwrap();
    endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
    let pings = endpoint.asked("GET /v3/ping").len();
    stream.resume();
    endpoint.wait("PUT /v3/jobs/j2/finish", 1).await;
    stream.disconnect();
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("spring clean"), "{}", ended.log);
    assert_eq!(endpoint.asked("GET /v3/ping").len(), pings);
}

#[tokio::test]
async fn an_agent_that_is_told_to_end_during_a_job_ends_after_it() {
    let (endpoint, mut incoming, bench) = streaming().await;
    endpoint.job("j1", &json!({}));
    bench.executor("echo up > up; until [ -e go ]; do sleep 0.02; done; exit 4");
    let agent = bench.start(&endpoint, &[]);
    let stream = incoming.opened().await;
    stream.job("j1");
    appears(&bench.path("builds/up")).await;
    stream.disconnect();
    stream.resume();
    stream.job("j2");
    std::fs::write(bench.path("builds/go"), "").unwrap();
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(
        endpoint.asked("PUT /v3/jobs/j1/finish")[0].json()["exit_status"],
        "4"
    );
    assert!(endpoint.asked("PUT /v3/jobs/j2/accept").is_empty());
}

#[tokio::test]
async fn a_refused_stream_means_pings_for_good() {
    for code in ["7", "12", "16"] {
        let (endpoint, mut incoming, bench) = streaming().await;
        endpoint.job("j1", &json!({}));
        bench.executor("true");
        let agent = bench.start(&endpoint, &[]);
        incoming.asked().await.refuse(code);
        endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
        let ended = agent.ended().await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        assert_eq!(endpoint.asked("PUT /v3/jobs/j1/finish").len(), 1);
    }
}

#[tokio::test]
async fn without_streams_only_pings_are_left_and_without_pings_nothing_is() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [ok(&json!({})), disconnect()]);
    let ended = bench.start(&endpoint, &[]).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let ended = bench
        .start(&endpoint, &["--ping-mode=stream-only"])
        .ended()
        .await;
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    assert!(
        ended.log.contains("failed to stream pings"),
        "{}",
        ended.log
    );
    assert_eq!(endpoint.asked("POST /v3/disconnect").len(), 2);
}

#[tokio::test]
async fn of_many_workers_one_finds_out_that_there_are_no_streams() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    let args = ["--ping-mode=stream-only", "--spawn=20"];
    let ended = bench.start(&endpoint, &args).ended().await;
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    assert_eq!(endpoint.streams().missed(), 1, "{}", ended.log);
    assert_eq!(endpoint.asked("POST /v3/disconnect").len(), 20);
}

#[tokio::test]
async fn a_worker_that_only_polls_asks_for_no_stream() {
    for arg in [
        "--ping-mode=poll-only",
        "--ping-mode=ping-only",
        "--no-http2",
    ] {
        let (endpoint, bench) = (Endpoint::start().await, Bench::new());
        endpoint.on(
            "GET /v3/ping",
            [ok(&json!({})), ok(&json!({})), disconnect()],
        );
        let ended = bench.start(&endpoint, &[arg]).ended().await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        assert_eq!(endpoint.streams().missed(), 0);
    }
}

#[tokio::test]
async fn an_unavailable_stream_is_replaced_by_pings_until_it_is_back() {
    let (endpoint, mut incoming, bench) = streaming().await;
    endpoint.job("j1", &json!({}));
    endpoint.job("j2", &json!({}));
    bench.executor("true");
    let agent = bench.start(&endpoint, &[]);
    incoming.opened().await.end(UNAVAILABLE);
    endpoint.on("GET /v3/ping", [offer("j1"), ok(&json!({}))]);
    endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
    incoming.asked().await.page(503);
    let stream = incoming.opened().await;
    stream.job("j2");
    endpoint.wait("PUT /v3/jobs/j2/finish", 1).await;
    stream.disconnect();
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
}

#[tokio::test]
async fn a_stream_whose_time_is_over_is_renewed_without_a_ping() {
    let (endpoint, mut incoming, bench) = streaming().await;
    endpoint.job("j1", &json!({}));
    endpoint.job("j2", &json!({}));
    bench.executor("true");
    let agent = bench.start(&endpoint, &["--ping-mode=auto"]);
    let mut stream = incoming.opened().await;
    stream.job("j1");
    endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
    let pings = endpoint.asked("GET /v3/ping").len();
    for _ in 0..3 {
        stream.resume();
        stream.end(DEADLINE_EXCEEDED);
        stream = incoming.opened().await;
    }
    stream.job("j2");
    endpoint.wait("PUT /v3/jobs/j2/finish", 1).await;
    stream.disconnect();
    assert_eq!(agent.ended().await.code, Some(0));
    assert_eq!(endpoint.asked("GET /v3/ping").len(), pings);
}

#[tokio::test]
async fn a_job_survives_the_end_of_its_stream_and_pings_follow() {
    let (endpoint, mut incoming, bench) = streaming().await;
    endpoint.job("j1", &json!({}));
    bench.executor("echo up > up; until [ -e go ]; do sleep 0.02; done; exit 6");
    let agent = bench.start(&endpoint, &[]);
    let stream = incoming.opened().await;
    stream.job("j1");
    appears(&bench.path("builds/up")).await;
    let pings = endpoint.asked("GET /v3/ping").len();
    stream.break_off();
    incoming.asked().await.page(503);
    assert_eq!(endpoint.asked("GET /v3/ping").len(), pings);
    endpoint.on("GET /v3/ping", [disconnect()]);
    std::fs::write(bench.path("builds/go"), "").unwrap();
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(
        endpoint.asked("PUT /v3/jobs/j1/finish")[0].json()["exit_status"],
        "6"
    );
}

#[tokio::test]
async fn a_job_without_an_id_is_trouble_of_the_stream() {
    let (endpoint, mut incoming, bench) = streaming().await;
    let agent = bench.start(&endpoint, &["--ping-mode=stream-only"]);
    let stream = incoming.opened().await;
    stream.job("");
    stream.closed().await;
    incoming.opened().await.disconnect();
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("a job without an id"), "{}", ended.log);
}

#[tokio::test]
async fn after_its_one_job_a_streaming_worker_leaves_without_being_told() {
    let (endpoint, mut incoming, bench) = streaming().await;
    endpoint.job("j1", &json!({}));
    bench.executor("true");
    let args = ["--ping-mode=stream-only", "--disconnect-after-job"];
    let agent = bench.start(&endpoint, &args);
    let stream = incoming.opened().await;
    stream.job("j1");
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(endpoint.asked("POST /v3/disconnect").len(), 1);
}

#[tokio::test]
async fn a_worker_whose_endpoint_moves_streams_there() {
    // Its stream is asked for and never answered.
    let (old, _streams, bench) = streaming().await;
    let (new, mut new_streams, _) = streaming().await;
    old.on("GET /v3/ping", [ok(&json!({"endpoint": new.url}))]);
    new.job("j1", &json!({}));
    bench.executor("true");
    let agent = bench.start(&old, &[]);
    let stream = new_streams.opened().await;
    stream.job("j1");
    new.wait("PUT /v3/jobs/j1/finish", 1).await;
    stream.disconnect();
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(old.asked("POST /v3/disconnect").len(), 1);
}

#[tokio::test]
async fn a_signal_ends_an_agent_that_listens() {
    let (endpoint, mut incoming, bench) = streaming().await;
    let agent = bench.start(&endpoint, &["--spawn=3", "--ping-mode=stream-only"]);
    for _ in 0..3 {
        std::mem::forget(incoming.opened().await);
    }
    agent.signal(Signal::Terminate);
    assert_eq!(agent.ended().await.code, Some(0));
    assert_eq!(endpoint.asked("POST /v3/disconnect").len(), 3);
}

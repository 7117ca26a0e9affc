//! Streams from a gRPC server that others wrote, over TLS and real HTTP/2.

use std::time::Duration;

use tonic::Status;
use tonic::transport::Server;

use crate::agent::{Agent, Bench, appears};
use crate::endpoint::{Endpoint, disconnect, offer};
use crate::grpc::{self, CERTIFICATE, STRANGER};

fn trusting(bench: &Bench, endpoint: &Endpoint) -> Agent {
    bench.start_with(endpoint, &[], &[("SSL_CERT_FILE", CERTIFICATE)])
}

#[tokio::test]
async fn jobs_come_over_tls_from_a_foreign_server() {
    let bench = Bench::new();
    let (endpoint, mut incoming) = grpc::secure(Server::builder());
    endpoint.job("j1", &serde_json::json!({}));
    bench.executor("exit 3");
    let agent = trusting(&bench, &endpoint);
    let asked = incoming.asked().await;
    let metadata = asked.request.metadata();
    assert_eq!(metadata.get("authorization").unwrap(), "Token access-token");
    assert_eq!(asked.request.get_ref().agent_id, "worker-1");
    let stream = asked.open();
    stream.resume();
    stream.job("j1");
    let finish = endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
    assert_eq!(finish[0].json()["exit_status"], "3");
    stream.disconnect();
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(endpoint.asked("POST /v3/disconnect").len(), 1);
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_gets_no_token() {
    let bench = Bench::new();
    let (endpoint, _incoming) = grpc::secure(Server::builder());
    let agent = bench.start_with(&endpoint, &[], &[("SSL_CERT_FILE", STRANGER)]);
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    assert!(endpoint.routes().is_empty());
}

#[tokio::test]
async fn statuses_without_a_body_are_read_from_a_foreign_server() {
    for status in [
        Status::unimplemented("no"),
        Status::permission_denied("no"),
        Status::unauthenticated("who are you?"),
    ] {
        let bench = Bench::new();
        let (endpoint, mut incoming) = grpc::plain(Server::builder());
        endpoint.job("j1", &serde_json::json!({}));
        bench.executor("true");
        let agent = bench.start(&endpoint, &[]);
        incoming.asked().await.refuse(status);
        endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
        let ended = agent.ended().await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        assert_eq!(endpoint.asked("PUT /v3/jobs/j1/finish").len(), 1);
    }
}

/// What a foreign server does to its streams before a job comes on the next one.
#[tokio::test]
async fn a_stream_that_a_foreign_server_ends_is_followed_by_the_next() {
    for end in [
        Status::unavailable("moving"),
        Status::internal("panic"),
        Status::deadline_exceeded("enough"),
        Status::data_loss(&*"long ".repeat(1000)),
    ] {
        let bench = Bench::new();
        let (endpoint, mut incoming) = grpc::secure(Server::builder());
        endpoint.job("j1", &serde_json::json!({}));
        bench.executor("true");
        let agent = trusting(&bench, &endpoint);
        let stream = incoming.opened().await;
        stream.resume();
        stream.end(end);
        let stream = incoming.opened().await;
        stream.job("j1");
        endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
        stream.disconnect();
        let ended = agent.ended().await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
    }
}

#[tokio::test]
async fn a_server_that_sends_its_clients_away_loses_neither_job_nor_worker() {
    let bench = Bench::new();
    // GOAWAY on each connection after a moment; what is under way has time enough to come through.
    let server = Server::builder()
        .max_connection_age(Duration::from_millis(300))
        .max_connection_age_grace(Duration::from_secs(5));
    let (endpoint, mut incoming) = grpc::secure(server);
    endpoint.job("j1", &serde_json::json!({}));
    endpoint.job("j2", &serde_json::json!({}));
    bench.executor("echo up > up; until [ -e go ]; do sleep 0.02; done");
    let agent = trusting(&bench, &endpoint);
    let stream = incoming.opened().await;
    stream.job("j1");
    appears(&bench.path("builds/up")).await;
    stream.closed().await;
    std::fs::write(bench.path("builds/go"), "").unwrap();
    endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
    let stream = incoming.opened().await;
    stream.job("j2");
    endpoint.wait("PUT /v3/jobs/j2/finish", 1).await;
    incoming.opened().await.disconnect();
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
}

#[tokio::test]
async fn narrow_windows_and_signs_of_life_do_not_break_a_stream() {
    let bench = Bench::new();
    let server = Server::builder()
        .initial_stream_window_size(1024)
        .initial_connection_window_size(1024)
        .max_concurrent_streams(4)
        .max_frame_size(16_384)
        .http2_keepalive_interval(Some(Duration::from_millis(50)))
        .http2_keepalive_timeout(Some(Duration::from_secs(30)));
    let (endpoint, mut incoming) = grpc::secure(server);
    endpoint.job("j1", &serde_json::json!({}));
    // A log that takes many windows.
    bench.executor("head -c 300000 /dev/urandom | od -An -tx1");
    let agent = trusting(&bench, &endpoint);
    let stream = incoming.opened().await;
    stream.pause(&"long ".repeat(10_000));
    stream.resume();
    stream.job("j1");
    let finish = endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
    assert_eq!(finish[0].json()["chunks_failed_count"], 0);
    stream.disconnect();
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(endpoint.log("j1").len() > 900_000);
}

#[tokio::test]
async fn while_a_stream_does_not_answer_pings_bring_the_jobs() {
    let bench = Bench::new();
    let (endpoint, mut incoming) = grpc::secure(Server::builder());
    endpoint.job("j1", &serde_json::json!({}));
    bench.executor("true");
    let agent = trusting(&bench, &endpoint);
    let asked = incoming.asked().await;
    endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(endpoint.asked("PUT /v3/jobs/j1/finish").len(), 1);
    drop(asked);
}

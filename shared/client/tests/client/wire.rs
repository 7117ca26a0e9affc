//! Every route on a real socket: method, path, headers, body, and what is read from the answer.

use crate::endpoint::{Played, reply};
use bytes::Bytes;
use shared_client::Endpoint;
use shared_protocol::agent::{PingAction, RegisterRequest};
use shared_protocol::job::{ChunkPlace, FinishRequest, PromiseFailureRequest, StartRequest};
use shared_protocol::{JobId, Secret, SignalReason};

fn job() -> JobId {
    JobId::new("job.1")
}

fn finish() -> FinishRequest {
    FinishRequest {
        exit_status: "-1".into(),
        signal: Some("SIGTERM".into()),
        signal_reason: Some(SignalReason::Cancel),
        finished_at: "2026-01-01T00:00:00.000000001Z".into(),
        chunks_failed_count: 2,
        ignore_agent_in_dispatches: None,
    }
}

#[tokio::test]
async fn every_request_names_its_token_and_its_agent() {
    let played = Played::new(vec![reply(200, "{}")]).await;
    played.client.ping().await.unwrap();
    let seen = &played.seen()[0];
    assert_eq!(seen.header("authorization"), Some("Token tok-1"));
    let agent = seen.header("user-agent").unwrap();
    assert!(agent.starts_with("buildkite-agent/3.137.0.x ("), "{agent}");
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        assert!(agent.ends_with("(linux; amd64)"), "{agent}");
    }
}

#[tokio::test]
async fn register_sends_its_body_as_the_peer_encodes_it_and_reads_the_worker() {
    let answer = r#"{"id":"a1","name":"n","access_token":"t2","ping_interval":3,"more":1}"#;
    let played = Played::new(vec![reply(201, answer)]).await;
    let body = RegisterRequest {
        name: "<host> & co".into(),
        ..RegisterRequest::default()
    };
    let registered = played.client.register(&body).await.unwrap();
    assert_eq!(registered.id.as_str(), "a1");
    assert_eq!(registered.ping_interval, 3);
    let seen = &played.seen()[0];
    assert_eq!(seen.line, "POST /v3/register");
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("buildkite-timeout-milliseconds"), None);
    assert!(
        seen.text()
            .starts_with(r#"{"name":"\u003chost\u003e \u0026 co","#)
    );
    assert!(seen.text().ends_with("}\n"));
}

#[tokio::test]
async fn a_request_without_a_body_says_so_and_has_no_content_type() {
    let accepted = r#"{"id":"job.1"}"#;
    let played = Played::new(vec![reply(200, ""), reply(200, "{}"), reply(200, accepted)]).await;
    played.client.connect().await.unwrap();
    played.client.disconnect().await.unwrap();
    played.client.accept(&job()).await.unwrap();
    assert_eq!(
        played.lines(),
        [
            "POST /v3/connect",
            "POST /v3/disconnect",
            "PUT /v3/jobs/job%2E1/accept"
        ]
    );
    for seen in played.seen() {
        assert_eq!(seen.header("content-length"), Some("0"), "{}", seen.line);
        assert_eq!(seen.header("content-type"), None, "{}", seen.line);
        assert_eq!(seen.header("buildkite-timeout-milliseconds"), None);
    }
}

#[tokio::test]
async fn a_ping_brings_its_answer_and_any_answer_the_wanted_release() {
    let offer = r#"{"action":"pause","job":{"id":"j9"}}"#;
    let played = Played::new(vec![
        reply(200, offer).header("Trireme-Release-Serial", "12"),
        reply(200, "{}").header("Trireme-Release-Serial", "soon"),
        reply(200, r#"{"state":"running"}"#).header("Trireme-Release-Serial", "13"),
        reply(200, "{}").header("Trireme-Release-Serial", "11"),
    ])
    .await;
    let ping = played.client.ping().await.unwrap();
    let serial = played.client.transport().release_serial();
    assert_eq!(ping.action, PingAction::Pause);
    assert_eq!(ping.job.unwrap().id.as_str(), "j9");
    assert_eq!(*serial.borrow(), Some(12));
    played.client.ping().await.unwrap();
    assert_eq!(*serial.borrow(), Some(12), "a word is no serial");
    played.client.job_state(&JobId::new("j9")).await.unwrap();
    assert_eq!(*serial.borrow(), Some(13), "a job's poll counts, too");
    played.client.ping().await.unwrap();
    assert_eq!(*serial.borrow(), Some(13), "a serial never falls");
}

#[tokio::test]
async fn heartbeat_start_and_state_carry_their_fields() {
    let beat = r#"{"sent_at":"s","received_at":"r"}"#;
    let state = r#"{"state":"canceling"}"#;
    let played = Played::new(vec![reply(200, beat), reply(200, ""), reply(200, state)]).await;
    let heartbeat = played.client.heartbeat("s").await.unwrap();
    assert_eq!(heartbeat.received_at.as_deref(), Some("r"));
    let started = StartRequest {
        started_at: "now".into(),
    };
    played.client.start(&job(), &started).await.unwrap();
    let polled = played.client.job_state(&job()).await.unwrap();
    assert_eq!(polled.state, "canceling");
    let seen = played.seen();
    assert_eq!(seen[0].line, "POST /v3/heartbeat");
    assert_eq!(seen[0].text(), "{\"sent_at\":\"s\"}\n");
    assert_eq!(seen[1].line, "PUT /v3/jobs/job%2E1/start");
    assert_eq!(seen[1].text(), "{\"started_at\":\"now\"}\n");
    assert_eq!(seen[1].header("buildkite-timeout-milliseconds"), None);
    assert_eq!(seen[2].line, "GET /v3/jobs/job%2E1");
}

#[tokio::test]
async fn a_chunk_is_sent_as_it_was_compressed() {
    let played = Played::new(vec![reply(201, "")]).await;
    let place = ChunkPlace {
        sequence: 3,
        offset: 2048,
        size: 99,
    };
    let gzip = Bytes::from_static(b"\x1f\x8b not looked into");
    played
        .client
        .upload_chunk(&job(), place, gzip.clone())
        .await
        .unwrap();
    let seen = &played.seen()[0];
    assert_eq!(
        seen.line,
        "POST /v3/jobs/job%2E1/chunks?sequence=3&offset=2048&size=99"
    );
    assert_eq!(seen.header("content-type"), Some("text/plain"));
    assert_eq!(seen.header("content-encoding"), Some("gzip"));
    assert_eq!(seen.body, gzip);
}

#[tokio::test]
async fn finish_tells_how_long_it_waits() {
    let played = Played::new(vec![reply(200, "{}")]).await;
    played.client.finish(&job(), &finish()).await.unwrap();
    let seen = &played.seen()[0];
    assert_eq!(seen.line, "PUT /v3/jobs/job%2E1/finish");
    let millis: u64 = seen
        .header("buildkite-timeout-milliseconds")
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(millis, 60_000);
    assert!(seen.text().contains(r#""chunks_failed_count":2"#));
}

#[tokio::test]
async fn a_job_token_replaces_the_workers_unless_it_is_empty() {
    let played = Played::new(vec![reply(200, "{}")]).await;
    let job = played.client.with_token(&Secret::new("job-tok"));
    job.ping().await.unwrap();
    job.with_token(&Secret::default()).ping().await.unwrap();
    played.client.ping().await.unwrap();
    let tokens: Vec<_> = played
        .seen()
        .iter()
        .map(|seen| seen.header("authorization").unwrap().to_owned())
        .collect();
    assert_eq!(tokens, ["Token job-tok", "Token job-tok", "Token tok-1"]);
}

#[tokio::test]
async fn requested_headers_follow_the_worker_and_its_jobs_but_not_other_workers() {
    let registered = r#"{"id":"a","access_token":"w","request_headers":{"Buildkite-S":"1"}}"#;
    let changed = r#"{"request_headers":{"Buildkite-S":"2","X-No":"1"}}"#;
    let played = Played::new(vec![
        reply(200, registered),
        reply(200, changed),
        reply(200, "{}"),
    ]);
    let played = played.await;
    let answer = played
        .client
        .register(&RegisterRequest::default())
        .await
        .unwrap();
    let worker = played.client.for_worker(&answer).unwrap();
    let job = worker.with_token(&Secret::new("j"));
    worker.ping().await.unwrap();
    job.ping().await.unwrap();
    played.client.ping().await.unwrap();
    let sent: Vec<_> = played
        .seen()
        .iter()
        .map(|seen| seen.header("buildkite-s").map(str::to_owned))
        .collect();
    assert_eq!(sent, [None, Some("1".into()), Some("2".into()), None]);
    assert_eq!(worker.request_headers()["Buildkite-S"], "2");
}

#[tokio::test]
async fn a_worker_goes_where_its_registration_sends_it() {
    let played = Played::new(vec![reply(200, "{}")]).await;
    let mut answer = shared_protocol::agent::RegisterResponse {
        access_token: Secret::new("w"),
        ..Default::default()
    };
    let same = played.client.for_worker(&answer).unwrap();
    assert_eq!(same.endpoint().as_str(), played.base);
    answer.endpoint = played.base.replace("/v3", "/moved/");
    played
        .client
        .for_worker(&answer)
        .unwrap()
        .ping()
        .await
        .unwrap();
    let back = Endpoint::parse(&played.base).unwrap();
    played
        .client
        .for_worker(&answer)
        .unwrap()
        .with_endpoint(back)
        .ping()
        .await
        .unwrap();
    assert_eq!(played.lines(), ["GET /moved/ping", "GET /v3/ping"]);
    answer.endpoint = "nonsense".into();
    assert!(played.client.for_worker(&answer).is_err());
}

#[tokio::test]
async fn a_worker_never_speaks_with_the_token_it_registered_with() {
    let played = Played::new(vec![reply(200, "{}")]).await;
    let answer = shared_protocol::agent::RegisterResponse::default();
    let worker = played.client.for_worker(&answer).unwrap();
    let error = worker.connect().await.unwrap_err().to_string();
    assert!(error.contains("token"), "{error}");
    assert!(played.lines().is_empty(), "{:?}", played.lines());
}

#[tokio::test]
async fn workers_and_jobs_share_one_connection() {
    let played = Played::new(vec![
        reply(500, "<html>"),
        reply(404, "{}"),
        reply(200, "{}"),
    ])
    .await;
    let job = played.client.with_token(&Secret::new("j"));
    for _ in 0..3 {
        drop(played.client.ping().await);
        drop(job.ping().await);
    }
    let seen = played.seen();
    assert_eq!(seen.len(), 6);
    assert!(seen.iter().all(|one| one.peer == seen[0].peer));
}

#[tokio::test]
async fn a_secret_is_asked_for_by_its_key_with_the_headers_a_job_was_told() {
    let answer = r#"{"key":"a b.c&d","value":"hush","uuid":"u"}"#;
    let played = Played::new(vec![reply(200, answer)]).await;
    let headers = [("Buildkite-Shard".to_owned(), "7".to_owned())].into();
    let client = played.client.with_request_headers(&headers);
    let secret = client.secret(&job(), "a b.c&d").await.unwrap();
    assert_eq!(secret.value.expose(), "hush");
    let seen = &played.seen()[0];
    assert_eq!(seen.line, "GET /v3/jobs/job%2E1/secrets?key=a+b.c%26d");
    assert_eq!(seen.header("buildkite-shard"), Some("7"));
}

#[tokio::test]
async fn a_secret_is_asked_for_three_times_unless_it_is_refused() {
    for (status, attempts) in [(503, 3), (429, 3), (404, 1), (403, 1)] {
        let played = Played::new(vec![reply(status, "{}")]).await;
        let error = played.client.secret(&job(), "K").await.unwrap_err();
        assert_eq!(error.status(), Some(status));
        assert_eq!(played.seen().len(), attempts, "{status}");
    }
}

#[tokio::test]
async fn a_promised_failure_is_said_with_its_reason_if_there_is_one() {
    for (reason, body) in [
        (None, r#"{"exit_status":5}"#),
        (Some("flaky"), r#"{"exit_status":5,"reason":"flaky"}"#),
    ] {
        let played = Played::new(vec![reply(204, "")]).await;
        let promise = PromiseFailureRequest {
            exit_status: 5,
            reason: reason.map(str::to_owned),
        };
        played
            .client
            .promise_failure(&job(), &promise)
            .await
            .unwrap();
        let seen = &played.seen()[0];
        assert_eq!(seen.line, "PUT /v3/jobs/job%2E1/promise_failure");
        assert_eq!(seen.text().trim_end(), body);
    }
}

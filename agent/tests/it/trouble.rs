//! An endpoint that is down, confused or unwilling.

use serde_json::json;

use crate::agent::Bench;
use crate::endpoint::{Endpoint, disconnect, offer, ok, page, status};

#[tokio::test]
async fn pings_go_on_through_every_kind_of_trouble_and_it_is_logged_once() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    let trouble = [
        status(500),
        page(),
        status(429).header("Retry-After", "1"),
        status(503),
    ];
    let replies = trouble.into_iter().chain([offer("j1"), disconnect()]);
    endpoint.on("GET /v3/ping", replies);
    endpoint.job("j1", &json!({}));
    bench.executor("true");
    let agent = bench.start(&endpoint, &[]);
    endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0));
    let lines = |text: &str| ended.log.lines().filter(|line| line.contains(text)).count();
    assert_eq!(lines("does not answer"), 1, "{}", ended.log);
    assert_eq!(lines("answers again"), 1, "{}", ended.log);
}

#[tokio::test]
async fn an_endpoint_on_this_host_is_asked_past_any_proxy() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [disconnect()]);
    let proxies = [
        ("HTTP_PROXY", "http://proxy.invalid:1"),
        ("http_proxy", "http://proxy.invalid:1"),
    ];
    let ended = bench.start_with(&endpoint, &[], &proxies).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
}

#[tokio::test]
async fn an_answer_may_leave_out_what_it_does_not_need_to_say() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    let nobody =
        json!({"action": "", "job": {"id": null}, "request_headers": {"Buildkite-A": null}});
    endpoint.on("GET /v3/ping", [ok(&nobody), disconnect()]);
    let ended = bench.start(&endpoint, &[]).ended().await;
    assert_eq!(ended.code, Some(0));
    assert!(!ended.log.contains("does not answer"), "{}", ended.log);
}

#[tokio::test]
async fn a_wrong_token_is_one_request_and_one_clear_line() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("POST /v3/register", [status(401)]);
    let ended = bench.start(&endpoint, &[]).ended().await;
    assert_eq!(ended.code, Some(1));
    assert_eq!(endpoint.routes(), ["POST /v3/register"]);
    let errors: Vec<_> = ended
        .log
        .lines()
        .filter(|line| line.contains("ERROR"))
        .collect();
    assert_eq!(errors.len(), 1, "{}", ended.log);
    assert!(
        errors[0].contains("401") && errors[0].contains("token"),
        "{}",
        errors[0]
    );
    assert!(!ended.log.contains("registration-token"));
}

#[tokio::test]
async fn a_wrong_token_is_said_once_however_many_workers_have_it() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("POST /v3/register", [status(401)]);
    let ended = bench.start(&endpoint, &["--spawn=5"]).ended().await;
    assert_eq!(ended.code, Some(1));
    assert_eq!(
        ended
            .log
            .lines()
            .filter(|line| line.contains("ERROR"))
            .count(),
        1
    );
    assert!(endpoint.routes().len() <= 5);
}

#[tokio::test]
async fn a_worker_that_the_endpoint_forgot_says_goodbye_and_fails() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [ok(&json!({})), status(404)]);
    let ended = bench.start(&endpoint, &[]).ended().await;
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    assert_eq!(endpoint.asked("POST /v3/disconnect").len(), 1);
}

#[tokio::test]
async fn a_job_that_somebody_else_has_is_left_to_him() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
    endpoint.on("PUT /v3/jobs/j1/accept", [status(409)]);
    let ended = bench.start(&endpoint, &[]).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(endpoint.asked("PUT /v3/jobs/j1/accept").len(), 1);
    assert!(endpoint.asked("PUT /v3/jobs/j1/start").is_empty());
}

#[tokio::test]
async fn a_job_that_may_not_be_started_is_not_run_and_not_finished() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
    endpoint.on("PUT /v3/jobs/j1/start", [status(422)]);
    endpoint.job("j1", &json!({}));
    bench.executor("echo ran > ran");
    let ended = bench.start(&endpoint, &[]).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(endpoint.asked("PUT /v3/jobs/j1/finish").is_empty());
    assert!(!bench.path("builds/ran").exists());
}

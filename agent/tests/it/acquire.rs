//! Agents that are there for one job, which nobody offers them.

use serde_json::json;
use shared_supervise::Signal;

use crate::agent::{Agent, Bench, appears};
use crate::endpoint::{Endpoint, Reply, offer, ok, page, status};

const ACQUIRE: &str = "PUT /v3/jobs/j1/acquire";

async fn bench(replies: impl IntoIterator<Item = Reply>, script: &str) -> (Endpoint, Bench) {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on(ACQUIRE, replies);
    bench.executor(script);
    (endpoint, bench)
}

fn given() -> Reply {
    ok(&json!({"id": "j1", "env": {}, "token": "token-of-j1"}))
}

fn soon(code: u16) -> Reply {
    status(code).header("Retry-After", "0.01")
}

fn acquire(bench: &Bench, endpoint: &Endpoint) -> Agent {
    let args = ["--acquire-job=j1", "--reflect-exit-status"];
    bench.start(endpoint, &args)
}

#[tokio::test]
async fn the_job_comes_first_and_one_ping_after_it() {
    let (endpoint, bench) = bench([given()], "exit 21").await;
    let ended = acquire(&bench, &endpoint).ended().await;
    assert_eq!(ended.code, Some(21), "{}", ended.log);
    let routes = endpoint.routes();
    let told: Vec<&str> = routes
        .iter()
        .map(String::as_str)
        .filter(|route| !route.starts_with("GET /v3/jobs") && !route.ends_with("chunks"))
        .collect();
    assert_eq!(
        told,
        [
            "POST /v3/register",
            "POST /v3/connect",
            ACQUIRE,
            "PUT /v3/jobs/j1/start",
            "PUT /v3/jobs/j1/finish",
            "GET /v3/ping",
            "POST /v3/disconnect",
        ]
    );
    let body = endpoint.asked("POST /v3/register")[0].json();
    assert_eq!(body["ignore_in_dispatches"], true);
    let finish = &endpoint.asked("PUT /v3/jobs/j1/finish")[0];
    assert_eq!(finish.token, "Token token-of-j1");
}

#[tokio::test]
async fn a_job_that_the_last_ping_offers_is_told_of_and_not_run() {
    let (endpoint, bench) = bench([given()], "true").await;
    endpoint.on("GET /v3/ping", [offer("j2")]);
    let ended = acquire(&bench, &endpoint).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("job=j2"), "{}", ended.log);
    assert!(endpoint.asked("PUT /v3/jobs/j2/accept").is_empty());
}

#[tokio::test]
async fn a_failed_job_is_no_failure_of_the_agent_unless_asked_for() {
    let (endpoint, bench) = bench([given()], "exit 21").await;
    let agent = bench.start(&endpoint, &["--acquire-job=j1"]);
    assert_eq!(agent.ended().await.code, Some(0));
}

#[tokio::test]
async fn a_job_that_is_not_given_away_has_a_status_of_its_own() {
    for (code, asked, exit) in [(422, 1, 27), (423, 7, 28), (401, 1, 1), (404, 1, 1)] {
        let (endpoint, bench) = bench([soon(code)], "true").await;
        let ended = acquire(&bench, &endpoint).ended().await;
        assert_eq!(ended.code, Some(exit), "{code}: {}", ended.log);
        assert_eq!(endpoint.asked(ACQUIRE).len(), asked, "{code}");
        assert!(endpoint.asked("GET /v3/ping").is_empty(), "{code}");
        assert_eq!(endpoint.asked("POST /v3/disconnect").len(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_locked_job_and_every_trouble_that_passes_are_waited_for() {
    let trouble = [soon(423), soon(429), soon(500), soon(503), given()];
    let (endpoint, bench) = bench(trouble, "true").await;
    let ended = acquire(&bench, &endpoint).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(endpoint.asked(ACQUIRE).len(), 5);
}

#[tokio::test]
async fn a_page_in_the_place_of_the_job_is_no_job() {
    let (endpoint, bench) = bench([page(), given()], "true").await;
    let ended = acquire(&bench, &endpoint).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(endpoint.asked("PUT /v3/jobs/j1/finish").len(), 1);
}

#[tokio::test]
async fn a_job_that_may_not_start_is_a_failure() {
    let (endpoint, bench) = bench([given()], "true").await;
    endpoint.on("PUT /v3/jobs/j1/start", [status(422)]);
    let ended = acquire(&bench, &endpoint).ended().await;
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    assert_eq!(endpoint.asked("POST /v3/disconnect").len(), 1);
}

#[tokio::test]
async fn a_signal_ends_the_wait_for_a_job() {
    let locked = status(423).header("Retry-After", "100");
    let (endpoint, bench) = bench([locked], "true").await;
    let agent = acquire(&bench, &endpoint);
    endpoint.wait(ACQUIRE, 1).await;
    agent.signal(Signal::Terminate);
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(1), "the job did not run: {}", ended.log);
    assert_eq!(endpoint.asked("POST /v3/disconnect").len(), 1);
}

#[tokio::test]
async fn one_signal_lets_the_acquired_job_finish_and_two_cancel_it() {
    for (signals, exit) in [(1, 4), (2, 255)] {
        let script = "echo up > up; until [ -e go ]; do sleep 0.02; done; exit 4";
        let (endpoint, bench) = bench([given()], script).await;
        let agent = acquire(&bench, &endpoint);
        appears(&bench.path("builds/up")).await;
        agent.signal(Signal::Terminate);
        if signals == 2 {
            agent.signal(Signal::Interrupt);
        } else {
            std::fs::write(bench.path("builds/go"), "").unwrap();
        }
        let ended = agent.ended().await;
        assert_eq!(ended.code, Some(exit), "{signals}: {}", ended.log);
        assert!(endpoint.asked("GET /v3/ping").is_empty());
    }
}

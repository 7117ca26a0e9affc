//! The agent's own HTTP server, and the metrics it sends.

use serde_json::{Value, json};
use shared_supervise::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::agent::{Agent, Bench, until};
use crate::endpoint::{Endpoint, PATIENCE, disconnect, offer, ok, status};

const ANY_PORT: &str = "--health-check-addr=127.0.0.1:0";

/// An answer of the agent.
struct Answer {
    status: u16,
    headers: String,
    body: String,
}

/// Where the agent says that it listens.
async fn address(agent: &Agent) -> String {
    until("the agent says where it listens", || {
        let log = agent.log();
        let (_, rest) = log.split_once("status page at http://")?;
        let (address, _) = rest.split_once("/status")?;
        Some(address.to_owned())
    })
    .await
}

async fn ask(address: &str, method: &str, path: &str) -> Answer {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = connection.read_to_string(&mut answer);
    timeout(PATIENCE, read).await.unwrap().unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer {
        status,
        headers: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}

/// Asks again until the answer is as it should be.
async fn becomes(address: &str, path: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
    let asking = async {
        loop {
            let answer = ask(address, "GET", path).await;
            if wanted(&answer) {
                return answer;
            }
        }
    };
    let became = timeout(PATIENCE, asking).await;
    became.unwrap_or_else(|_| panic!("{path} becomes what it should"))
}

/// An agent with one job that runs until a file `go` appears in its folder.
async fn busy_agent(endpoint: &Endpoint, bench: &Bench) -> (Agent, String) {
    endpoint.on("GET /v3/ping", [offer("j1"), ok(&json!({}))]);
    endpoint.job(
        "j1",
        &json!({"BUILDKITE_PIPELINE_SLUG": "p<b>", "BUILDKITE_AGENT_META_DATA_QUEUE": "q"}),
    );
    bench.executor("until [ -e go ]; do sleep 0.02; done");
    let agent = bench.start(endpoint, &[ANY_PORT]);
    let address = address(&agent).await;
    becomes(&address, "/status.json", |it| it.body.contains("busy")).await;
    (agent, address)
}

#[tokio::test]
async fn supervisors_are_told_in_a_word() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    let (_agent, address) = busy_agent(&endpoint, &bench).await;
    for (path, status, body) in [
        ("/", 200, "OK: Buildkite agent is running"),
        ("/agent/1", 200, "OK: no heartbeat yet"),
        ("/agent/2", 404, "404 page not found\n"),
        ("/agent/x", 404, "404 page not found\n"),
        ("/else", 404, "404 page not found\n"),
        ("/health/v1/isConnectedToServer", 200, "OK!"),
        ("/health/latest/isConnectedToServer", 200, "OK!"),
    ] {
        let answer = ask(&address, "GET", path).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (status, body),
            "{path}"
        );
        let kind = "content-type: text/plain; charset=utf-8";
        assert!(answer.headers.contains(kind), "{path}: {}", answer.headers);
        let head = ask(&address, "HEAD", path).await;
        assert_eq!((head.status, head.body.as_str()), (status, ""), "{path}");
    }
    let posted = ask(&address, "POST", "/health/v1/isConnectedToServer").await;
    assert_eq!(posted.status, 405);
}

#[tokio::test]
async fn programs_find_a_job_while_it_runs_and_its_count_afterwards() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    let (agent, address) = busy_agent(&endpoint, &bench).await;
    let busy = ask(&address, "GET", "/status.json").await;
    let worker = json!({
        "status": "busy", "current_job_id": "j1", "id": "worker-1", "spawn_index": 1,
    });
    let whole = json!({"health": "ok", "aggregate_status": "busy", "workers": [worker]});
    assert_eq!(serde_json::from_str::<Value>(&busy.body).unwrap(), whole);

    std::fs::write(bench.path("builds").join("go"), "").unwrap();
    let ended = |it: &Answer| {
        it.body
            .contains("jobs_ended_total{priority=\"0\",queue=\"q\"} 1")
    };
    let metrics = becomes(&address, "/metrics", ended).await;
    let kind = "content-type: text/plain; version=0.0.4; charset=utf-8";
    assert!(metrics.headers.contains(kind), "{}", metrics.headers);
    for line in [
        "buildkite_agent_workers_started_total 1",
        "buildkite_agent_jobs_started_total{priority=\"0\",queue=\"q\"} 1",
        "buildkite_agent_jobs_running{priority=\"0\",queue=\"q\"} 0",
    ] {
        let there = metrics.body.lines().any(|it| it == line);
        assert!(there, "{}", metrics.body);
    }
    well_formed(&metrics.body);
    let idle = ask(&address, "GET", "/status.json").await;
    let worker = json!({"status": "idle", "id": "worker-1", "spawn_index": 1});
    let whole = json!({"health": "ok", "aggregate_status": "idle", "workers": [worker]});
    assert_eq!(serde_json::from_str::<Value>(&idle.body).unwrap(), whole);
    agent.signal(Signal::Terminate);
    assert_eq!(agent.ended().await.code, Some(0));
}

#[tokio::test]
async fn people_get_a_page_on_which_nothing_foreign_can_run() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    let (_agent, address) = busy_agent(&endpoint, &bench).await;
    let page = ask(&address, "GET", "/status").await;
    assert!(page.body.contains("1 of 1 worker busy"), "{}", page.body);
    assert!(page.body.contains("p&#60;b&#62;"), "{}", page.body);
    assert!(!page.body.contains("<b>"), "{}", page.body);
    let policy = "content-security-policy: default-src 'none'; style-src 'self'; script-src 'self'";
    assert!(page.headers.contains(policy), "{}", page.headers);
    let kinds = [("css", "text/css"), ("js", "text/javascript")];
    for (name, kind) in kinds {
        let path = format!("/status/trireme.{name}");
        assert!(page.body.contains(&format!("\"{path}\"")), "{}", page.body);
        let part = ask(&address, "GET", &path).await;
        let kind = format!("content-type: {kind}; charset=utf-8");
        assert!(part.status == 200 && part.headers.contains(&kind), "{path}");
    }
}

#[tokio::test]
async fn people_see_what_of_a_log_waits_until_nothing_does() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("POST /v3/jobs/j1/chunks", [status(503), ok(&json!({}))]);
    endpoint.on("GET /v3/ping", [offer("j1"), ok(&json!({}))]);
    endpoint.job("j1", &json!({}));
    bench.executor("echo words; until [ -e go ]; do sleep 0.02; done");
    let agent = bench.start(&endpoint, &[ANY_PORT]);
    let address = address(&agent).await;
    let waits = |it: &Answer| it.body.contains("of its log wait");
    becomes(&address, "/status", waits).await;
    becomes(&address, "/status", |it| !waits(it)).await;
    std::fs::write(bench.path("builds").join("go"), "").unwrap();
    agent.signal(Signal::Terminate);
    assert_eq!(agent.ended().await.code, Some(0));
}

/// Whether each line is one of the text format's, and each sample belongs to the family before it.
#[track_caller]
fn well_formed(text: &str) {
    assert!(text.ends_with('\n'));
    let mut family = "";
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            family = rest.split(' ').next().unwrap();
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with(family) && !family.is_empty(), "{line}");
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
}

#[tokio::test]
async fn an_endpoint_that_stops_answering_shows() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [ok(&json!({})), status(503)]);
    let agent = bench.start(&endpoint, &[ANY_PORT]);
    let address = address(&agent).await;
    let health = "/health/latest/isConnectedToServer";
    becomes(&address, health, |it| it.status == 200).await;
    let bad = becomes(&address, health, |it| it.status == 503).await;
    assert_eq!(bad.body, "Bad!");
    let page = ask(&address, "GET", "/status").await;
    let told = page.body.contains("Requests to the endpoint fail") && page.body.contains("503");
    assert!(told, "{}", page.body);
    assert_eq!(ask(&address, "GET", "/").await.status, 200);
}

#[tokio::test]
async fn an_address_that_somebody_else_has_costs_no_job() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
    endpoint.job("j1", &json!({}));
    bench.executor("exit 0");
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let agent = bench.start(&endpoint, &[&format!("--health-check-addr={address}")]);
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let line = format!("no status page, cannot listen on {address}: ");
    assert!(ended.log.contains(&line), "{}", ended.log);
}

#[tokio::test]
async fn finished_jobs_are_told_to_dogstatsd() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
    endpoint.job(
        "j1",
        &json!({"BUILDKITE_PIPELINE_SLUG": "p", "BUILDKITE_BRANCH": "a/b"}),
    );
    bench.executor("exit 3");
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let host = format!("--metrics-datadog-host={}", server.local_addr().unwrap());
    let agent = bench.start(&endpoint, &["--metrics-datadog", &host]);
    let mut packet = vec![0; 65_536];
    let mut text = String::new();
    while !text.contains("jobs.failed") {
        let received = timeout(PATIENCE, server.recv(&mut packet)).await;
        text.push_str(&String::from_utf8_lossy(
            &packet[..received.unwrap().unwrap()],
        ));
    }
    let tags = "|#agent_name:worker,branch:a_b,exit_code:3,pipeline:p";
    let (timing, count) = text.split_once('\n').unwrap();
    assert!(
        timing.starts_with("buildkite.jobs.duration.error:"),
        "{text}"
    );
    assert!(timing.ends_with(&format!("|ms{tags}")), "{text}");
    assert_eq!(count, format!("buildkite.jobs.failed:1|c{tags}"));
    assert_eq!(agent.ended().await.code, Some(0));
}

#[tokio::test]
async fn an_agent_whose_page_is_under_attack_goes_on_with_its_work() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    bench.executor("true");
    let agent = bench.start(&endpoint, &[ANY_PORT]);
    let address = address(&agent).await;
    let mut held = Vec::new();
    let long = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(10_000));
    for part in ["", "GET /status HTT", &long].iter().cycle().take(300) {
        let mut connection = TcpStream::connect(&address).await.unwrap();
        // It may be refused before it is all there.
        let _ = connection.write_all(part.as_bytes()).await;
        held.push(connection);
    }
    endpoint.job("j1", &json!({}));
    endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(endpoint.asked("PUT /v3/jobs/j1/finish").len(), 1);
    drop(held);
}

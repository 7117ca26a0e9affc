//! Traces and log records of jobs, from the agent's settings and the endpoint's policy to a collector.

use otlp_collector::{Collector, Health};
use serde_json::{Value, json};

use crate::agent::{Bench, Ended};
use crate::endpoint::{Endpoint, disconnect, offer, ok};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// An endpoint with one job that runs this command, and a worker that is registered with this
/// policy.
async fn with_job(command: &str, policy: &Value, more: &Value) -> Endpoint {
    let endpoint = Endpoint::start().await;
    endpoint.on(
        "POST /v3/register",
        [ok(&json!({
            "id": "worker-1", "name": "worker", "access_token": "access-token",
            "ping_interval": 1, "job_status_interval": 1, "heartbeat_interval": 60,
            "tracing": policy,
        }))],
    );
    endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
    let mut env = json!({
        "BUILDKITE_JOB_ID": "j1",
        "BUILDKITE_AGENT_NAME": "box-1",
        "BUILDKITE_ORGANIZATION_SLUG": "fleet",
        "BUILDKITE_PIPELINE_SLUG": "oars",
        "BUILDKITE_REPO": "/none",
        "BUILDKITE_COMMIT": "HEAD",
        "BUILDKITE_BRANCH": "main",
        "BUILDKITE_PIPELINE_PROVIDER": "git",
        "BUILDKITE_SKIP_CHECKOUT": "true",
        "BUILDKITE_COMMAND": command,
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        env[name] = value.clone();
    }
    let job = json!({
        "id": "j1", "env": env, "token": "token-of-j1",
        "traceparent": format!("00-{TRACE}-00f067aa0ba902b7-01"), "tracestate": "vendor=1",
        "runnable_at": "2026-01-01T00:00:00Z",
    });
    endpoint.on("PUT /v3/jobs/j1/accept", [ok(&job)]);
    endpoint
}

/// Runs that job by the agent's own executor.
async fn run(endpoint: &Endpoint, args: &[&str], env: &[(&str, &str)]) -> Ended {
    let bench = Bench::new();
    bench.executor(&format!("exec {} bootstrap", env!("CARGO_BIN_EXE_agent")));
    let args = [&["--log-level=debug"], args].concat();
    let agent = bench.start_with(endpoint, &args, env);
    let finish = endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
    assert_eq!(
        finish[0].json()["exit_status"],
        "0",
        "{}",
        endpoint.log("j1")
    );
    agent.ended().await
}

#[tokio::test]
async fn a_job_of_a_traced_agent_continues_the_endpoints_trace() {
    let collector = Collector::start(Health::Well);
    let endpoint = with_job("echo ahoy", &Value::Null, &Value::Null).await;
    let args = [
        "--tracing-backend=opentelemetry",
        "--tracing-propagate-traceparent",
        "--tracing-service-name=shipyard",
        "--job-logs-otlp",
    ];
    let url = collector.url();
    run(&endpoint, &args, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &url)]).await;
    let received = collector.received();
    let root = received.span("fleet/oars/job");
    assert_eq!((&*root.trace, &*root.parent), (TRACE, "00f067aa0ba902b7"));
    assert_eq!(root.resource["service.name"], "shipyard");
    let line = received.lines.iter().find(|line| line.text == "ahoy");
    let command = received.span("default command hook");
    assert_eq!(line.expect("the line").span, command.id);
    let register = endpoint.asked("POST /v3/register")[0].json();
    let features = register["features"].as_array().unwrap();
    assert!(
        features.contains(&json!("opentelemetry-tracing")),
        "{features:?}"
    );
}

#[tokio::test]
async fn an_endpoints_exporter_reaches_jobs_and_neither_files_nor_logs() {
    let collector = Collector::start(Health::Well);
    let policy = json!({
        "backend": "opentelemetry",
        "propagate_traceparent": true,
        "exporter": {
            "endpoint": format!("{}/k3y/v1/traces", collector.url()),
            "protocol": "http/protobuf",
            "headers": {"Authorization": "Bearer pa,ss+word"},
        },
    });
    let command = "echo \"see $OTEL_EXPORTER_OTLP_TRACES_PROTOCOL\"; cat $BUILDKITE_ENV_FILE \
                   $BUILDKITE_ENV_JSON_FILE; env | grep HEADERS";
    let endpoint = with_job(command, &policy, &Value::Null).await;
    let ended = run(&endpoint, &[], &[]).await;
    let received = collector.received();
    assert_eq!(received.span("fleet/oars/job").trace, TRACE);
    let call = &received.calls[0];
    assert_eq!(call.path, "/k3y/v1/traces");
    assert_eq!(call.headers["authorization"], "Bearer pa,ss+word");
    let log = endpoint.log("j1");
    assert!(log.contains("see http/protobuf"), "{log}");
    assert!(
        log.contains("OTEL_EXPORTER_OTLP_TRACES_HEADERS=[REDACTED]"),
        "{log}"
    );
    assert!(!log.contains("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), "{log}");
    let told = format!("exporter {}", collector.url());
    assert!(ended.log.contains(&told), "{}", ended.log);
    for text in [&log, &ended.log] {
        assert!(!text.contains("word") && !text.contains("k3y"), "{text}");
    }
}

#[tokio::test]
async fn an_endpoints_exporter_gives_way_to_the_agents_and_to_the_jobs_own() {
    let (own, theirs) = (
        Collector::start(Health::Well),
        Collector::start(Health::Well),
    );
    let policy = json!({
        "backend": "opentelemetry",
        "exporter": {"endpoint": theirs.url(), "protocol": "grpc", "headers": null},
    });
    let url = own.url();
    let endpoint = with_job("true", &policy, &Value::Null).await;
    run(&endpoint, &[], &[("OTEL_EXPORTER_OTLP_ENDPOINT", &url)]).await;
    assert_ne!(own.received().span("fleet/oars/job").trace, TRACE);
    let of_job = json!({"OTEL_EXPORTER_OTLP_ENDPOINT": url});
    let endpoint = with_job("true", &policy, &of_job).await;
    run(&endpoint, &[], &[]).await;
    let roots = own.received().spans;
    let roots = roots.iter().filter(|span| span.name == "fleet/oars/job");
    assert_eq!(roots.count(), 2);
    assert!(theirs.received().calls.is_empty());
}

#[tokio::test]
async fn a_policy_for_something_else_is_told_and_changes_nothing() {
    let policy = json!({"backend": "sextant", "propagate_traceparent": true, "exporter": null});
    let endpoint = with_job("echo \"see ${TRACEPARENT-none}\"", &policy, &Value::Null).await;
    let ended = run(&endpoint, &[], &[]).await;
    assert!(endpoint.log("j1").contains("see none"));
    assert!(ended.log.contains("\"sextant\""), "{}", ended.log);
}

#[tokio::test]
async fn finished_jobs_are_metrics_with_what_they_were() {
    for protocol in ["grpc", "http/protobuf"] {
        let collector = Collector::start(Health::Well);
        let of_job = json!({
            "BUILDKITE_BRANCH": "main", "BUILDKITE_SOURCE": "webhook",
            "BUILDKITE_AGENT_META_DATA_QUEUE": "slow",
        });
        let endpoint = with_job("true", &Value::Null, &of_job).await;
        let url = collector.url();
        let env = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &*url),
            ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", protocol),
        ];
        run(&endpoint, &["--opentelemetry-metrics"], &env).await;
        let received = collector.received();
        assert_eq!(
            received.calls.len(),
            1,
            "an agent that ends sends once more"
        );
        for (name, unit) in [
            ("queue.duration", "ms"),
            ("jobs.duration", "ms"),
            ("jobs.finished", ""),
        ] {
            let number = received.numbers.iter().find(|number| number.name == name);
            let number = number.unwrap_or_else(|| panic!("{name} in {:?}", received.numbers));
            assert_eq!((number.count, number.unit.as_str()), (1, unit), "{name}");
            assert_eq!(number.resource["service.name"], "buildkite-agent");
            for (attribute, value) in [
                ("agent_name", "worker"),
                ("pipeline", "oars"),
                ("org", "fleet"),
                ("branch", "main"),
                ("source", "webhook"),
                ("queue", "slow"),
            ] {
                assert_eq!(number.attributes[attribute], value, "{name}");
            }
            let exit = number.attributes.get("exit_code").map(String::as_str);
            assert_eq!(exit, (name != "queue.duration").then_some("0"));
        }
    }
}

#[tokio::test]
async fn metrics_are_sent_while_the_agent_runs_and_again_after_an_outage() {
    let collector = Collector::start(Health::Busy);
    let endpoint = with_job("true", &Value::Null, &Value::Null).await;
    endpoint.on("GET /v3/ping", [offer("j1"), ok(&json!({}))]);
    let bench = Bench::new();
    bench.executor("exit 0");
    let url = collector.url();
    let env = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*url),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1"),
    ];
    let agent = bench.start_with(&endpoint, &["--opentelemetry-metrics"], &env);
    let waiting = collector.clone();
    // Each export is tried four times before it counts as failed.
    let refused = move || waiting.wait_for("call", |received| received.calls.len() > 4);
    tokio::task::spawn_blocking(refused).await.unwrap();
    collector.is_now(Health::Well);
    endpoint.on("GET /v3/ping", [disconnect()]);
    let ended = agent.ended().await;
    assert!(ended.log.contains("metrics did not reach"), "{}", ended.log);
    let received = collector.received();
    let finished = received
        .numbers
        .iter()
        .find(|number| number.name == "jobs.finished");
    assert_eq!(finished.expect("the job").count, 1);
}

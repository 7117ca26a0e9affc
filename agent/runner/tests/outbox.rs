//! A result that the endpoint does not take for days. The days are injected: waits take no time,
//! and move the clock.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_log_stream::Marks;
use agent_metrics::Metrics;
use agent_process::Signal;
use agent_runner::environment::AgentVariables;
use agent_runner::outbox::{Outbox, outbox};
use agent_runner::records::Records;
use agent_runner::recover::recover;
use agent_runner::{ExecutorOutput, Finished, JobSettings, LogSettings, Offered};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use serde_json::{Value, json};
use shared_client::{Client, Endpoint, Pacing, Transport};
use shared_protocol::{JobId, Secret};
use shared_supervise::ProcessId;
use tokio::time::Instant;

const HOUR: Duration = Duration::from_hours(1);

/// A clock that only waits move, and an endpoint that takes results from a time on.
#[derive(Debug)]
struct World {
    start: Instant,
    passed: Mutex<Duration>,
    answers: fn(Duration) -> StatusCode,
    results: Mutex<Vec<Value>>,
    attempts: Mutex<u32>,
}

impl World {
    fn new(answers: fn(Duration) -> StatusCode) -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            passed: Mutex::default(),
            answers,
            results: Mutex::default(),
            attempts: Mutex::default(),
        })
    }

    fn passed(&self) -> Duration {
        *self.passed.lock().unwrap()
    }

    fn attempts(&self) -> u32 {
        *self.attempts.lock().unwrap()
    }

    fn results(&self) -> Vec<Value> {
        self.results.lock().unwrap().clone()
    }
}

impl Pacing for World {
    fn now(&self) -> Instant {
        self.start + self.passed()
    }

    fn random(&self) -> f64 {
        0.5
    }

    fn wait(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        *self.passed.lock().unwrap() += time;
        Box::pin(tokio::task::yield_now())
    }
}

async fn finish(State(world): State<Arc<World>>, body: Bytes) -> StatusCode {
    *world.attempts.lock().unwrap() += 1;
    let answer = (world.answers)(world.passed());
    if answer == StatusCode::OK {
        let result = serde_json::from_slice(&body).unwrap();
        world.results.lock().unwrap().push(result);
    }
    answer
}

async fn serve(world: Arc<World>) -> String {
    let job = json!({"id": "j1", "env": {}, "token": "job-token"});
    let app = Router::new()
        .route("/v3/jobs/j1/accept", put(axum::Json(job)))
        .route("/v3/jobs/j1/start", put(async || "{}"))
        .route("/v3/jobs/j1", get(async || r#"{"state":"running"}"#))
        .route("/v3/jobs/j1/chunks", post(async || "{}"))
        .route("/v3/jobs/j1/finish", put(finish))
        .with_state(world);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v3", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}

fn own() -> ProcessId {
    ProcessId::own().unwrap()
}

/// One whose records are anybody's.
fn gone() -> ProcessId {
    ProcessId {
        pid: u32::MAX - 1,
        start: 1,
    }
}

fn settings(folder: &Path, agent: ProcessId, outbox: Outbox) -> JobSettings {
    JobSettings {
        executor: ["/bin/sh", "-c", "exit 7"].map(Into::into).to_vec(),
        build_path: folder.to_owned(),
        context_folder: folder.to_owned(),
        settings_in_env_file: false,
        output: ExecutorOutput::Pipe,
        log: LogSettings {
            marks: Marks::None,
            copy_folder: None,
            stdout: None,
        },
        cancel_signal: Signal::TERM,
        cancel_grace: Duration::from_secs(10),
        checks: Arc::default(),
        variables: AgentVariables::default(),
        last_job: false,
        records: Records::new(Some(folder.join("jobs")), agent),
        metrics: Metrics::none(),
        outbox,
    }
}

async fn run(world: &Arc<World>, settings: JobSettings) -> Finished {
    let url = serve(Arc::clone(world)).await;
    let offered = Offered {
        job: JobId::new("j1"),
        client: Client::new(
            Transport::with_pacing("0.0.0", Arc::clone(world) as _).unwrap(),
            Endpoint::parse(&url).unwrap(),
            Secret::new("worker-token"),
        ),
        settings: Arc::new(settings),
        poll_interval: Duration::from_secs(1),
        stop: tokio_util::sync::CancellationToken::new(),
        worker: 1,
        agent_name: "worker".into(),
    };
    let all = tokio::task::LocalSet::new();
    all.run_until(Box::pin(agent_runner::run(offered)))
        .await
        .unwrap()
}

fn records(folder: &Path) -> usize {
    std::fs::read_dir(folder.join("jobs")).unwrap().count()
}

#[tokio::test]
async fn a_worker_goes_on_after_an_hour_and_the_result_arrives_after_three_days() {
    let world = World::new(|passed| match passed {
        passed if passed < 72 * HOUR => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::OK,
    });
    let folder = tempfile::tempdir().unwrap();
    let (outbox, deliveries) = outbox(Arc::clone(&world) as _);
    let finished = run(&world, settings(folder.path(), own(), outbox)).await;
    assert!(!finished.delivered);
    let waited = world.passed();
    assert!(waited > HOUR / 2 && waited < 2 * HOUR, "{waited:?}");
    assert_eq!(records(folder.path()), 1, "the record stays");

    deliveries.run().await;
    assert_eq!(world.results().len(), 1);
    assert_eq!(world.results()[0]["exit_status"], "7");
    assert!(world.passed() < 73 * HOUR, "it arrives soon after");
    assert!(world.attempts() < 1000, "{} attempts", world.attempts());
    assert_eq!(records(folder.path()), 0);
}

#[tokio::test]
async fn a_result_that_is_refused_at_last_is_not_owed_any_more() {
    let world = World::new(|passed| match passed {
        passed if passed < 3 * HOUR => StatusCode::BAD_GATEWAY,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    });
    let folder = tempfile::tempdir().unwrap();
    let (outbox, deliveries) = outbox(Arc::clone(&world) as _);
    run(&world, settings(folder.path(), own(), outbox)).await;
    deliveries.run().await;
    assert!(world.results().is_empty());
    assert_eq!(records(folder.path()), 0);
}

#[tokio::test]
async fn the_next_agent_delivers_what_this_one_owes() {
    let world = World::new(|passed| match passed {
        passed if passed < 2 * HOUR => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::OK,
    });
    let folder = tempfile::tempdir().unwrap();
    let (first, unsent) = outbox(Arc::clone(&world) as _);
    run(&world, settings(folder.path(), gone(), first)).await;
    drop(unsent); // the agent ends

    let (second, deliveries) = outbox(Arc::clone(&world) as _);
    let records_of_both = Records::new(Some(folder.path().join("jobs")), own());
    let transport = Transport::with_pacing("0.0.0", Arc::clone(&world) as _).unwrap();
    recover(&records_of_both, &transport, &second);
    recover(&records_of_both, &transport, &second);
    drop(second);
    deliveries.run().await;
    assert_eq!(world.results().len(), 1, "taken over once");
    assert_eq!(world.results()[0]["exit_status"], "7");
    assert_eq!(records(folder.path()), 0);
}

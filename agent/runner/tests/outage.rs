//! An endpoint that is away for a minute in the middle of a job. The minute is injected: waits
//! between attempts take no time, and move the clock by which the endpoint comes back.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_log_stream::Marks;
use agent_metrics::Metrics;
use agent_process::Signal;
use agent_runner::environment::AgentVariables;
use agent_runner::outbox::outbox;
use agent_runner::records::Records;
use agent_runner::{ExecutorOutput, JobSettings, LogSettings, Offered};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use serde_json::{Value, json};
use shared_client::{Client, Endpoint, Pacing, Transport};
use shared_protocol::job::ChunkPlace;
use shared_protocol::{JobId, Secret};
use shared_supervise::ProcessId;
use tokio::time::Instant;

/// How long the endpoint is away.
const OUTAGE: Duration = Duration::from_mins(1);

/// A clock that only waits move.
#[derive(Debug)]
struct Injected {
    start: Instant,
    passed: Mutex<Duration>,
}

impl Injected {
    fn passed(&self) -> Duration {
        *self.passed.lock().unwrap()
    }
}

impl Pacing for Injected {
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

/// What the endpoint has seen. It goes away when the first chunk comes, and again when the job
/// wants to finish.
#[derive(Debug)]
struct Played {
    clock: Arc<Injected>,
    away_until: Mutex<BTreeMap<&'static str, Duration>>,
    refused: Mutex<BTreeMap<&'static str, u32>>,
    chunks: Mutex<BTreeMap<u64, (u64, Vec<u8>)>>,
    finish: Mutex<Option<Value>>,
}

impl Played {
    /// Whether this route answers by now; its first request begins its outage.
    fn is_back(&self, route: &'static str) -> bool {
        let now = self.clock.passed();
        let mut away_until = self.away_until.lock().unwrap();
        let back = now >= *away_until.entry(route).or_insert(now + OUTAGE);
        if !back {
            *self.refused.lock().unwrap().entry(route).or_default() += 1;
        }
        back
    }
}

async fn chunk(
    State(played): State<Arc<Played>>,
    Query(place): Query<ChunkPlace>,
    body: Bytes,
) -> StatusCode {
    if !played.is_back("chunks") {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&body[..])
        .read_to_end(&mut plain)
        .unwrap();
    assert_eq!(plain.len() as u64, place.size);
    let before = played
        .chunks
        .lock()
        .unwrap()
        .insert(place.sequence, (place.offset, plain));
    assert!(before.is_none(), "chunk {} came twice", place.sequence);
    StatusCode::CREATED
}

async fn finish(State(played): State<Arc<Played>>, body: Bytes) -> StatusCode {
    if !played.is_back("finish") {
        return StatusCode::BAD_GATEWAY;
    }
    let told = serde_json::from_slice(&body).unwrap();
    assert!(
        played.finish.lock().unwrap().replace(told).is_none(),
        "finished twice"
    );
    StatusCode::OK
}

/// Serves on a free port, and returns the address.
async fn serve(played: Arc<Played>) -> String {
    let job = json!({"id": "j1", "env": {}, "chunks_max_size_bytes": 65536, "token": "job-token"});
    let app = Router::new()
        .route("/v3/jobs/j1/accept", put(axum::Json(job)))
        .route("/v3/jobs/j1/start", put(async || "{}"))
        .route("/v3/jobs/j1", get(async || r#"{"state":"running"}"#))
        .route("/v3/jobs/j1/chunks", post(chunk))
        .route("/v3/jobs/j1/finish", put(finish))
        .with_state(played);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v3", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}

fn settings(folder: &std::path::Path) -> JobSettings {
    JobSettings {
        executor: ["/bin/sh", "-c", "seq 1 300000; exit 7"]
            .map(Into::into)
            .to_vec(),
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
        variables: AgentVariables {
            inherited: vec![("PATH".into(), "/usr/bin:/bin".into())],
            ..AgentVariables::default()
        },
        last_job: false,
        records: Records::new(None, ProcessId::own().unwrap()),
        metrics: Metrics::none(),
        outbox: outbox(Arc::new(shared_client::RealPacing)).0,
    }
}

#[tokio::test]
async fn an_endpoint_that_is_away_for_a_minute_costs_no_byte_and_no_result() {
    let clock = Arc::new(Injected {
        start: Instant::now(),
        passed: Mutex::default(),
    });
    let played = Arc::new(Played {
        clock: clock.clone(),
        away_until: Mutex::default(),
        refused: Mutex::default(),
        chunks: Mutex::default(),
        finish: Mutex::default(),
    });
    let url = serve(played.clone()).await;
    let folder = tempfile::tempdir().unwrap();
    let transport = Transport::with_pacing("0.0.0", clock.clone()).unwrap();
    let offered = Offered {
        job: JobId::new("j1"),
        client: Client::new(
            transport,
            Endpoint::parse(&url).unwrap(),
            Secret::new("worker-token"),
        ),
        settings: Arc::new(settings(folder.path())),
        poll_interval: Duration::from_secs(1),
        stop: tokio_util::sync::CancellationToken::new(),
        worker: 1,
        agent_name: "worker".into(),
    };

    tokio::task::LocalSet::new()
        .run_until(Box::pin(agent_runner::run(offered)))
        .await
        .unwrap();

    let mut log = Vec::new();
    for (number, (sequence, (offset, bytes))) in played.chunks.lock().unwrap().iter().enumerate() {
        assert_eq!((*sequence, *offset), (number as u64 + 1, log.len() as u64));
        log.extend_from_slice(bytes);
    }
    let wanted: Vec<String> = (1..=300_000).map(|number| format!("{number}\n")).collect();
    assert!(
        log == wanted.concat().as_bytes(),
        "the log arrived whole, {} bytes",
        log.len()
    );
    let finish = played.finish.lock().unwrap().take().unwrap();
    assert_eq!(
        (&finish["exit_status"], &finish["chunks_failed_count"]),
        (&json!("7"), &json!(0))
    );
    let refused = played.refused.lock().unwrap().clone();
    assert!(
        refused["chunks"] >= 3 && refused["finish"] >= 3,
        "both outages were met: {refused:?}"
    );
    assert!(
        clock.passed() >= 2 * OUTAGE,
        "two minutes of injected time passed"
    );
}

//! The whole HTTP side through real connections, with a clock of the tests' own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agent_life;
mod fences;
mod hosts;
mod logs;
mod orders;
mod pages;
mod releases;
mod rest;
mod silence;

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::{Client, Method, Response, StatusCode, redirect};
use serde_json::{Value, json};
use server_api::{Server, Settings, Sweeper};
use server_jobs::Moment;
use server_releases::Tree;
use server_store::{DataDir, Store, TokenKind};
use tempfile::TempDir;

/// 2026-01-01 00:00:00 UTC.
const START: u64 = 1_767_225_600_000;

/// A server on a free port.
struct Bed {
    folder: TempDir,
    url: String,
    client: Client,
    clock: Arc<AtomicU64>,
    sweeper: Sweeper,
    store: Store,
    registration: String,
    api: String,
}

/// A registered worker.
struct Agent {
    id: String,
    token: String,
}

/// A job that a worker accepted.
struct Job {
    path: String,
    token: String,
    env: Value,
}

impl Bed {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::prepare(folder.path()).unwrap();
        let store = Store::open(&dir).await.unwrap();
        let clock = Arc::new(AtomicU64::new(START));
        let now = {
            let clock = Arc::clone(&clock);
            move || Moment::from_millis(clock.load(Ordering::SeqCst))
        };
        let registration = store
            .create_token(TokenKind::Agent, "", now())
            .await
            .unwrap();
        let api = store
            .create_token(TokenKind::Api, "Ada", now())
            .await
            .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let settings = Settings {
            url: url.clone(),
            ..Settings::default()
        };
        let server = Server::new(
            store.clone(),
            Tree::new(folder.path()),
            settings,
            Arc::new(now),
        );
        let router = server_api::router(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            folder,
            url,
            client: Client::builder()
                .no_proxy()
                .redirect(redirect::Policy::none())
                .build()
                .unwrap(),
            clock,
            sweeper: Sweeper::new(server),
            store,
            registration: registration.expose().to_owned(),
            api: api.expose().to_owned(),
        }
    }

    /// Lets time pass, and the server notice.
    async fn pass(&mut self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap();
        self.clock.fetch_add(millis, Ordering::SeqCst);
        self.sweeper.tick().await;
    }

    /// A request of an agent.
    async fn agent(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> Response {
        let mut request = self
            .client
            .request(method, format!("{}/v3/{path}", self.url))
            .header("Authorization", format!("Token {token}"));
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        request.send().await.unwrap()
    }

    /// A request of a tool; its status and JSON.
    async fn rest(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let url = format!("{}/v2/organizations/trireme/{path}", self.url);
        let mut request = self.client.request(method, url).bearer_auth(&self.api);
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        answer(request.send().await.unwrap()).await
    }

    async fn register(&self, name: &str) -> Agent {
        let body = json!({"name": name, "hostname": "olympias", "os": "", "arch": "amd64",
            "version": "3.137.0", "build": "x", "meta_data": ["queue=default"], "features": []});
        let response = self
            .agent(Method::POST, "register", &self.registration, Some(body))
            .await;
        let (status, answer) = answer(response).await;
        assert_eq!(status, 200, "{answer}");
        let text = |field: &str| answer[field].as_str().unwrap().to_owned();
        let agent = Agent {
            id: text("id"),
            token: text("access_token"),
        };
        let response = self
            .agent(Method::POST, "connect", &agent.token, None)
            .await;
        assert_eq!(response.status(), 200);
        agent
    }

    /// The id of the job that a ping offers.
    async fn ping(&self, agent: &Agent) -> Option<String> {
        let response = self.agent(Method::GET, "ping", &agent.token, None).await;
        let (status, answer) = answer(response).await;
        assert_eq!(status, 200, "{answer}");
        Some(answer["job"]["id"].as_str()?.to_owned())
    }

    async fn accept(&self, agent: &Agent, job: &str) -> (StatusCode, Value) {
        let path = format!("jobs/{job}/accept");
        answer(self.agent(Method::PUT, &path, &agent.token, None).await).await
    }

    /// Takes the next job and starts it.
    async fn take(&self, agent: &Agent) -> Job {
        let id = self.ping(agent).await.expect("a job is offered");
        let (status, accepted) = self.accept(agent, &id).await;
        assert_eq!(status, 200, "{accepted}");
        let job = Job {
            path: format!("jobs/{id}"),
            token: accepted["token"].as_str().unwrap().to_owned(),
            env: accepted["env"].clone(),
        };
        let body = json!({"started_at": "2026-01-01T00:00:00.1Z"});
        let path = format!("{}/start", job.path);
        let response = self.agent(Method::PUT, &path, &job.token, Some(body)).await;
        assert_eq!(response.status(), 200);
        job
    }

    async fn finish(&self, job: &Job, exit_status: &str) -> (StatusCode, Value) {
        let body = json!({"exit_status": exit_status, "finished_at": "2026-01-01T00:00:01Z",
            "chunks_failed_count": 0});
        let path = format!("{}/finish", job.path);
        answer(self.agent(Method::PUT, &path, &job.token, Some(body)).await).await
    }

    async fn chunk(&self, job: &Job, sequence: u64, offset: usize, bytes: &[u8]) -> StatusCode {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        let size = bytes.len();
        let path = format!(
            "{}/chunks?sequence={sequence}&offset={offset}&size={size}",
            job.path
        );
        let request = self
            .client
            .post(format!("{}/v3/{path}", self.url))
            .header("Authorization", format!("Token {}", job.token))
            .header("Content-Type", "text/plain")
            .header("Content-Encoding", "gzip")
            .body(encoder.finish().unwrap());
        request.send().await.unwrap().status()
    }

    /// A pipeline `rocket` with these commands, and its first build.
    async fn build(&self, commands: &[&str]) -> Value {
        let steps: Vec<Value> = commands
            .iter()
            .map(|command| json!({"command": command}))
            .collect();
        let body = json!({"name": "Rocket", "repository": "/srv/rocket.git", "steps": steps});
        let (status, made) = self.rest(Method::POST, "pipelines", Some(body)).await;
        assert_eq!(status, 201, "{made}");
        let (status, build) = self
            .rest(Method::POST, "pipelines/rocket/builds", Some(json!({})))
            .await;
        assert_eq!(status, 201, "{build}");
        build
    }

    /// The first build as it is now.
    async fn now(&self) -> Value {
        self.rest(Method::GET, "pipelines/rocket/builds/1", None)
            .await
            .1
    }

    async fn job_states(&self) -> Vec<String> {
        let build = self.now().await;
        let jobs = build["jobs"].as_array().unwrap();
        jobs.iter()
            .map(|job| job["state"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// Status and JSON of an answer; null where there is none.
async fn answer(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

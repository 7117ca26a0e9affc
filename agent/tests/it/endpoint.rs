//! An endpoint that answers by a script and remembers what it was asked.

use std::collections::{HashMap, VecDeque};
use std::io::Read as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::serve::ListenerExt as _;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::streams::Streams;

/// Long enough for a machine with forty times the work it can do; every wait is for an event.
pub(crate) const PATIENCE: Duration = Duration::from_mins(5);

/// A scripted endpoint on a port of its own.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) url: String,
    inner: Arc<Inner>,
}

struct Inner {
    replies: Mutex<HashMap<String, VecDeque<Reply>>>,
    asked: watch::Sender<Vec<Asked>>,
    streams: Streams,
    connections: AtomicUsize,
}

/// One answer.
#[derive(Clone)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) route: String,
    pub(crate) token: String,
    pub(crate) query: String,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a body of JSON")
    }
}

/// An answer of JSON.
pub(crate) fn ok(body: &Value) -> Reply {
    Reply {
        status: 200,
        headers: vec![],
        body: body.to_string(),
    }
}

/// An answer with a status and no body of use.
pub(crate) fn status(status: u16) -> Reply {
    Reply {
        status,
        headers: vec![],
        body: json!({"message": "scripted"}).to_string(),
    }
}

/// An answer of something that is not the Agent API.
pub(crate) fn page() -> Reply {
    Reply {
        status: 200,
        headers: vec![],
        body: "<html>proxy</html>".into(),
    }
}

/// No answer at all, and an open connection.
pub(crate) fn silence() -> Reply {
    Reply {
        status: 0,
        headers: vec![],
        body: String::new(),
    }
}

impl Reply {
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// A ping's answer that offers a job.
pub(crate) fn offer(job: &str) -> Reply {
    ok(&json!({"job": {"id": job}}))
}

/// A ping's answer that ends a worker.
pub(crate) fn disconnect() -> Reply {
    ok(&json!({"action": "disconnect"}))
}

impl Endpoint {
    /// An endpoint that registers anybody and has no jobs. Pings are to come every second.
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v3", listener.local_addr().unwrap());
        let (endpoint, router) = Self::unserved(url);
        let counted = Arc::clone(&endpoint.inner);
        let listener = listener.tap_io(move |_| {
            counted.connections.fetch_add(1, Ordering::Relaxed);
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        endpoint
    }

    /// The same for a server of the test's own, which has to serve this router at this address.
    pub(crate) fn unserved(url: String) -> (Self, Router) {
        let inner = Arc::new(Inner {
            replies: Mutex::default(),
            asked: watch::Sender::new(Vec::new()),
            streams: Streams::default(),
            connections: AtomicUsize::new(0),
        });
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&inner));
        let endpoint = Self { url, inner };
        endpoint.on(
            "POST /v3/register",
            [ok(&json!({
                "id": "worker-1", "name": "worker", "access_token": "access-token",
                "ping_interval": 1, "job_status_interval": 1, "heartbeat_interval": 60,
            }))],
        );
        (endpoint, router)
    }

    /// Scripts a route: each request takes the next reply, the last one stays.
    pub(crate) fn on(&self, route: &str, replies: impl IntoIterator<Item = Reply>) {
        let replies = replies.into_iter().collect();
        let mut scripts = self.inner.replies.lock().unwrap();
        scripts.insert(route.to_owned(), replies);
    }

    /// How many connections were opened so far, if it serves by itself.
    pub(crate) fn connections(&self) -> usize {
        self.inner.connections.load(Ordering::Relaxed)
    }

    /// Its streams.
    pub(crate) fn streams(&self) -> &Streams {
        &self.inner.streams
    }

    /// Scripts a job that is accepted with this environment.
    pub(crate) fn job(&self, id: &str, env: &Value) {
        let job = json!({"id": id, "env": env, "token": format!("token-of-{id}")});
        self.on(&format!("PUT /v3/jobs/{id}/accept"), [ok(&job)]);
    }

    /// All requests of a route so far.
    pub(crate) fn asked(&self, route: &str) -> Vec<Asked> {
        let all = self.inner.asked.borrow();
        all.iter()
            .filter(|asked| asked.route == route)
            .cloned()
            .collect()
    }

    /// All routes in the order of their requests.
    pub(crate) fn routes(&self) -> Vec<String> {
        let all = self.inner.asked.borrow();
        all.iter().map(|asked| asked.route.clone()).collect()
    }

    /// Waits until a route was asked so often.
    pub(crate) async fn wait(&self, route: &str, count: usize) -> Vec<Asked> {
        let mut asked = self.inner.asked.subscribe();
        let enough = |all: &Vec<Asked>| all.iter().filter(|a| a.route == route).count() >= count;
        let waited = timeout(PATIENCE, asked.wait_for(enough)).await;
        assert!(
            waited.is_ok(),
            "{count} times {route}; got {:?}",
            self.routes()
        );
        self.asked(route)
    }

    /// The log of a job, its chunks in order.
    pub(crate) fn log(&self, job: &str) -> String {
        log_of(self.asked(&format!("POST /v3/jobs/{job}/chunks")))
    }
}

/// The log that these chunks make, in the order of their numbers.
pub(crate) fn log_of(mut chunks: Vec<Asked>) -> String {
    chunks.sort_by_key(|chunk| {
        let sequence = chunk
            .query
            .split('&')
            .find_map(|part| part.strip_prefix("sequence="));
        sequence.unwrap().parse::<u64>().unwrap()
    });
    let mut text = String::new();
    for chunk in chunks {
        let mut gunzip = flate2::read::GzDecoder::new(chunk.body.as_slice());
        gunzip.read_to_string(&mut text).unwrap();
    }
    text
}

async fn answer(
    State(inner): State<Arc<Inner>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    request: Request,
) -> Response {
    if uri.path() == "/agentedge.v1.AgentEdgeService/StreamPings" {
        let streamed = inner.streams.answer(request).await;
        return streamed.unwrap_or_else(|| StatusCode::NOT_FOUND.into_response());
    }
    let route = format!("{method} {}", uri.path());
    let body: Bytes = axum::body::to_bytes(request.into_body(), usize::MAX)
        .await
        .unwrap();
    let token = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    let asked = Asked {
        route: route.clone(),
        token: token.unwrap_or_default().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        body: body.to_vec(),
    };
    let reply = {
        let mut scripts = inner.replies.lock().unwrap();
        match scripts.get_mut(&route) {
            Some(replies) if replies.len() > 1 => replies.pop_front(),
            Some(replies) => replies.front().cloned(),
            None => None,
        }
    };
    inner.asked.send_modify(|all| all.push(asked));
    let reply = reply.unwrap_or_else(|| ok(&json!({})));
    if reply.status == 0 {
        return std::future::pending().await;
    }
    let mut response = reply.body.into_response();
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap();
    for (name, value) in reply.headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

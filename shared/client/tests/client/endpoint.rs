//! An endpoint played in this process: answers from a script, and a record of what it was asked.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use shared_client::{Client, Endpoint, Pacing, Transport};
use shared_protocol::Secret;
use tokio::net::TcpListener;
use tokio::time::Instant;

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) peer: SocketAddr,
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// One scripted answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: &'static str,
}

pub(crate) fn reply(status: u16, body: &'static str) -> Reply {
    Reply {
        status,
        headers: Vec::new(),
        body,
    }
}

impl Reply {
    pub(crate) fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// Waits that are only written down; chance is always one half.
#[derive(Debug, Default)]
pub(crate) struct NoWaiting(Mutex<Vec<Duration>>);

impl Pacing for NoWaiting {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn random(&self) -> f64 {
        0.5
    }

    fn wait(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.0.lock().unwrap().push(time);
        Box::pin(std::future::ready(()))
    }
}

/// The endpoint, a client for it, and what passed between them.
pub(crate) struct Played {
    pub(crate) client: Client,
    pub(crate) base: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    pacing: Arc<NoWaiting>,
}

impl Played {
    /// Answers requests with `script` in turn; the last reply stays.
    pub(crate) async fn new(script: Vec<Reply>) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let state = (seen.clone(), Arc::new(Mutex::new(VecDeque::from(script))));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/v3", listener.local_addr().unwrap());
        let app = Router::new()
            .fallback(answer)
            .with_state(state)
            .into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self::at(base, seen)
    }

    /// A client for an address where something else answers, or nothing.
    pub(crate) fn beside(base: String) -> Self {
        Self::at(base, Arc::default())
    }

    fn at(base: String, seen: Arc<Mutex<Vec<Seen>>>) -> Self {
        let pacing = Arc::new(NoWaiting::default());
        let transport = Transport::with_pacing("3.137.0", pacing.clone()).unwrap();
        let endpoint = Endpoint::parse(&base).unwrap();
        Self {
            client: Client::new(transport, endpoint, Secret::new("tok-1")),
            base,
            seen,
            pacing,
        }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }

    /// Waits between attempts, in seconds.
    pub(crate) fn waits(&self) -> Vec<f64> {
        let waits = self.pacing.0.lock().unwrap();
        waits.iter().map(Duration::as_secs_f64).collect()
    }
}

type Script = (Arc<Mutex<Vec<Seen>>>, Arc<Mutex<VecDeque<Reply>>>);

async fn answer(
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    State((seen, script)): State<Script>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    seen.lock().unwrap().push(Seen {
        peer,
        line: format!("{} {}", head.method, head.uri),
        headers: head.headers,
        body,
    });
    let reply = {
        let mut script = script.lock().unwrap();
        let next = script.pop_front().expect("the script has a reply");
        if script.is_empty() {
            script.push_back(next.clone());
        }
        next
    };
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(reply.body)).unwrap()
}

//! Serving HTTP/1.1 on a unix socket, with limits on everything a client can hold: bytes of a body,
//! time for a head, a body and the whole, connections, and the end of the server.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::de::DeserializeOwned;
use serde::{Deserialize as _, Serialize};
use serde_json::{Value, json};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::background::Background;
use crate::socket::SocketFile;

/// The time for a request's head, and again for its body.
const PATIENCE: Duration = Duration::from_secs(10);
/// The time for a whole connection: longer than any answer takes, and the end of a client that never
/// reads what it asked for.
const LONGEST: Duration = Duration::from_mins(15);
/// The connections at once; more wait.
const MOST_CONNECTIONS: usize = 64;
/// At the end of the server: the time for answers under way. Nobody who asked in time is still there.
const LAST_ANSWERS: Duration = Duration::from_millis(250);

/// A request whose body was read.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) body: Bytes,
}

/// What is answered, always as JSON.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn new(status: StatusCode, body: impl Serialize) -> Self {
        match serde_json::to_value(body) {
            Ok(body) => Self { status, body },
            Err(error) => Self::error(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        }
    }

    pub(crate) fn ok(body: impl Serialize) -> Self {
        Self::new(StatusCode::OK, body)
    }

    pub(crate) fn error(status: StatusCode, text: impl Into<String>) -> Self {
        let body = json!({ "error": text.into() });
        Self { status, body }
    }

    pub(crate) fn not_found() -> Self {
        Self::error(StatusCode::NOT_FOUND, "no such address")
    }

    pub(crate) fn wrong_method() -> Self {
        Self::error(
            StatusCode::METHOD_NOT_ALLOWED,
            "not a method of this address",
        )
    }
}

/// What answers requests.
pub(crate) trait Answers: Send + Sync + 'static {
    /// The longest body that is read.
    const MOST_BYTES: usize;

    fn answer(&self, request: Request) -> impl Future<Output = Reply> + Send;
}

/// A server at work. Dropped, it is gone at once, and so is its socket.
#[derive(Debug)]
pub struct Server {
    stop: watch::Sender<bool>,
    task: Background,
    file: SocketFile,
}

impl Server {
    /// Serves in the background. Has to be called in a runtime.
    pub(crate) fn start(listener: UnixListener, file: SocketFile, answers: impl Answers) -> Self {
        let (stop, stopped) = watch::channel(false);
        let task = Background::start(serve(listener, Arc::new(answers), stopped));
        Self { stop, task, file }
    }

    /// The socket's path.
    pub fn path(&self) -> &std::path::Path {
        self.file.path()
    }

    /// Takes no more requests, answers those that arrived, and removes the socket.
    pub async fn close(self) {
        self.stop.send_replace(true);
        self.task.ended().await;
    }
}

async fn serve(
    listener: UnixListener,
    answers: Arc<impl Answers>,
    mut stop: watch::Receiver<bool>,
) {
    let for_connections = stop.clone();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MOST_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(converse(stream, Arc::clone(&answers), for_connections.clone()));
                }
                // No more descriptors: some are freed as connections end.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
        }
    }
    drop(listener);
    let rest = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(LAST_ANSWERS, rest).await;
}

/// One connection; an error of it concerns only the client.
async fn converse(stream: UnixStream, answers: Arc<impl Answers>, mut stop: watch::Receiver<bool>) {
    let service = service_fn(|request| {
        let answers = Arc::clone(&answers);
        async move { Ok::<_, Infallible>(respond(&*answers, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        biased;
        () = stopped(&mut stop) => connection.as_mut().graceful_shutdown(),
        _ = timeout(LONGEST, &mut connection) => return,
    }
    let _ = connection.await;
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A server that is gone without a word has stopped too.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn respond<A: Answers>(
    answers: &A,
    request: hyper::Request<Incoming>,
) -> hyper::Response<Full<Bytes>> {
    let reply = match read(request, A::MOST_BYTES).await {
        Ok(request) => answers.answer(request).await,
        Err(reply) => reply,
    };
    let mut text = reply.body.to_string();
    text.push('\n');
    let mut response = hyper::Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = reply.status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

async fn read(request: hyper::Request<Incoming>, most: usize) -> Result<Request, Reply> {
    let (head, body) = request.into_parts();
    let body = match timeout(PATIENCE, Limited::new(body, most).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let text = format!("the body is longer than {most} bytes");
            return Err(Reply::error(StatusCode::PAYLOAD_TOO_LARGE, text));
        }
        Ok(Err(error)) => {
            let text = format!("the body cannot be read: {error}");
            return Err(Reply::error(StatusCode::BAD_REQUEST, text));
        }
        Err(_) => {
            let text = "the body did not come in time";
            return Err(Reply::error(StatusCode::REQUEST_TIMEOUT, text));
        }
    };
    Ok(Request {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        authorization: head.headers.get(AUTHORIZATION).cloned(),
        body,
    })
}

/// The first JSON value of a body; what follows it is not looked at, and null is an empty object.
pub(crate) fn parse<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, Reply> {
    // Without its names a list would be taken for an object, field by field.
    if body.trim_ascii_start().starts_with(b"[") {
        let text = "the body is a list; an object is asked for here";
        return Err(Reply::error(StatusCode::BAD_REQUEST, text));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    match Option::<T>::deserialize(&mut reader) {
        Ok(value) => Ok(value.unwrap_or_default()),
        Err(error) => {
            // Its own text quotes values, which may be secrets, and clients show refusals.
            let (line, column) = (error.line(), error.column());
            let text =
                format!("the body is not what is asked for here, at line {line} column {column}");
            Err(Reply::error(StatusCode::BAD_REQUEST, text))
        }
    }
}

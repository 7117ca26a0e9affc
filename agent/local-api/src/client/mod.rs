//! The clients' side: each request has a connection of its own, so that a subcommand is quick to
//! start and a change of the leading agent goes unnoticed.

mod job;
mod locks;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::time::timeout;

pub use job::{JobApi, Patched};
pub use locks::{LockError, Locks, Once};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody listens.
    #[error("cannot reach {}: {error}", socket.display())]
    Unreachable {
        /// Where somebody should.
        socket: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The connection broke.
    #[error("the connection to {} broke: {error}", socket.display())]
    Broken {
        /// With whom.
        socket: PathBuf,
        /// How.
        error: hyper::Error,
    },
    /// It took too long.
    #[error("{} does not answer", .0.display())]
    Silent(PathBuf),
    /// The other side refuses.
    #[error("refused with status {status}: {text}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Why, in the other side's words.
        text: String,
    },
    /// The answer is not what it should be, or the request cannot be written.
    #[error("the answer makes no sense: {0}")]
    Nonsense(String),
}

/// One request.
pub(crate) struct Call<'a> {
    pub(crate) socket: &'a Path,
    /// For all of it.
    pub(crate) patience: Duration,
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) token: Option<&'a str>,
    pub(crate) body: Option<Value>,
}

impl Call<'_> {
    /// Sends it and reads the answer.
    pub(crate) async fn send<T: DeserializeOwned>(self) -> Result<T, CallError> {
        let socket = self.socket.to_owned();
        match timeout(self.patience, self.exchange()).await {
            Ok(answer) => serde_json::from_slice(&answer?).map_err(|error| {
                // Its own text quotes values, and the job's environment is full of secrets.
                let (line, column) = (error.line(), error.column());
                CallError::Nonsense(format!("another JSON at line {line} column {column}"))
            }),
            Err(_) => Err(CallError::Silent(socket)),
        }
    }

    async fn exchange(self) -> Result<Bytes, CallError> {
        let socket = || self.socket.to_owned();
        let stream =
            UnixStream::connect(self.socket)
                .await
                .map_err(|error| CallError::Unreachable {
                    socket: socket(),
                    error,
                })?;
        let broken = |error| CallError::Broken {
            socket: socket(),
            error,
        };
        let request = self.request()?;
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(broken)?;
        // The connection ends once the sender is gone.
        let exchange = async move {
            let response = sender.send_request(request).await?;
            let status = response.status();
            Ok((status, response.into_body().collect().await?.to_bytes()))
        };
        let (answer, _) = tokio::join!(exchange, connection);
        let (status, body) = answer.map_err(broken)?;
        if status.is_success() {
            return Ok(body);
        }
        Err(CallError::Refused {
            status: status.as_u16(),
            text: reason(&body),
        })
    }

    fn request(&self) -> Result<Request<Full<Bytes>>, CallError> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(self.path)
            .header(HOST, "localhost");
        if let Some(token) = self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = self.body.as_ref().map(Value::to_string).unwrap_or_default();
        request
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| CallError::Nonsense(error.to_string()))
    }
}

/// What the other side says of a refusal.
fn reason(body: &[u8]) -> String {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let text = json.as_ref().and_then(|json| {
        let field = json.get("error").or_else(|| json.get("message"))?;
        field.as_str().map(str::to_owned)
    });
    text.unwrap_or_else(|| String::from_utf8_lossy(body).trim().to_owned())
}

//! Opening a stream and reading it.

use shared_client::{Cleartext, Client, ClientError, Lane, Silence, Stream};

use crate::envelope::{Envelopes, wrap};
use crate::error::StreamError;
use crate::message::{self, Message};
use crate::status::{self, Code};

/// The method, at the root of the endpoint's host.
const PATH: &str = "/agentedge.v1.AgentEdgeService/StreamPings";
const CONTENT_TYPE: &str = "application/grpc+proto";

/// Opens streams for one worker, one after the other.
#[derive(Debug)]
pub struct Opener {
    lane: Lane,
    cleartext: Cleartext,
}

/// An open stream.
#[derive(Debug)]
pub struct PingStream {
    stream: Stream,
    envelopes: Envelopes,
    established: bool,
}

impl Opener {
    /// `lane` is that of the worker.
    pub fn new(lane: Lane) -> Self {
        let cleartext = Cleartext::Http2;
        Self { lane, cleartext }
    }

    /// Opens a stream for the worker that the endpoint knows by `agent_id`, and waits until the
    /// endpoint has said that it is one. There is no time limit.
    pub async fn open(
        &mut self,
        client: &Client,
        agent_id: &str,
    ) -> Result<PingStream, StreamError> {
        let mut stream = self.call(client, self.cleartext, agent_id).await;
        if self.may_speak_http1_only(client, stream.as_ref().err()) {
            stream = self.call(client, Cleartext::Http1, agent_id).await;
            if stream.is_ok() {
                self.cleartext = Cleartext::Http1;
            }
        }
        PingStream::of(stream?)
    }

    async fn call(
        &self,
        client: &Client,
        cleartext: Cleartext,
        agent_id: &str,
    ) -> Result<Stream, ClientError> {
        let body = wrap(&message::request(agent_id));
        let lane = &self.lane;
        client
            .stream(lane, cleartext, PATH, CONTENT_TYPE, body)
            .await
    }

    /// Without TLS, an endpoint that knows only HTTP/1.1 cannot say so: it closes the connection or
    /// writes an answer that looks broken. Asked as it likes, it says what it thinks of streams.
    fn may_speak_http1_only(&self, client: &Client, error: Option<&ClientError>) -> bool {
        let closed = matches!(
            error,
            Some(ClientError::NoAnswer {
                silence: Silence::Closed,
                ..
            })
        );
        closed && self.cleartext == Cleartext::Http2 && !client.endpoint().is_secure()
    }
}

impl PingStream {
    fn of(stream: Stream) -> Result<Self, StreamError> {
        let opened = Self {
            envelopes: Envelopes::default(),
            established: false,
            stream,
        };
        let kind = opened.stream.header("content-type").unwrap_or_default();
        if opened.stream.status() != 200 || !kind.starts_with("application/grpc") {
            // A status of gRPC counts whatever stands around it.
            return Err(opened.status().unwrap_or(StreamError::Foreign {
                status: opened.stream.status(),
            }));
        }
        Ok(opened)
    }

    /// The next message; the end of the stream is an error too. May be dropped half-way without
    /// losing anything.
    pub async fn next(&mut self) -> Result<Message, StreamError> {
        loop {
            if let Some(message) = self.envelopes.message()? {
                let message = Message::read(&message)?;
                self.established = true;
                return Ok(message);
            }
            match self.stream.next().await? {
                Some(bytes) => self.envelopes.take(&bytes),
                None => {
                    return Err(self
                        .status()
                        .unwrap_or_else(|| self.ended(Code::UNKNOWN, "")));
                }
            }
        }
    }

    /// The status that the endpoint gave, if it gave one.
    fn status(&self) -> Option<StreamError> {
        let code = Code::read(self.stream.header("grpc-status")?);
        let text = self.stream.header("grpc-message").unwrap_or_default();
        Some(self.ended(code, text))
    }

    fn ended(&self, code: Code, text: &str) -> StreamError {
        StreamError::Status {
            code,
            message: status::message(text),
            established: self.established,
        }
    }
}

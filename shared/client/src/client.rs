//! The Agent API as methods: one per route, each with its retry rule built in.
//!
//! Every method may be dropped at any time; nothing of it goes on in the background. An attempt
//! that was under way may still have reached the endpoint.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue,
};
use serde::Serialize;
use shared_protocol::Secret;
use shared_protocol::agent::RegisterResponse;
use shared_protocol::header::{BACKOFF_SEQUENCE, LOCK_ACQUIRE_JOB, TIMEOUT_MILLISECONDS};

use crate::endpoint::Endpoint;
use crate::error::{ClientError, EndpointError, Local};
use crate::headers::RequestHeaders;
use crate::json;
use crate::retry::{Decision, Policy, Retry};
use crate::transport::{Answer, Outgoing, REQUEST_TIMEOUT, Transport};

/// Speaks to one endpoint with one token. Cheap to clone; clones share the connections and the
/// headers that the endpoint asked for.
#[derive(Debug, Clone)]
pub struct Client {
    transport: Transport,
    endpoint: Endpoint,
    token: Secret,
    headers: RequestHeaders,
}

impl Client {
    /// A client without requested headers. The token is checked when a request is made.
    pub fn new(transport: Transport, endpoint: Endpoint, token: Secret) -> Self {
        Self {
            transport,
            endpoint,
            token,
            headers: RequestHeaders::default(),
        }
    }

    /// The same with another token: that of a job. An empty one means to stay with this one.
    #[must_use]
    pub fn with_token(&self, token: &Secret) -> Self {
        let mut client = self.clone();
        if !token.is_empty() {
            client.token = token.clone();
        }
        client
    }

    /// The same with other requested headers: a job's own calls get them through its environment.
    #[must_use]
    pub fn with_request_headers(&self, wanted: &BTreeMap<String, String>) -> Self {
        let mut client = self.clone();
        client.headers = RequestHeaders::default();
        client.headers.replace(Some(wanted));
        client
    }

    /// The same at another endpoint, as a ping may ask for.
    #[must_use]
    pub fn with_endpoint(&self, endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            ..self.clone()
        }
    }

    /// The client of the worker that was just registered: its token, its endpoint if it was given
    /// another one, and a set of requested headers of its own.
    pub fn for_worker(&self, registered: &RegisterResponse) -> Result<Self, EndpointError> {
        let mut client = self.clone();
        // Also an empty one: the token to register with is nobody's to work with.
        client.token = registered.access_token.clone();
        if !registered.endpoint.is_empty() {
            client.endpoint = Endpoint::parse(&registered.endpoint)?;
        }
        client.headers = RequestHeaders::default();
        client.headers.replace(registered.request_headers.as_ref());
        Ok(client)
    }

    /// Where this client sends its requests.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The connections it uses.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// The token it sends.
    pub fn token(&self) -> &Secret {
        &self.token
    }

    /// The headers that the endpoint asked for, by name; jobs get them in their environment.
    pub fn request_headers(&self) -> BTreeMap<String, String> {
        self.headers.get()
    }

    /// Takes the headers that an answer asks for.
    pub(crate) fn take_request_headers(&self, wanted: Option<&BTreeMap<String, String>>) {
        self.headers.replace(wanted);
    }

    /// Sends `request` until `read` accepts an answer or `policy` gives up.
    pub(crate) async fn call<T>(
        &self,
        policy: Policy,
        request: Request,
        read: impl Fn(Answer) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let pacing = &self.transport.pacing;
        let started = pacing.now();
        let mut retry = Retry::new(policy);
        loop {
            let left = policy
                .overall
                .map(|limit| limit.saturating_sub(pacing.now() - started));
            let number = retry.failures();
            let error = match self.attempt(&request, number, left).await.and_then(&read) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            match retry.next(error.failure(), pacing.now() - started, pacing.random()) {
                Decision::GiveUp => return Err(error),
                Decision::Wait(wait) => {
                    let (attempt, seconds) = (retry.failures(), wait.as_secs_f32());
                    // 1, 2, 4, …: a hundred workers wait for the same endpoint.
                    if attempt.is_power_of_two() {
                        tracing::warn!(attempt, "{error}; trying again in {seconds:.1} s");
                    }
                    pacing.wait(wait).await;
                }
            }
        }
    }

    async fn attempt(
        &self,
        request: &Request,
        number: u32,
        left: Option<Duration>,
    ) -> Result<Answer, ClientError> {
        let timeout = left.map_or(REQUEST_TIMEOUT, |left| left.min(REQUEST_TIMEOUT));
        let outgoing =
            self.prepare(request, number, timeout)
                .map_err(|reason| ClientError::Local {
                    method: request.name,
                    path: request.path.clone(),
                    reason,
                })?;
        self.transport.send(outgoing).await
    }

    /// The headers of every request.
    pub(crate) fn authenticated(&self) -> Result<HeaderMap, Local> {
        let mut headers = HeaderMap::new();
        self.headers.add_to(&mut headers);
        headers.insert(AUTHORIZATION, authorization(&self.token)?);
        Ok(headers)
    }

    fn prepare(
        &self,
        request: &Request,
        number: u32,
        timeout: Duration,
    ) -> Result<Outgoing, Local> {
        let mut headers = self.authenticated()?;
        let body = match &request.body {
            Body::Empty => {
                if request.method != Method::GET {
                    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
                }
                None
            }
            Body::Json(body) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                Some(body.clone()?)
            }
            Body::GzipText(body) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                Some(body.clone())
            }
        };
        if request.locks {
            headers.insert(LOCK_ACQUIRE_JOB, HeaderValue::from_static("1"));
            headers.insert(BACKOFF_SEQUENCE, HeaderValue::from(number));
        }
        if request.tells_timeout {
            let millis = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
            headers.insert(TIMEOUT_MILLISECONDS, HeaderValue::from(millis));
        }
        Ok(Outgoing {
            method: request.method.clone(),
            url: self.endpoint.join(&request.path)?,
            headers,
            body,
            timeout,
        })
    }
}

fn authorization(token: &Secret) -> Result<HeaderValue, Local> {
    if token.is_empty() {
        return Err(Local::NoToken);
    }
    let mut value = HeaderValue::from_str(&format!("Token {}", token.expose()))
        .map_err(|_| Local::UnusableToken)?;
    value.set_sensitive(true);
    Ok(value)
}

/// A request before it meets an endpoint and a token.
#[derive(Debug)]
pub(crate) struct Request {
    name: &'static str,
    method: Method,
    path: String,
    body: Body,
    tells_timeout: bool,
    locks: bool,
}

#[derive(Debug)]
enum Body {
    Empty,
    Json(Result<Bytes, Local>),
    GzipText(Bytes),
}

impl Request {
    fn new(name: &'static str, method: Method, path: String) -> Self {
        Self {
            name,
            method,
            path,
            body: Body::Empty,
            tells_timeout: false,
            locks: false,
        }
    }

    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new("GET", Method::GET, path.into())
    }

    pub(crate) fn post(path: impl Into<String>) -> Self {
        Self::new("POST", Method::POST, path.into())
    }

    pub(crate) fn put(path: impl Into<String>) -> Self {
        Self::new("PUT", Method::PUT, path.into())
    }

    pub(crate) fn json(mut self, value: &impl Serialize) -> Self {
        self.body = Body::Json(json::encode(value));
        self
    }

    pub(crate) fn gzip_text(mut self, compressed: Bytes) -> Self {
        self.body = Body::GzipText(compressed);
        self
    }

    /// Asks for a lock on a job, and says how often that was asked before.
    pub(crate) fn locking(mut self) -> Self {
        self.locks = true;
        self
    }

    /// Tells the endpoint how long this side waits.
    pub(crate) fn telling_timeout(mut self) -> Self {
        self.tells_timeout = true;
        self
    }
}

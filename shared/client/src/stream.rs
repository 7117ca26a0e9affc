//! Answers that are read while they come: calls that stay open for hours. No retries, and nothing of
//! what the bytes mean.
//!
//! Streams share HTTP/2 connections, and so as not to use up what an endpoint allows on one of them,
//! a number of workers has a [`Lane`] of its own. Over HTTPS the first lane is the connection that
//! all other requests take too: a host with few workers holds one connection in all.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, TE};
use reqwest::{Body, Method, Url};

use crate::client::Client;
use crate::error::ClientError;
use crate::transport::{Transport, unanswered};

/// Workers of one lane. Endpoints should allow a hundred streams on a connection (RFC 9113, 6.5.2);
/// the rest of them is for requests that must not wait.
const WORKERS: usize = 50;

/// Connections for the streams of some workers. Closed when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct Lane {
    number: usize,
    shared: Arc<Connections>,
}

/// Made when the first stream needs them.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    /// HTTP/2 without TLS, which nobody negotiates: it is tried.
    cleartext: OnceLock<reqwest::Client>,
    secure: OnceLock<reqwest::Client>,
}

/// All lanes of a process that are in use.
pub(crate) type Lanes = Arc<Mutex<Vec<Weak<Connections>>>>;

/// How to speak to an endpoint whose address begins with `http:`. Over HTTPS the two sides agree on
/// it themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleartext {
    /// As if it were known to speak HTTP/2.
    Http2,
    /// As with all other requests.
    Http1,
}

/// An answer under way.
#[derive(Debug)]
pub struct Stream {
    url: Url,
    status: u16,
    head: HeaderMap,
    /// What came after the last byte.
    tail: HeaderMap,
    body: Body,
}

impl Transport {
    /// The lane of a worker with this number, counted from 0.
    pub fn lane(&self, worker: usize) -> Lane {
        let number = worker / WORKERS;
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if lanes.len() <= number {
            lanes.resize_with(number + 1, Weak::new);
        }
        let shared = lanes[number].upgrade().unwrap_or_else(|| {
            let made = Arc::default();
            lanes[number] = Arc::downgrade(&made);
            made
        });
        Lane { number, shared }
    }

    fn streaming(&self, lane: &Lane, url: &Url, cleartext: Cleartext) -> reqwest::Client {
        let Lane { number, shared } = lane;
        if url.scheme() == "http" {
            return match cleartext {
                Cleartext::Http1 => self.http(url),
                Cleartext::Http2 => shared.cleartext.get_or_init(|| self.more_plain(url)),
            }
            .clone();
        }
        if *number == 0 {
            return self.http(url).clone();
        }
        shared.secure.get_or_init(|| self.more_secure()).clone()
    }
}

impl Client {
    /// Sends a `POST` to a path at the root of the endpoint's host, with the token and the headers
    /// that were asked for, and waits for the head of the answer, whatever its status. There is no
    /// time limit: a dead connection shows because HTTP/2 asks for a sign of life.
    pub async fn stream(
        &self,
        lane: &Lane,
        cleartext: Cleartext,
        path: &str,
        content_type: &'static str,
        body: Bytes,
    ) -> Result<Stream, ClientError> {
        let local = |reason| ClientError::Local {
            method: "POST",
            path: path.to_owned(),
            reason,
        };
        let url = self.endpoint().at_root(path).map_err(local)?;
        let mut headers = self.authenticated().map_err(local)?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(TE, HeaderValue::from_static("trailers"));
        let http = self.transport().streaming(lane, &url, cleartext);
        let request = http.request(Method::POST, url.clone()).headers(headers);
        let answer = request.body(body).send().await;
        let answer = answer.map_err(|error| unanswered(&Method::POST, &url, &error))?;
        Ok(Stream {
            status: answer.status().as_u16(),
            head: answer.headers().clone(),
            tail: HeaderMap::new(),
            body: answer.into(),
            url,
        })
    }
}

impl Stream {
    /// HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// A header of the answer: one that came at its end, else one of its head.
    pub fn header(&self, name: &str) -> Option<&str> {
        let value = self.tail.get(name).or_else(|| self.head.get(name))?;
        value.to_str().ok()
    }

    /// The next bytes, as they come; `None` at the end. May be dropped half-way without losing
    /// anything.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|error| unanswered(&Method::POST, &self.url, &error))?;
            match frame.into_data() {
                Ok(bytes) => return Ok(Some(bytes)),
                Err(frame) => self
                    .tail
                    .extend(frame.into_trailers().into_iter().flatten()),
            }
        }
        Ok(None)
    }
}

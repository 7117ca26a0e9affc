//! What the log says of single requests, for whoever looks for trouble between agent and endpoint.
//! It costs nothing while nobody asked for it.
//!
//! Never logged are bodies, queries and all headers but a few: they hold tokens, the environments of
//! jobs and the keys of presigned addresses.

use std::fmt::Write as _;

use reqwest::header::HeaderMap;
use reqwest::{Method, Url, Version};
use tokio::time::Instant;
use tracing::Level;

use crate::error::ClientError;
use crate::transport::Answer;

/// Target of these events: requests and answers at `DEBUG`, their headers and times at `TRACE`. Off
/// is what a log without a wish for them should set it to.
pub const REQUESTS: &str = "requests";

/// Headers that hold no secrets; so do all that begin with one of the prefixes.
const HEADERS: [&str; 8] = [
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "retry-after",
    "server",
    "via",
    "x-request-id",
];
const PREFIXES: [&str; 3] = ["buildkite-", "x-buildkite-", "trireme-"];

/// A request that somebody wants to know about.
pub(crate) struct Watched {
    method: Method,
    address: String,
    began: Instant,
}

impl Watched {
    /// `None` if nobody does; `now` is then not asked for.
    pub(crate) fn begin(
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        bytes: usize,
        now: impl FnOnce() -> Instant,
    ) -> Option<Self> {
        if !tracing::enabled!(target: REQUESTS, Level::DEBUG) {
            return None;
        }
        let mut address = url.clone();
        address.set_query(None);
        let address = address.to_string();
        tracing::debug!(target: REQUESTS, bytes, "request: {method} {address}");
        tracing::trace!(target: REQUESTS, "request headers: {}", harmless(headers));
        Some(Self {
            method: method.clone(),
            address,
            began: now(),
        })
    }

    /// The head of the answer is there.
    pub(crate) fn head(&self, version: Version, headers: &HeaderMap, now: Instant) {
        let ms = (now - self.began).as_millis();
        tracing::trace!(
            target: REQUESTS,
            after_ms = ms,
            "answer begins over {version:?}, headers: {}",
            harmless(headers)
        );
    }

    /// It is over.
    pub(crate) fn end(&self, answer: &Result<Answer, ClientError>, now: Instant) {
        let Self {
            method, address, ..
        } = self;
        let ms = (now - self.began).as_millis();
        match answer {
            Ok(answer) => {
                let (status, bytes) = (answer.status.as_u16(), answer.body.len());
                tracing::debug!(target: REQUESTS, status, bytes, ms, "answer: {method} {address}");
            }
            Err(_) => tracing::debug!(target: REQUESTS, ms, "no answer: {method} {address}"),
        }
    }
}

fn harmless(headers: &HeaderMap) -> String {
    let mut text = String::new();
    for (name, value) in headers {
        let known = HEADERS.contains(&name.as_str());
        let value = value.to_str().unwrap_or("?");
        if known
            || PREFIXES
                .iter()
                .any(|prefix| name.as_str().starts_with(prefix))
        {
            let _ = write!(text, "{name}: {value}; ");
        }
    }
    text.truncate(text.trim_end_matches("; ").len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_headers_that_hold_no_secret_are_shown() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Token secret"),
            ("cookie", "secret"),
            ("content-type", "application/json"),
            ("buildkite-timeout-milliseconds", "5"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        let shown = "content-type: application/json; buildkite-timeout-milliseconds: 5";
        assert_eq!(harmless(&headers), shown);
    }
}

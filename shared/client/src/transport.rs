//! One request over HTTP and its answer. No retries, no tokens' meaning, no routes.
//!
//! A process has one [`Transport`]: all its workers and jobs share one pool of connections.

use std::error::Error as _;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::redirect::{Action, Attempt, Policy as Redirects};
use reqwest::{Method, StatusCode, Url};
use shared_protocol::header::RELEASE_SERIAL;
use shared_protocol::platform;
use tokio::sync::watch;
use url::Host;

use crate::error::{ClientError, Silence};
use crate::pacing::{Pacing, RealPacing};
use crate::requests::Watched;
use crate::stream::Lanes;

/// Longest time for one attempt, answer included.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);
/// An open HTTP/2 request is checked after this much silence, …
const PING_AFTER: Duration = Duration::from_secs(10);
/// … and its connection is given up without a sign of life for this long.
const PING_TIMEOUT: Duration = Duration::from_secs(5);
/// Most connections that wait for their next request. A hundred workers register at once and then
/// ping one after the other: nobody needs a connection each, here or at the endpoint.
const IDLE_CONNECTIONS: usize = 16;
/// Longest `Retry-After`.
const LONGEST_WAIT: Duration = Duration::from_hours(24);
/// Longest answer that is read. The longest real one is a job with its environment and step.
const MAX_ANSWER_BYTES: usize = 32 << 20;

/// The connections of this process, and how its retry loops keep time. Clones share both.
#[derive(Debug, Clone)]
pub struct Transport {
    /// For `http` URLs, and without CA certificates, which take more memory than an idle agent.
    plain: reqwest::Client,
    /// For those of this host, if others have a proxy; made when the first one is asked for.
    near: Option<Arc<OnceLock<reqwest::Client>>>,
    /// For `https` URLs, made when the first one is asked for.
    secure: Arc<OnceLock<reqwest::Client>>,
    agent: String,
    http2: bool,
    pub(crate) pacing: Arc<dyn Pacing>,
    /// Written by every answer that names a serial; read by whoever asks the launcher to upgrade.
    release_serial: Arc<watch::Sender<Option<u64>>>,
    pub(crate) lanes: Lanes,
}

impl Transport {
    /// Makes the pool. `version` is the agent's, for the `User-Agent` header.
    ///
    /// Proxies come from the usual environment variables. A host without CA certificates can still
    /// use plain HTTP; there, each TLS connection fails as untrusted.
    pub fn new(version: &str) -> Result<Self, TransportError> {
        Self::with_pacing(version, Arc::new(RealPacing))
    }

    /// As [`Transport::new`], with other waits.
    pub fn with_pacing(version: &str, pacing: Arc<dyn Pacing>) -> Result<Self, TransportError> {
        let agent = user_agent(version);
        Ok(Self {
            plain: plain(&agent, true)?,
            near: has_proxy().then(Arc::default),
            secure: Arc::default(),
            agent,
            http2: true,
            pacing,
            release_serial: Arc::new(watch::Sender::new(None)),
            lanes: Lanes::default(),
        })
    }

    /// The same with connections of its own that speak HTTP/1.1, for hosts behind something that
    /// breaks HTTP/2.
    pub fn without_http2(self) -> Result<Self, TransportError> {
        Ok(Self {
            plain: plain(&self.agent, false)?,
            near: has_proxy().then(Arc::default),
            secure: Arc::default(),
            http2: false,
            ..self
        })
    }

    /// The connections for a URL.
    pub(crate) fn http(&self, url: &Url) -> &reqwest::Client {
        if url.scheme() != "http" {
            return self.secure.get_or_init(|| self.more_secure());
        }
        match self.near.as_ref().filter(|_| is_near(url)) {
            Some(near) => near.get_or_init(|| {
                let builder = builder(&self.agent, self.http2, Redirects::custom(redirect_plain));
                let built = builder.no_proxy().tls_certs_only([]).build();
                built.unwrap_or_else(|_| self.plain.clone())
            }),
            None => &self.plain,
        }
    }

    /// Further connections for `https` URLs.
    pub(crate) fn more_secure(&self) -> reqwest::Client {
        let builder = builder(&self.agent, self.http2, Redirects::custom(redirect));
        builder.build().unwrap_or_else(|cause| {
            tracing::warn!(%cause, "no CA certificates could be read, so HTTPS will not work");
            self.plain.clone()
        })
    }

    /// Connections for `http` URLs like this one that speak HTTP/2 without being asked.
    pub(crate) fn more_plain(&self, url: &Url) -> reqwest::Client {
        let builder = builder(&self.agent, true, Redirects::custom(redirect_plain));
        let builder = if is_near(url) {
            builder.no_proxy()
        } else {
            builder
        };
        let builder = builder.http2_prior_knowledge().tls_certs_only([]);
        builder.build().unwrap_or_else(|_| self.plain.clone())
    }

    /// Highest serial of a release that any answer so far wants this host to run. Endpoints other
    /// than Trireme's server never name one.
    pub fn release_serial(&self) -> watch::Receiver<Option<u64>> {
        self.release_serial.subscribe()
    }

    fn note_release_serial(&self, headers: &HeaderMap) {
        let serial = headers.get(RELEASE_SERIAL);
        let serial = serial.and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
        self.release_serial.send_if_modified(|highest| {
            let rises = serial > *highest;
            if rises {
                *highest = serial;
            }
            rises
        });
    }

    /// Sends one request and reads its whole answer.
    pub(crate) async fn send(&self, request: Outgoing) -> Result<Answer, ClientError> {
        let bytes = request.body.as_ref().map_or(0, Bytes::len);
        let (method, url, headers) = (&request.method, &request.url, &request.headers);
        let now = || self.pacing.now();
        let watched = Watched::begin(method, url, headers, bytes, now);
        let answer = self.exchange(request, watched.as_ref()).await;
        if let Some(watched) = watched {
            watched.end(&answer, self.pacing.now());
        }
        answer
    }

    async fn exchange(
        &self,
        request: Outgoing,
        watched: Option<&Watched>,
    ) -> Result<Answer, ClientError> {
        let method = request.method.clone();
        let url = request.url.clone();
        let mut builder = self
            .http(&url)
            .request(request.method, request.url)
            .headers(request.headers)
            .timeout(request.timeout);
        if let Some(body) = request.body {
            builder = builder.body(body);
        }
        let unanswered = |error: &reqwest::Error| unanswered(&method, &url, error);
        let mut response = builder.send().await.map_err(|error| unanswered(&error))?;
        if let Some(watched) = watched {
            watched.head(response.version(), response.headers(), self.pacing.now());
        }
        self.note_release_serial(response.headers());
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| unanswered(&error))? {
            if body.len() + piece.len() > MAX_ANSWER_BYTES {
                return Err(ClientError::Undecodable {
                    method: static_name(&method),
                    url: url.to_string(),
                    status: response.status().as_u16(),
                    found: format!("a body of more than {MAX_ANSWER_BYTES} bytes"),
                });
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer {
            method: static_name(&method),
            url: url.to_string(),
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body,
        })
    }
}

/// The HTTP machinery could not be set up: a broken TLS or proxy configuration of this host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("HTTP could not be set up: {0}; check the proxy variables and CA certificates")]
pub struct TransportError(String);

/// One request, ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    pub(crate) timeout: Duration,
}

/// One whole answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// `Retry-After` in seconds, whole or decimal. Zero, dates and anything else count as not
    /// given, so that a careless endpoint does not get a tight loop; more than a day counts as one,
    /// so that it can be added to any time.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?;
        let wait = Duration::try_from_secs_f64(text.trim().parse().ok()?).ok()?;
        (!wait.is_zero()).then_some(wait.min(LONGEST_WAIT))
    }
}

/// Whether a variable names a proxy for `http` URLs.
fn has_proxy() -> bool {
    let names = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    names.iter().any(is_set)
}

/// Whether a URL is of this host. No proxy could reach it, so none is asked, whatever `NO_PROXY`
/// says; the peer has the same rule.
fn is_near(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// For `http` URLs.
fn plain(user_agent: &str, http2: bool) -> Result<reqwest::Client, TransportError> {
    builder(user_agent, http2, Redirects::custom(redirect_plain))
        .tls_certs_only([])
        .build()
        .map_err(|error| TransportError(chain(&error)))
}

fn builder(user_agent: &str, http2: bool, redirects: Redirects) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder();
    let builder = if http2 { builder } else { builder.http1_only() };
    builder
        .user_agent(user_agent)
        .http2_keep_alive_interval(PING_AFTER)
        .http2_keep_alive_timeout(PING_TIMEOUT)
        // An idle agent must not be woken by pings; a dead connection shows at the next request.
        .http2_keep_alive_while_idle(false)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .redirect(redirects)
}

fn redirect(attempt: Attempt<'_>) -> Action {
    // The others would turn a PUT into a GET, and a page into a success.
    let keeps_method = matches!(attempt.status().as_u16(), 307 | 308);
    if keeps_method && attempt.previous().len() < 10 {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

/// As [`redirect`], but never to HTTPS: the error then names the address to configure.
fn redirect_plain(attempt: Attempt<'_>) -> Action {
    if attempt.url().scheme() == "http" {
        redirect(attempt)
    } else {
        attempt.stop()
    }
}

/// `buildkite-agent/<version>.<build> (<os>; <arch>)`, with Go's names for the last two.
pub fn user_agent(version: &str) -> String {
    let (os, arch) = (platform::system(), platform::architecture());
    format!("buildkite-agent/{version}.x ({os}; {arch})")
}

/// The error for a request to which no answer, or not all of it, came.
pub(crate) fn unanswered(method: &Method, url: &Url, error: &reqwest::Error) -> ClientError {
    ClientError::NoAnswer {
        method: static_name(method),
        url: url.to_string(),
        silence: silence(error),
        detail: innermost(error),
    }
}

fn static_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        _ => "POST",
    }
}

fn silence(error: &reqwest::Error) -> Silence {
    let text = chain(error);
    let io = causes(error).find_map(|cause| Some(cause.downcast_ref::<std::io::Error>()?.kind()));
    match io {
        _ if error.is_timeout() => Silence::Timeout,
        _ if text.contains("invalid peer certificate") => Silence::Certificate,
        _ if error.is_dns() || text.contains("dns error") => Silence::UnknownHost,
        Some(std::io::ErrorKind::ConnectionRefused) => Silence::Refused,
        Some(std::io::ErrorKind::TimedOut) => Silence::Timeout,
        None if !error.is_connect() => Silence::Closed,
        Some(
            std::io::ErrorKind::ConnectionReset
            | std::io::ErrorKind::ConnectionAborted
            | std::io::ErrorKind::BrokenPipe
            | std::io::ErrorKind::UnexpectedEof,
        ) => Silence::Closed,
        _ => Silence::Unreachable,
    }
}

fn causes<'a>(
    error: &'a reqwest::Error,
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

fn innermost(error: &reqwest::Error) -> String {
    causes(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}

fn chain(error: &reqwest::Error) -> String {
    causes(error).fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_host_is_near() {
        for (url, near) in [
            ("http://localhost:8080/v3", true),
            ("http://LOCALHOST/v3", true),
            ("http://127.0.0.1/v3", true),
            ("http://127.8.9.10/v3", true),
            ("http://[::1]:80/v3", true),
            ("http://localhost.example/v3", false),
            ("http://128.0.0.1/v3", false),
            ("http://[::2]/v3", false),
        ] {
            assert_eq!(is_near(&Url::parse(url).unwrap()), near, "{url}");
        }
    }
}

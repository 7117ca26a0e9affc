//! What can go wrong between the agent and its endpoint, in words for somebody who sees the line
//! for the first time: what was asked, what came, what to do.
//!
//! A body that is JSON is never quoted, because it may hold tokens.

use std::time::Duration;

use crate::retry::{Failure, Kind, LOCKED};

/// An endpoint's address that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "endpoint {text:?} cannot be used: {reason}; it should look like https://agent.buildkite.com/v3"
)]
pub struct EndpointError {
    /// The address as given, without credentials.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// Why a request was not even sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Local {
    /// There is no token.
    #[error("there is no token to authenticate with; set one")]
    NoToken,
    /// The token holds what a header cannot carry.
    #[error("the token holds a character that cannot stand in a header, such as a line break")]
    UnusableToken,
    /// An id that would lead to another route.
    #[error("an id is empty or made of dots, so the path {0:?} would name another route")]
    UnusablePath(String),
    /// The body cannot be written as JSON.
    #[error("the body cannot be written as JSON: {0}")]
    Encode(String),
}

/// Why no answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Silence {
    /// Nobody listens at the address.
    #[error("connection refused; is the server running, and is the endpoint's address right?")]
    Refused,
    /// The host name has no address.
    #[error("the host name is unknown; check the endpoint's spelling and this host's DNS")]
    UnknownHost,
    /// Time ran out.
    #[error("no complete answer in time; the endpoint or the way to it is overloaded or blocked")]
    Timeout,
    /// The connection ended before the whole answer was there.
    #[error("the connection was closed before a complete answer came")]
    Closed,
    /// The other side's certificate is not trusted. Only a person can change that.
    #[error(
        "its TLS certificate is not trusted; check the endpoint's name and this host's CA certificates"
    )]
    Certificate,
    /// Anything else between here and there.
    #[error("the endpoint could not be reached")]
    Unreachable,
}

/// The result of a request that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The endpoint gave no answer.
    #[error("{method} {url}: {silence}{}", in_brackets(detail))]
    NoAnswer {
        /// Method of the request.
        method: &'static str,
        /// Address of the request.
        url: String,
        /// The reason, as a closed list.
        silence: Silence,
        /// What the operating system or the libraries said.
        detail: String,
    },
    /// The endpoint answered, and not with success.
    #[error("{method} {url}: answered {status}{}{}", after_colon(message), advice(*status, message))]
    Status {
        /// Method of the request.
        method: &'static str,
        /// Address of the request.
        url: String,
        /// HTTP status.
        status: u16,
        /// The endpoint's `message`, or the start of a body that is not JSON.
        message: String,
        /// How long the endpoint asks to be left alone (429 and 503 only).
        retry_after: Option<Duration>,
    },
    /// Success by its status, but not what the Agent API writes: a proxy's page, for example.
    #[error(
        "{method} {url}: answered {status}, but not as the Agent API does: {found}; check that the \
         endpoint's address is right and no proxy answers in its place"
    )]
    Undecodable {
        /// Method of the request.
        method: &'static str,
        /// Address of the request.
        url: String,
        /// HTTP status.
        status: u16,
        /// What is wrong with the body.
        found: String,
    },
    /// The request was not sent.
    #[error("{method} {path}: not sent: {reason}")]
    Local {
        /// Method of the request.
        method: &'static str,
        /// Path below the endpoint.
        path: String,
        /// The reason.
        reason: Local,
    },
}

impl ClientError {
    /// Whether the same request may succeed later without anybody doing anything: 429, 5xx, an
    /// answer that is not the Agent API's, and every lack of an answer but an untrusted certificate.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::NoAnswer { silence, .. } => *silence != Silence::Certificate,
            Self::Status { status, .. } => *status == 429 || *status >= 500,
            Self::Undecodable { .. } => true,
            Self::Local { .. } => false,
        }
    }

    /// Whether the endpoint itself said no: a 4xx other than 429. It will not say yes later.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Status { status, .. } if (400..500).contains(status) && *status != 429)
    }

    /// Whether what was asked for is held for somebody else, which ends some time.
    pub fn is_lock(&self) -> bool {
        self.status() == Some(LOCKED)
    }

    /// The same, with a time to come back after. For answers that may name one whatever their status.
    pub(crate) fn coming_back(mut self, wait: Option<Duration>) -> Self {
        if let Self::Status { retry_after, .. } = &mut self {
            *retry_after = wait;
        }
        self
    }

    /// The status of the answer, if the Agent API gave one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// How long the endpoint asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The failure as the retry rules see it.
    pub fn failure(&self) -> Failure {
        let kind = match self {
            Self::NoAnswer { .. } => Kind::NoAnswer {
                transient: self.is_retryable(),
            },
            Self::Status { status, .. } => Kind::Status(*status),
            Self::Undecodable { .. } => Kind::Undecodable,
            Self::Local { .. } => Kind::Local,
        };
        Failure {
            kind,
            retry_after: self.retry_after(),
        }
    }
}

fn in_brackets(detail: &str) -> String {
    if detail.is_empty() {
        String::new()
    } else {
        format!(" ({detail})")
    }
}

fn after_colon(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    }
}

fn advice(status: u16, message: &str) -> &'static str {
    match status {
        300..=399 => "; set the endpoint to the address it points to",
        401 | 403 => "; check that the token is right, not revoked and meant for this endpoint",
        // With a message it is the API that misses something; without, it may be no API at all.
        404 if message.is_empty() => "; check the endpoint's address, it usually ends in /v3",
        _ => "",
    }
}

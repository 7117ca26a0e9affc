//! The HTTP client behind every exporter: protobuf over HTTP as it comes, and the same messages
//! over gRPC.
//!
//! gRPC is spoken here, not by a library of its own, so that there is one TLS stack, one set of
//! trusted certificates and one way through proxies. What is needed of it is one message in, one
//! message out: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>.
//!
//! It remembers why the last try failed, without saying more of the address than its origin.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::{BufMut, BytesMut};
use http_body_util::{BodyExt, Limited};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol as Encoding, WithExportConfig, WithHttpConfig};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TE};

use crate::destination::{Destination, Protocol};

/// Longest answer that is read. Collectors answer with a few bytes.
const LONGEST_ANSWER: usize = 1024 * 1024;
const GRPC_STATUS: &str = "grpc-status";
const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");

/// Why the last try failed, in words for a log; shared with whoever says so.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trouble(Arc<Mutex<Option<String>>>);

impl Trouble {
    fn note(&self, text: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }

    /// What the last try failed of, if it failed.
    pub(crate) fn last(&self) -> Option<String> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The certificate of `OTEL_EXPORTER_OTLP_CERTIFICATE` cannot be used.
    #[error("read the collector's certificate {0}: {1}")]
    Certificate(String, String),
    /// TLS cannot be set up.
    #[error("set up a client for the collector: {0}")]
    Client(String),
}

/// The client of one exporter.
#[derive(Debug)]
pub(crate) struct Transport {
    client: reqwest::Client,
    protocol: Protocol,
    trouble: Trouble,
}

impl Transport {
    /// A client for this destination. Nothing is connected before the first export.
    pub(crate) fn new(to: &Destination, trouble: Trouble) -> Result<Self, TransportError> {
        let mut builder = reqwest::Client::builder()
            .timeout(to.timeout)
            .redirect(reqwest::redirect::Policy::none()); // headers hold credentials
        if to.protocol == Protocol::Grpc {
            builder = builder.http2_prior_knowledge();
        }
        if to.address.scheme() == "http" {
            builder = builder.tls_certs_only([]); // reading those of the system takes a while
        } else if let Some(path) = &to.certificate {
            let refuse =
                |error: String| TransportError::Certificate(path.display().to_string(), error);
            let pem = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem);
            let certificates = certificates.map_err(|error| refuse(error.to_string()))?;
            builder = builder.tls_certs_merge(certificates);
        }
        let client = builder.build();
        Ok(Self {
            client: client.map_err(|error| TransportError::Client(innermost(&error)))?,
            protocol: to.protocol,
            trouble,
        })
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        let request = match self.protocol {
            Protocol::Http => request,
            Protocol::Grpc => framed(request),
        };
        let request = reqwest::Request::try_from(request).map_err(|error| innermost(&error))?;
        let answer = self.client.execute(request).await;
        let answer: Response<reqwest::Body> = answer.map_err(|error| innermost(&error))?.into();
        let (mut head, body) = answer.into_parts();
        let body = Limited::new(body, LONGEST_ANSWER).collect().await;
        let body = body.map_err(|error| format!("its answer broke off: {error}"))?;
        let trailers = body.trailers().cloned().unwrap_or_default();
        let mut bytes = body.to_bytes();
        if self.protocol == Protocol::Grpc && head.status.is_success() {
            head.status = grpc_status(&head.headers, &trailers);
            bytes = bytes.slice(bytes.len().min(FRAME)..);
        }
        Ok(Response::from_parts(head, bytes))
    }
}

#[async_trait]
impl HttpClient for Transport {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.exchange(request).await;
        self.trouble.note(match &answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answered {}", answer.status())),
            Err(error) => Some(error.clone()),
        });
        answer.map_err(HttpError::from)
    }
}

/// Aims the builder of an exporter at a destination. Over gRPC, too, what it makes is protobuf for
/// HTTP: the rest is done here.
pub(crate) fn aimed<B: WithExportConfig + WithHttpConfig>(
    builder: B,
    to: &Destination,
    trouble: &Trouble,
) -> Result<B, TransportError> {
    let transport = Transport::new(to, trouble.clone())?;
    Ok(builder
        .with_http_client(transport)
        .with_protocol(Encoding::HttpBinary)
        .with_endpoint(to.address.as_str())
        .with_timeout(to.timeout))
}

/// Bytes before a message: whether it is compressed, and its length.
const FRAME: usize = 5;

/// The same message as a gRPC call.
fn framed(request: Request<Bytes>) -> Request<Bytes> {
    let (mut head, body) = request.into_parts();
    let encoding = head.headers.remove(CONTENT_ENCODING);
    let mut message = BytesMut::with_capacity(FRAME + body.len());
    message.put_u8(u8::from(encoding.is_some()));
    message.put_u32(u32::try_from(body.len()).unwrap_or(u32::MAX)); // the exporter sends 64 MiB at most
    message.put(body);
    if let Some(encoding) = encoding {
        head.headers.insert(GRPC_ENCODING, encoding);
    }
    let grpc = HeaderValue::from_static("application/grpc");
    head.headers.insert(CONTENT_TYPE, grpc);
    head.headers
        .insert(TE, HeaderValue::from_static("trailers"));
    Request::from_parts(head, message.freeze())
}

/// What an HTTP collector would have answered: the exporter decides by that whether to try again.
/// Codes: <https://grpc.io/docs/guides/status-codes/>; which of them may be tried again:
/// <https://opentelemetry.io/docs/specs/otlp/#failures>.
fn grpc_status(headers: &HeaderMap, trailers: &HeaderMap) -> reqwest::StatusCode {
    let status = trailers
        .get(GRPC_STATUS)
        .or_else(|| headers.get(GRPC_STATUS));
    match status.and_then(|status| status.to_str().ok()) {
        Some("0") => reqwest::StatusCode::OK,
        Some("1" | "4" | "8" | "10" | "11" | "14" | "15") | None => {
            reqwest::StatusCode::SERVICE_UNAVAILABLE
        }
        Some("16") => reqwest::StatusCode::UNAUTHORIZED,
        Some("7") => reqwest::StatusCode::FORBIDDEN,
        Some("12") => reqwest::StatusCode::NOT_FOUND,
        Some(_) => reqwest::StatusCode::BAD_REQUEST,
    }
}

/// The cause at the bottom; those above it repeat the address.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &'static str, value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        headers
    }

    #[test]
    fn codes_of_grpc_are_tried_again_as_the_protocol_says() {
        for (code, wanted) in [("0", 200), ("14", 503), ("8", 503), ("16", 401), ("3", 400)] {
            let trailers = header(GRPC_STATUS, code);
            assert_eq!(grpc_status(&HeaderMap::new(), &trailers), wanted, "{code}");
            assert_eq!(grpc_status(&trailers, &HeaderMap::new()), wanted, "{code}");
        }
        assert_eq!(grpc_status(&HeaderMap::new(), &HeaderMap::new()), 503);
    }

    #[test]
    fn a_message_of_grpc_says_its_length_and_whether_it_is_compressed() {
        for (encoding, flag) in [(None, 0), (Some("gzip"), 1)] {
            let mut request = Request::new(Bytes::from_static(b"abc"));
            if let Some(encoding) = encoding {
                let encoding = HeaderValue::from_static(encoding);
                request.headers_mut().insert(CONTENT_ENCODING, encoding);
            }
            let framed = framed(request);
            assert_eq!(framed.body()[..], [flag, 0, 0, 0, 3, b'a', b'b', b'c']);
            let headers = framed.headers();
            assert_eq!(headers.get("grpc-encoding").is_some(), flag == 1);
            assert!(headers.get(CONTENT_ENCODING).is_none());
        }
    }
}

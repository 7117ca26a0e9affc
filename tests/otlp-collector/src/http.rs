//! Protobuf over HTTP.

use std::io::Read;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::routing::any;
use bytes::Bytes;
use flate2::read::GzDecoder;
use prost::Message;

use crate::seen::{Call, Received};
use crate::{Health, Shared};

pub(crate) fn routes(shared: &Arc<Shared>) -> Router {
    Router::new()
        .fallback(any(answer))
        .with_state(Arc::clone(shared))
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> StatusCode {
    let path = request.uri().path().to_owned();
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        (name.to_string(), value.into_owned())
    });
    let call = Call {
        path: path.clone(),
        headers: headers.collect(),
    };
    let zipped = call.headers.get("content-encoding").map(String::as_str) == Some("gzip");
    let Ok(body) = axum::body::to_bytes(request.into_body(), usize::MAX).await else {
        return StatusCode::BAD_REQUEST;
    };
    match shared.called(call) {
        Health::Busy => return StatusCode::SERVICE_UNAVAILABLE,
        Health::Strict => return StatusCode::UNAUTHORIZED,
        Health::Silent => std::future::pending::<()>().await,
        Health::Well => {}
    }
    let body = if zipped { unzipped(&body) } else { body };
    let mut taken = Ok(());
    shared.keep(|received| taken = take(received, &path, body));
    match taken {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::BAD_REQUEST,
    }
}

fn unzipped(body: &[u8]) -> Bytes {
    let mut plain = Vec::new();
    let _ = GzDecoder::new(body).read_to_end(&mut plain); // what is broken cannot be decoded either
    plain.into()
}

fn take(received: &mut Received, path: &str, body: Bytes) -> Result<(), prost::DecodeError> {
    if path.ends_with("/v1/traces") {
        received.add_spans(&Message::decode(body)?);
    } else if path.ends_with("/v1/logs") {
        received.add_lines(&Message::decode(body)?);
    } else if path.ends_with("/v1/metrics") {
        received.add_numbers(&Message::decode(body)?);
    }
    Ok(())
}

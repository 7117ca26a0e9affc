//! A file of a release. Its name is its digest, so it never changes and can be cached for ever.

use std::io;
use std::ops::Range;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_RANGE,
    RANGE,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::manifest::is_known;
use super::missing;
use super::range::{Wanted, wanted};
use crate::Server;
use crate::fault::Fault;

/// Bytes that are read at once.
const PIECE: u64 = 64 << 10;

pub(super) async fn show(
    State(server): State<Server>,
    Path(digest): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let not_there = || Ok(missing("there is no file of this digest"));
    let Some(path) = server.tree.blob(&digest) else {
        return not_there();
    };
    let file = match File::open(&path).await {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return not_there(),
        Err(error) => return Err(Fault::internal(&error)),
    };
    let size = file
        .metadata()
        .await
        .map_err(|error| Fault::internal(&error))?
        .len();
    let etag = format!("\"{digest}\"");
    if is_known(&headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, etag)]).into_response());
    }
    let (status, span) = match wanted(range_of(&headers, &etag), size) {
        Wanted::All => (StatusCode::OK, 0..size),
        Wanted::Part(span) => (StatusCode::PARTIAL_CONTENT, span),
        Wanted::Nothing => {
            let total = [(CONTENT_RANGE, format!("bytes */{size}"))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, total).into_response());
        }
    };
    let mut answer = Response::builder()
        .status(status)
        .header(ETAG, etag)
        .header(CONTENT_TYPE, "application/octet-stream")
        .header(CACHE_CONTROL, "public, max-age=31536000, immutable")
        .header(ACCEPT_RANGES, "bytes")
        .header(CONTENT_LENGTH, span.end - span.start);
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {}-{}/{size}", span.start, span.end - 1);
        answer = answer.header(CONTENT_RANGE, range);
    }
    Ok(answer
        .body(Body::from_stream(pieces(file, span)))
        .expect("these headers are well formed"))
}

/// The range that counts: none when `If-Range` names other bytes than ours, because then the asker's
/// first part is of something else.
fn range_of<'a>(headers: &'a HeaderMap, etag: &str) -> Option<&'a str> {
    let same = headers
        .get(IF_RANGE)
        .is_none_or(|value| value.as_bytes() == etag.as_bytes());
    let range = headers.get(RANGE)?.to_str().ok()?;
    same.then_some(range)
}

/// The bytes of a span, piece by piece.
fn pieces(file: File, span: Range<u64>) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((file, span, false), |(mut file, span, placed)| async move {
        if span.is_empty() {
            return Ok(None);
        }
        if !placed {
            file.seek(io::SeekFrom::Start(span.start)).await?;
        }
        let mut piece = Vec::new();
        let most = PIECE.min(span.end - span.start);
        (&mut file).take(most).read_to_end(&mut piece).await?;
        if piece.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let rest = span.start + piece.len() as u64..span.end;
        Ok(Some((Bytes::from(piece), (file, rest, true))))
    })
}

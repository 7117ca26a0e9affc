//! `POST jobs/{id}/chunks`: a piece of a job's log, compressed.

use std::io::Read as _;

use axum::extract::{Path, Query, Request, State};
use axum::http::header::CONTENT_ENCODING;
use axum::http::{HeaderValue, StatusCode};
use flate2::read::MultiGzDecoder;
use shared_protocol::JobId;
use shared_protocol::job::ChunkPlace;

use crate::Server;
use crate::auth::Runner;
use crate::fault::Fault;
use crate::input::body;

/// Size of a chunk that runners are asked for, in bytes before compression.
pub(super) const CHUNK_SIZE: u64 = 100 << 10;

/// Largest chunk that is taken, in bytes after decompression. A runner that cannot split an escape
/// sequence may go over what it was asked for.
const LARGEST_CHUNK: u64 = 1 << 20;

/// Longest body. What does not compress grows a little.
pub(super) const LONGEST_BODY: usize = (1 << 20) + (64 << 10);

pub(super) async fn receive(
    State(server): State<Server>,
    runner: Runner,
    Path(id): Path<JobId>,
    Query(place): Query<ChunkPlace>,
    request: Request,
) -> Result<StatusCode, Fault> {
    let job = server.store.job(&id).await?;
    runner.must_hold(&job)?;
    if job.state.is_finished() {
        return Err(Fault::refused("the job is already finished"));
    }
    let encoding = request.headers().get(CONTENT_ENCODING).cloned();
    let body = body(request, &server).await?;
    let bytes = match encoding.as_ref().map(HeaderValue::as_bytes) {
        Some(b"gzip") => gunzip(&body)?,
        None | Some(b"identity") => body.to_vec(),
        Some(_) => return Err(Fault::refused("chunks are sent with Content-Encoding gzip")),
    };
    server.store.put_chunk(&id, place, bytes).await?;
    server.wakes.job(&id);
    Ok(StatusCode::CREATED)
}

/// Decompresses, and stops reading where a chunk would be too large: a small body must not be able
/// to fill the memory.
fn gunzip(body: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    MultiGzDecoder::new(body)
        .take(LARGEST_CHUNK + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Fault::refused(format!("the chunk is not gzip: {error}")))?;
    if bytes.len() as u64 > LARGEST_CHUNK {
        let message = format!("a chunk has at most {LARGEST_CHUNK} bytes");
        return Err(Fault::new(StatusCode::PAYLOAD_TOO_LARGE, message));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn a_small_body_that_would_fill_the_memory_is_refused() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&vec![0; 64 << 20]).unwrap();
        let bomb = encoder.finish().unwrap();
        assert!(bomb.len() < 100_000);
        let fault = gunzip(&bomb).unwrap_err();
        assert_eq!(fault.status, StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[test]
    fn what_is_not_gzip_is_named() {
        assert!(gunzip(b"plain").unwrap_err().message.contains("not gzip"));
    }
}

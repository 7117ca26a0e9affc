//! The signed documents: the manifest of a channel, and the trust roots. With an ETag, so that an
//! unchanged one costs no bytes.

use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

use super::missing;
use crate::Server;
use crate::fault::Fault;

pub(super) async fn show(
    State(server): State<Server>,
    Path(channel): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    Ok(match server.tree.manifest(&channel)? {
        Some(bytes) => document(&headers, bytes),
        None => {
            missing("nothing was published in this channel; see `trireme-server release publish`")
        }
    })
}

/// The trust root of a version, as `<version>.root.json`. A host that asks for the one after its own
/// mostly gets a 404.
pub(super) async fn root(
    State(server): State<Server>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    Ok(match server.tree.root(&file)? {
        Some(bytes) => document(&headers, bytes),
        None => missing("there is no trust root of this version"),
    })
}

fn document(headers: &HeaderMap, bytes: Vec<u8>) -> Response {
    let etag = etag_of(&bytes);
    let common = [(ETAG, etag.clone()), (CACHE_CONTROL, "no-cache".to_owned())];
    if is_known(headers, &etag) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let json = [(CONTENT_TYPE, "application/json")];
    (common, json, bytes).into_response()
}

fn etag_of(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let half = digest[..16].iter().map(|byte| format!("{byte:02x}"));
    format!("\"{}\"", half.collect::<String>())
}

/// Whether the asker has it already. Weak and strong validators compare alike here (RFC 9110, 13.1.2).
pub(super) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let listed = headers
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    listed.is_some_and(|list| {
        list.split(',')
            .map(str::trim)
            .any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == etag)
    })
}

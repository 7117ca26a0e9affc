//! Request bodies. What cannot be read is answered with the reason, as JSON.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use crate::fault::Fault;

/// Longest JSON body, in bytes.
pub(crate) const LONGEST_JSON: usize = 1 << 20;

/// A JSON body. Its content type is not asked for: what is not JSON does not parse.
pub(crate) struct Input<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Input<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, state: &S) -> Result<Self, Fault> {
        let body = body(request, state).await?;
        serde_json::from_slice(&body).map(Self).map_err(|error| {
            let message = format!("the body is not the JSON that belongs here: {error}");
            Fault::new(StatusCode::BAD_REQUEST, message)
        })
    }
}

/// The whole body, within the limit of its route.
pub(crate) async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Fault> {
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection| Fault::new(rejection.status(), rejection.body_text()))
}

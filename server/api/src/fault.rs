//! Answers that say no: a status, and a JSON body with one sentence.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use server_releases::PublishError;
use server_store::{ChunkError, StoreError};
use shared_protocol::agent::ErrorBody;
use tracing::error;

/// A request that is not granted.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    /// 401: who is asking is unknown or may not ask at all.
    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// 404: there is no such thing.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 422: understood, and not possible.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// 500: our own fault. The cause goes to our log, not to strangers.
    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Self {
        error!(%cause, "request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the server failed; its log says why",
        )
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let message = self.message;
        (self.status, Json(ErrorBody { message })).into_response()
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { .. } => Self::not_found(error.to_string()),
            StoreError::Exists { .. } | StoreError::Refused(_) => Self::refused(error.to_string()),
            _ => Self::internal(&error),
        }
    }
}

impl From<ChunkError> for Fault {
    fn from(error: ChunkError) -> Self {
        match error {
            ChunkError::Store(error) => error.into(),
            refused => Self::refused(refused.to_string()),
        }
    }
}

impl From<PublishError> for Fault {
    fn from(error: PublishError) -> Self {
        Self::internal(&error)
    }
}

//! How a stream ended, and what that says about the next one. Pure.

use shared_client::ClientError;

use crate::envelope::EnvelopeError;
use crate::message::MessageError;
use crate::status::Code;

/// The end of a stream, or what there was in its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// No answer, or no more of it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The endpoint ended the stream with a status.
    #[error("the endpoint ended it with {code}{}", after_colon(message))]
    Status {
        /// The status.
        code: Code,
        /// What the endpoint says about it; may be empty.
        message: String,
        /// Whether a message had come before.
        established: bool,
    },
    /// What answered does not speak gRPC.
    #[error("answered {status}, but not as a stream of pings; the endpoint may not offer them")]
    Foreign {
        /// HTTP status.
        status: u16,
    },
    /// Bytes that are no messages.
    #[error("the endpoint sent what cannot be read: {0}")]
    Envelope(#[from] EnvelopeError),
    /// A message that makes no sense.
    #[error("the endpoint sent what cannot be read: {0}")]
    Message(#[from] MessageError),
}

/// What an end means for the next stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Streams end now and then; the next one goes on where this one stopped.
    Recycled,
    /// Trouble that may pass.
    Passing,
    /// The endpoint will not have one with this worker, or does not know what that is.
    Refused,
    /// What answered is not gRPC: an endpoint that knows only pings. Where streams have been before,
    /// it is something in the endpoint's place, which may pass.
    Foreign,
}

impl StreamError {
    /// What it means.
    pub fn class(&self) -> Class {
        match self {
            Self::Status {
                code, established, ..
            } => match *code {
                Code::UNAUTHENTICATED | Code::PERMISSION_DENIED | Code::UNIMPLEMENTED => {
                    Class::Refused
                }
                Code::DEADLINE_EXCEEDED | Code::OK if *established => Class::Recycled,
                _ => Class::Passing,
            },
            // Statuses of proxies whose endpoint is away, of which it will be back.
            Self::Foreign { status } if *status == 429 || *status >= 500 => Class::Passing,
            Self::Foreign { .. } => Class::Foreign,
            Self::Client(ClientError::Local { .. }) => Class::Refused,
            Self::Client(_) | Self::Envelope(_) | Self::Message(_) => Class::Passing,
        }
    }
}

fn after_colon(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_one_class() {
        for code in 0..=17 {
            for established in [false, true] {
                let expected = match (code, established) {
                    (0 | 4, true) => Class::Recycled,
                    (7 | 12 | 16, _) => Class::Refused,
                    _ => Class::Passing,
                };
                let error = StreamError::Status {
                    code: Code(code),
                    message: String::new(),
                    established,
                };
                assert_eq!(error.class(), expected, "{code} {established}");
            }
        }
    }

    #[test]
    fn an_answer_that_is_no_grpc_is_judged_by_its_http_status() {
        for (status, expected) in [
            (200, Class::Foreign),
            (302, Class::Foreign),
            (401, Class::Foreign),
            (404, Class::Foreign),
            (405, Class::Foreign),
            (429, Class::Passing),
            (500, Class::Passing),
            (503, Class::Passing),
        ] {
            let error = StreamError::Foreign { status };
            assert_eq!(error.class(), expected, "{status}");
        }
    }
}

//! The messages of `StreamPings`, in protocol buffers, and what they mean.
//!
//! The types follow `agentedge/v1` of the peer: field numbers and kinds are the format, names are
//! not. Fields and actions that this version does not know are passed over.

use prost::Message as _;
use shared_protocol::JobId;

/// What the endpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Take jobs, again or at last.
    Resume,
    /// Take no jobs until told otherwise.
    Pause {
        /// Why, for the log; may be empty.
        reason: String,
    },
    /// Finish the running job, disconnect and end.
    Disconnect {
        /// Why, for the log; may be empty.
        reason: String,
    },
    /// This job is for the worker to accept.
    Job(JobId),
    /// Nothing, or nothing this version knows: the stream is alive.
    Alive,
}

/// Why a message makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Not protocol buffers, or not this message.
    #[error("a message that cannot be read: {0}")]
    Unreadable(#[from] prost::DecodeError),
    /// A job without an id.
    #[error("a job without an id")]
    NoJobId,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Request {
    #[prost(string, tag = "1")]
    agent_id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Response {
    #[prost(oneof = "Action", tags = "2, 3, 4, 5")]
    action: Option<Action>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Action {
    #[prost(message, tag = "2")]
    Resume(Empty),
    #[prost(message, tag = "3")]
    Pause(Reason),
    #[prost(message, tag = "4")]
    Disconnect(Reason),
    #[prost(message, tag = "5")]
    JobAssigned(JobAssigned),
}

#[derive(Clone, PartialEq, prost::Message)]
struct Empty {}

#[derive(Clone, PartialEq, prost::Message)]
struct Reason {
    #[prost(string, tag = "1")]
    reason: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct JobAssigned {
    #[prost(message, optional, tag = "1")]
    job: Option<Job>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Job {
    #[prost(string, tag = "1")]
    id: String,
}

/// What opens the stream of a worker.
pub fn request(agent_id: &str) -> Vec<u8> {
    let agent_id = agent_id.to_owned();
    Request { agent_id }.encode_to_vec()
}

impl Message {
    /// Reads one message.
    pub fn read(bytes: &[u8]) -> Result<Self, MessageError> {
        Ok(match Response::decode(bytes)?.action {
            None => Self::Alive,
            Some(Action::Resume(Empty {})) => Self::Resume,
            Some(Action::Pause(Reason { reason })) => Self::Pause { reason },
            Some(Action::Disconnect(Reason { reason })) => Self::Disconnect { reason },
            Some(Action::JobAssigned(JobAssigned { job })) => match job {
                Some(Job { id }) if !id.is_empty() => Self::Job(JobId::new(id)),
                _ => return Err(MessageError::NoJobId),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_the_workers_id_in_field_one() {
        assert_eq!(request("ab"), [0x0a, 2, b'a', b'b']);
    }

    #[test]
    fn every_action_is_read_from_its_bytes() {
        let reason = String::from("hi");
        for (bytes, wanted) in [
            (&[][..], Message::Alive),
            (&[0x12, 0], Message::Resume),
            (
                &[0x1a, 0],
                Message::Pause {
                    reason: String::new(),
                },
            ),
            (
                &[0x1a, 4, 0x0a, 2, b'h', b'i'],
                Message::Pause {
                    reason: reason.clone(),
                },
            ),
            (
                &[0x22, 4, 0x0a, 2, b'h', b'i'],
                Message::Disconnect { reason },
            ),
            (
                &[0x2a, 5, 0x0a, 3, 0x0a, 1, b'j'],
                Message::Job(JobId::new("j")),
            ),
            // Field 9 of whatever comes next, and a job with more to it.
            (&[0x4a, 1, b'x'], Message::Alive),
            (
                &[0x2a, 8, 0x0a, 6, 0x0a, 1, b'j', 0x12, 1, b'x'],
                Message::Job(JobId::new("j")),
            ),
        ] {
            assert_eq!(Message::read(bytes), Ok(wanted), "{bytes:?}");
        }
    }

    #[test]
    fn a_job_without_an_id_and_bytes_without_a_meaning_are_errors() {
        for bytes in [
            &[0x2a, 0][..],
            &[0x2a, 2, 0x0a, 0],
            &[0x2a, 4, 0x0a, 2, 0x0a, 0],
        ] {
            assert_eq!(
                Message::read(bytes),
                Err(MessageError::NoJobId),
                "{bytes:?}"
            );
        }
        assert!(Message::read(&[0x2a, 9]).is_err());
    }
}

//! The life of one worker on the wire: register, ping, heartbeat.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::lenient::{null_as_default, seconds, texts};
use crate::{AgentId, JobId, Secret};

/// `POST register`: what a worker says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct RegisterRequest {
    /// Wanted name; the endpoint may expand `%hostname` and the like.
    pub name: String,
    /// Name of the host.
    pub hostname: String,
    /// Text that describes the operating system's version.
    pub os: String,
    /// Architecture in Go's spelling: `amd64`, `arm64` and so on.
    pub arch: String,
    /// Whether jobs may run commands that are not scripts of the repository.
    #[serde(default)]
    pub script_eval_enabled: bool,
    /// True in acquire-job mode only: never offer this worker other jobs.
    #[serde(default)]
    pub ignore_in_dispatches: bool,
    /// Decimal number as text; workers with a higher one get jobs first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
    /// Version of the agent.
    pub version: String,
    /// Build number of the agent, `x` for a development build.
    pub build: String,
    /// Tags, each `key=value`. Always a list on the wire, also when empty.
    #[serde(default, deserialize_with = "null_as_default")]
    pub meta_data: Vec<String>,
    /// Process id of the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Stable, protected id of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_id: Option<String>,
    /// Names of switched-on features, for the endpoint's statistics.
    #[serde(default, deserialize_with = "null_as_default")]
    pub features: Vec<String>,
}

/// Answer to `POST register`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct RegisterResponse {
    /// The worker's id from now on.
    pub id: AgentId,
    /// The name the endpoint gave it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub name: String,
    /// Token for every further request of this worker.
    pub access_token: Secret,
    /// Another endpoint to use from now on; empty or equal to the current one means stay.
    #[serde(default, deserialize_with = "null_as_default")]
    pub endpoint: String,
    /// Headers to send with every request from now on. Absent: leave as they are.
    #[serde(
        default,
        deserialize_with = "texts",
        skip_serializing_if = "Option::is_none"
    )]
    pub request_headers: Option<BTreeMap<String, String>>,
    /// Seconds between pings.
    #[serde(default, deserialize_with = "seconds")]
    pub ping_interval: u64,
    /// Seconds between polls of a running job's state.
    #[serde(default, deserialize_with = "seconds")]
    pub job_status_interval: u64,
    /// Seconds between heartbeats.
    #[serde(default, deserialize_with = "seconds")]
    pub heartbeat_interval: u64,
    /// The tags as the endpoint understood them.
    #[serde(default, deserialize_with = "null_as_default")]
    pub meta_data: Vec<String>,
    /// How the endpoint wants jobs to be traced, if it cares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracing: Option<TracingPolicy>,
}

/// How an endpoint wants jobs to be traced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct TracingPolicy {
    /// What traces are made for, such as `opentelemetry`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub backend: String,
    /// Whether jobs continue the trace that comes with them.
    #[serde(default, deserialize_with = "null_as_default")]
    pub propagate_traceparent: bool,
    /// Where spans go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exporter: Option<TracingExporter>,
}

/// A collector of spans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct TracingExporter {
    /// Its whole address.
    #[serde(default, deserialize_with = "null_as_default")]
    pub endpoint: String,
    /// `grpc` or `http/protobuf`; empty: whatever is usual.
    #[serde(default, deserialize_with = "null_as_default")]
    pub protocol: String,
    /// Headers for it, which hold credentials.
    #[serde(default, deserialize_with = "null_as_default")]
    pub headers: BTreeMap<String, Secret>,
}

/// Answer to `GET ping`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct PingResponse {
    /// What to do; see [`PingAction`].
    #[serde(default, deserialize_with = "null_as_default")]
    pub action: PingAction,
    /// A line for the agent's log.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub message: String,
    /// A job to accept. Ignored while paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<OfferedJob>,
    /// Another endpoint to try and then use.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub endpoint: String,
    /// As in [`RegisterResponse::request_headers`].
    #[serde(
        default,
        deserialize_with = "texts",
        skip_serializing_if = "Option::is_none"
    )]
    pub request_headers: Option<BTreeMap<String, String>>,
}

/// What an endpoint asks of a worker in the answer to a ping.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PingAction {
    /// Nothing in particular; take the job if there is one. On the wire: empty or `idle`.
    #[default]
    Idle,
    /// Take no jobs until a later ping says otherwise.
    Pause,
    /// Finish the running job, disconnect and end.
    Disconnect,
    /// A word this version does not know. Treated as idle, and logged.
    Other(String),
}

impl PingAction {
    /// The spelling on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Idle => "",
            Self::Pause => "pause",
            Self::Disconnect => "disconnect",
            Self::Other(word) => word,
        }
    }
}

impl Serialize for PingAction {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for PingAction {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Ok(match word.as_str() {
            "" | "idle" => Self::Idle,
            "pause" => Self::Pause,
            "disconnect" => Self::Disconnect,
            _ => Self::Other(word),
        })
    }
}

/// The part of a job that an offer carries: only its id counts, accept brings the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedJob {
    /// The job to accept; empty for none.
    #[serde(default, deserialize_with = "null_as_default")]
    pub id: JobId,
}

/// `POST heartbeat`. Times are RFC 3339 with nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The agent's clock when it sent this; answers may leave it out.
    #[serde(default, deserialize_with = "null_as_default")]
    pub sent_at: String,
    /// The endpoint's clock when it arrived; only in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_at: Option<String>,
}

/// `POST stop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct StopRequest {
    /// Cancel the running job too.
    #[serde(default, skip_serializing_if = "is_false")]
    pub force: bool,
}

/// `POST pause`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct PauseRequest {
    /// Why, for people.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub note: String,
    /// When the pause ends by itself; 0 leaves that to the endpoint.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub timeout_in_minutes: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(value: &i64) -> bool {
    *value == 0
}

/// Body of an error answer, where the endpoint gives one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What went wrong, for people.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_answer_of_nulls_means_idle() {
        let ping: PingResponse =
            serde_json::from_str(r#"{"action":null,"message":null,"job":null,"endpoint":null}"#)
                .unwrap();
        assert_eq!(ping, PingResponse::default());
    }

    #[test]
    fn an_offer_without_an_id_is_none_and_says_the_rest() {
        for job in ["{}", r#"{"id":null}"#, r#"{"id":""}"#] {
            let text = format!(r#"{{"action":"disconnect","job":{job}}}"#);
            let ping: PingResponse = serde_json::from_str(&text).unwrap();
            assert_eq!(ping.action, PingAction::Disconnect, "{job}");
            assert_eq!(ping.job.unwrap().id, JobId::default(), "{job}");
        }
    }

    #[test]
    fn an_answered_heartbeat_may_say_nothing() {
        for text in ["{}", r#"{"sent_at":null,"received_at":null}"#] {
            let answer: Heartbeat = serde_json::from_str(text).unwrap();
            assert_eq!(answer.received_at, None, "{text}");
        }
    }

    #[test]
    fn a_header_of_null_is_an_empty_one() {
        let text = r#"{"request_headers":{"Buildkite-A":null,"Buildkite-B":"b"}}"#;
        let ping: PingResponse = serde_json::from_str(text).unwrap();
        let headers = ping.request_headers.unwrap();
        assert_eq!(headers["Buildkite-A"], "");
        assert_eq!(headers["Buildkite-B"], "b");
        let none: PingResponse = serde_json::from_str(r#"{"request_headers":null}"#).unwrap();
        assert_eq!(none.request_headers, None);
    }

    #[test]
    fn unknown_fields_and_actions_are_survived() {
        let ping: PingResponse =
            serde_json::from_str(r#"{"action":"dance","job":{"id":"j","more":1},"new":[]}"#)
                .unwrap();
        assert_eq!(ping.action, PingAction::Other("dance".into()));
        assert_eq!(ping.job.unwrap().id, JobId::new("j"));
    }

    #[test]
    fn request_headers_tell_absent_from_empty() {
        let absent: PingResponse = serde_json::from_str("{}").unwrap();
        let empty: PingResponse = serde_json::from_str(r#"{"request_headers":{}}"#).unwrap();
        assert_eq!(absent.request_headers, None);
        assert_eq!(empty.request_headers, Some(BTreeMap::new()));
    }
}

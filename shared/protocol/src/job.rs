//! One job on the wire: accept, start, state, chunks, finish.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::lenient::{null_as_default, seconds};
use crate::{JobId, Secret, SignalReason};

/// The job as accept and acquire return it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Job {
    /// The job's id.
    pub id: JobId,
    /// State when the answer was written; informative.
    #[serde(default, deserialize_with = "null_as_default")]
    pub state: String,
    /// The job's environment.
    #[serde(default, deserialize_with = "null_as_default")]
    pub env: BTreeMap<String, String>,
    /// The step the job was made from, as the pipeline gave it; kept whole for verification.
    #[serde(default)]
    pub step: serde_json::Value,
    /// Values of the step's matrix that make this job, by dimension; null without a matrix.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub matrix_permutation: serde_json::Value,
    /// Upper bound of one log chunk in bytes before compression; 0 means not given.
    #[serde(default, deserialize_with = "null_as_default")]
    pub chunks_max_size_bytes: u64,
    /// Seconds between two drains of the log; 0 means not given.
    #[serde(default, deserialize_with = "seconds")]
    pub chunks_interval_seconds: u64,
    /// Size above which the endpoint may drop log bytes; 0 means not given.
    #[serde(default, deserialize_with = "null_as_default")]
    pub log_max_size_bytes: u64,
    /// Token for everything about this job. Empty: use the worker's own.
    #[serde(default, deserialize_with = "null_as_default")]
    pub token: Secret,
    /// Its priority among the jobs of its queue; more is earlier.
    #[serde(default, deserialize_with = "null_as_default")]
    pub priority: i64,
    /// RFC 3339: since when it could have run, were there a worker. Empty: not given.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub runnable_at: String,
    /// W3C trace context of the build, if it is traced.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub traceparent: String,
    /// Companion of `traceparent`.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub tracestate: String,
}

/// Answer to `GET jobs/{id}/secrets`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepSecret {
    /// The secret's name.
    pub key: String,
    /// What to keep.
    pub value: Secret,
}

/// Answer to `GET jobs/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobStateResponse {
    /// The state's name; see [`JobPoll`].
    #[serde(default, deserialize_with = "null_as_default")]
    pub state: String,
}

/// What a polled state means to a runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobPoll {
    /// Carry on.
    Continue,
    /// Cancel: somebody asked for it.
    Cancel,
    /// Cancel: the job's time is up; hooks are told so by the timeout marker.
    TimedOut,
}

impl JobStateResponse {
    /// Reads the state's name.
    pub fn meaning(&self) -> JobPoll {
        match self.state.as_str() {
            "canceling" | "canceled" => JobPoll::Cancel,
            "timing_out" | "timed_out" => JobPoll::TimedOut,
            _ => JobPoll::Continue,
        }
    }
}

/// `PUT jobs/{id}/start`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartRequest {
    /// RFC 3339 with nanoseconds, UTC.
    pub started_at: String,
}

/// `PUT jobs/{id}/promise_failure`: the running job says how it will end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromiseFailureRequest {
    /// The exit status to come; not 0.
    pub exit_status: i64,
    /// Why, if the job says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `PUT jobs/{id}/finish`, sent after all of the log is delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishRequest {
    /// Decimal number as text; `-1` for a job that never ran or was ended by a signal.
    pub exit_status: String,
    /// Name of the signal that ended the executor, such as `SIGTERM`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
    /// Why the job ended otherwise than by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal_reason: Option<SignalReason>,
    /// RFC 3339 with nanoseconds, UTC.
    pub finished_at: String,
    /// Log chunks that the endpoint refused for good.
    #[serde(default)]
    pub chunks_failed_count: u64,
    /// True only with disconnect-after-job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignore_agent_in_dispatches: Option<bool>,
}

/// Query of `POST jobs/{id}/chunks`; the body is the gzip'd bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkPlace {
    /// Number of the chunk in its job, from 1 without a gap.
    pub sequence: u64,
    /// Bytes of the log before this chunk, uncompressed.
    pub offset: u64,
    /// Bytes of this chunk, uncompressed.
    pub size: u64,
}

/// `POST jobs/{id}/header_times`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderTimesRequest {
    /// RFC 3339 in UTC by the header's number in the log, from 0, in decimal.
    pub header_times: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_with_nulls_reads_as_defaults() {
        let job: Job = serde_json::from_str(
            r#"{"id":"j","env":null,"token":null,"chunks_max_size_bytes":null,"step":null}"#,
        )
        .unwrap();
        assert!(job.env.is_empty() && job.token.is_empty());
    }

    #[test]
    fn every_state_name_has_one_meaning() {
        for (state, meaning) in [
            ("running", JobPoll::Continue),
            ("canceling", JobPoll::Cancel),
            ("canceled", JobPoll::Cancel),
            ("timing_out", JobPoll::TimedOut),
            ("timed_out", JobPoll::TimedOut),
            ("something_new", JobPoll::Continue),
        ] {
            assert_eq!(
                JobStateResponse {
                    state: state.into()
                }
                .meaning(),
                meaning,
                "{state}"
            );
        }
    }

    #[test]
    fn a_plain_finish_names_neither_signal_nor_reason() {
        let finish = FinishRequest {
            exit_status: "0".into(),
            signal: None,
            signal_reason: None,
            finished_at: "2026-01-01T00:00:00.000000001Z".into(),
            chunks_failed_count: 0,
            ignore_agent_in_dispatches: None,
        };
        assert_eq!(
            serde_json::to_string(&finish).unwrap(),
            r#"{"exit_status":"0","finished_at":"2026-01-01T00:00:00.000000001Z","chunks_failed_count":0}"#
        );
    }
}

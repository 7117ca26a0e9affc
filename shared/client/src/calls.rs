//! The routes of the Agent API, each as a method of [`Client`].

use std::collections::BTreeMap;

use bytes::Bytes;
use shared_protocol::JobId;
use shared_protocol::agent::{
    Heartbeat, PauseRequest, PingResponse, RegisterRequest, RegisterResponse, StopRequest,
};
use shared_protocol::enroll::{EnrollRequest, EnrollResponse};
use shared_protocol::id::path_segment;
use shared_protocol::job::{
    ChunkPlace, FinishRequest, HeaderTimesRequest, Job, JobStateResponse, PromiseFailureRequest,
    StartRequest, StepSecret,
};

use crate::client::{Client, Request};
use crate::error::ClientError;
use crate::routes;

impl Client {
    /// `POST register`, with the registration token. Tried for about five minutes; a refusal ends
    /// it at once. [`Client::for_worker`] makes the worker's client of the answer.
    pub async fn register(&self, body: &RegisterRequest) -> Result<RegisterResponse, ClientError> {
        let request = Request::post("register").json(body);
        self.call(routes::REGISTER, request, |answer| answer.expect())
            .await
    }

    /// `POST enroll`, with a host's own secret, tried once: whoever waits to be let in asks again
    /// anyway. Only Trireme's server answers it.
    pub async fn enroll(&self, body: &EnrollRequest) -> Result<EnrollResponse, ClientError> {
        let request = Request::post("enroll").json(body);
        self.call(routes::ONCE, request, |answer| answer.expect())
            .await
    }

    /// `POST connect`: the worker is ready to be pinged. Ten attempts whatever the answer.
    pub async fn connect(&self) -> Result<(), ClientError> {
        let request = Request::post("connect");
        self.call(routes::CONNECT, request, |answer| answer.expect_nothing())
            .await
    }

    /// `POST disconnect`: the worker is gone. Four attempts; the caller only warns when all fail.
    pub async fn disconnect(&self) -> Result<(), ClientError> {
        let request = Request::post("disconnect");
        self.call(routes::DISCONNECT, request, |answer| {
            answer.expect_nothing()
        })
        .await
    }

    /// `GET ping`, tried once: the next ping is the next attempt. Takes over the headers that the
    /// answer asks for. After an error the caller waits its usual interval, or
    /// [`ClientError::retry_after`] if that is longer.
    pub async fn ping(&self) -> Result<PingResponse, ClientError> {
        let ping: PingResponse = self
            .call(routes::ONCE, Request::get("ping"), |answer| answer.expect())
            .await?;
        self.take_request_headers(ping.request_headers.as_ref());
        Ok(ping)
    }

    /// `POST heartbeat`. `sent_at` is the agent's clock as RFC 3339 with nanoseconds. Ten attempts;
    /// a refusal ([`ClientError::is_refusal`]) means the endpoint no longer knows the worker.
    pub async fn heartbeat(&self, sent_at: &str) -> Result<Heartbeat, ClientError> {
        let request = Request::post("heartbeat").json(&Heartbeat {
            sent_at: sent_at.to_owned(),
            received_at: None,
        });
        self.call(routes::HEARTBEAT, request, |answer| answer.expect())
            .await
    }

    /// `POST stop`, with the token of the worker or of its job: the worker is to end. Five attempts.
    pub async fn stop(&self, body: &StopRequest) -> Result<(), ClientError> {
        let request = Request::post("stop").json(body);
        self.call(routes::COMMAND, request, |answer| answer.expect_nothing())
            .await
    }

    /// `POST pause`, with such a token: the worker is to take no jobs for now. Five attempts.
    pub async fn pause(&self, body: &PauseRequest) -> Result<(), ClientError> {
        let request = Request::post("pause").json(body);
        self.call(routes::COMMAND, request, |answer| answer.expect_nothing())
            .await
    }

    /// `POST resume`, with such a token: the worker may take jobs again. Five attempts.
    pub async fn resume(&self) -> Result<(), ClientError> {
        let request = Request::post("resume");
        self.call(routes::COMMAND, request, |answer| answer.expect_nothing())
            .await
    }

    /// `PUT jobs/{id}/accept`. Tried again only while no true answer comes (or a 429 or 503 names a
    /// time to come back); on any other error the worker goes back to its pings.
    pub async fn accept(&self, job: &JobId) -> Result<Job, ClientError> {
        let request = Request::put(job_path(job, "/accept"));
        self.call(routes::ACCEPT, request, |answer| answer.expect())
            .await
    }

    /// `PUT jobs/{id}/acquire`: takes a job that nobody offered. Seven attempts within five and a half
    /// minutes, of which a `Retry-After` of any failed answer sets the pace. 423
    /// ([`ClientError::is_lock`]) means that the job waits for another one; any other refusal ends
    /// it at once.
    pub async fn acquire(&self, job: &JobId) -> Result<Job, ClientError> {
        let request = Request::put(job_path(job, "/acquire"))
            .locking()
            .telling_timeout();
        self.call(routes::ACQUIRE, request, |answer| {
            let wait = answer.retry_after();
            answer.expect().map_err(|error| error.coming_back(wait))
        })
        .await
    }

    /// `PUT jobs/{id}/start`. Seven attempts in about a minute. On an error the job must not run.
    pub async fn start(&self, job: &JobId, body: &StartRequest) -> Result<(), ClientError> {
        let request = Request::put(job_path(job, "/start")).json(body);
        self.call(routes::START, request, |answer| answer.expect_nothing())
            .await
    }

    /// `GET jobs/{id}`, tried once: the next poll is the next attempt. A status of 401 means that
    /// the job's token was revoked, which cancels it.
    pub async fn job_state(&self, job: &JobId) -> Result<JobStateResponse, ClientError> {
        let request = Request::get(job_path(job, ""));
        self.call(routes::ONCE, request, |answer| answer.expect())
            .await
    }

    /// `POST jobs/{id}/chunks`: one piece of the log, compressed by the caller. Tried until it is
    /// delivered or refused ([`ClientError::is_refusal`]), however long that takes: the caller knows
    /// better when the endpoint counts as gone.
    pub async fn upload_chunk(
        &self,
        job: &JobId,
        place: ChunkPlace,
        gzip: Bytes,
    ) -> Result<(), ClientError> {
        let ChunkPlace {
            sequence,
            offset,
            size,
        } = place;
        let query = format!("/chunks?sequence={sequence}&offset={offset}&size={size}");
        let request = Request::post(job_path(job, &query)).gzip_text(gzip);
        self.call(routes::CHUNK, request, |answer| answer.expect_nothing())
            .await
    }

    /// `POST jobs/{id}/header_times`: when headers of the log came, as RFC 3339 in UTC, by their
    /// number from 0. For logs that do not carry the time themselves. Ten attempts; a refusal ends
    /// it at once.
    pub async fn header_times(
        &self,
        job: &JobId,
        header_times: BTreeMap<String, String>,
    ) -> Result<(), ClientError> {
        let request = Request::post(job_path(job, "/header_times"))
            .json(&HeaderTimesRequest { header_times });
        self.call(routes::HEADER_TIMES, request, |answer| {
            answer.expect_nothing()
        })
        .await
    }

    /// `GET jobs/{id}/secrets`: one of the secrets that the job's step may have, with the job's
    /// token. Three attempts; a refusal ends it at once.
    pub async fn secret(&self, job: &JobId, key: &str) -> Result<StepSecret, ClientError> {
        let request = Request::get(job_path(job, &format!("/secrets?key={}", query_value(key))));
        self.call(routes::SECRET, request, |answer| answer.expect())
            .await
    }

    /// `PUT jobs/{id}/promise_failure`, with the job's token: how the running job will end. Ten
    /// attempts; refused with 409 once another status is promised, with 422 when it does not run.
    pub async fn promise_failure(
        &self,
        job: &JobId,
        body: &PromiseFailureRequest,
    ) -> Result<(), ClientError> {
        let request = Request::put(job_path(job, "/promise_failure")).json(body);
        self.call(routes::PROMISE_FAILURE, request, |answer| {
            answer.expect_nothing()
        })
        .await
    }

    /// `PUT jobs/{id}/finish`, after the whole log. Tried for an hour; a refusal ends it at once.
    pub async fn finish(&self, job: &JobId, body: &FinishRequest) -> Result<(), ClientError> {
        let request = Request::put(job_path(job, "/finish"))
            .json(body)
            .telling_timeout();
        self.call(routes::FINISH, request, |answer| answer.expect_nothing())
            .await
    }

    /// As [`Client::finish`], tried once: for a caller with more patience than an hour.
    pub async fn finish_once(&self, job: &JobId, body: &FinishRequest) -> Result<(), ClientError> {
        let request = Request::put(job_path(job, "/finish"))
            .json(body)
            .telling_timeout();
        self.call(routes::ONCE, request, |answer| answer.expect_nothing())
            .await
    }
}

fn job_path(job: &JobId, rest: &str) -> String {
    format!("jobs/{}{rest}", job.path_segment())
}

/// A text as the value in a query, spelled as the peer spells it.
fn query_value(text: &str) -> String {
    path_segment(text).replace("%2E", ".").replace("%20", "+")
}

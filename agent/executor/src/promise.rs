//! What the job API does with a promised failure: the endpoint is told, with the job's token.

use agent_local_api::job_api::{Declare, Declared, Promise};
use shared_client::ClientError;
use shared_protocol::JobId;
use shared_protocol::job::PromiseFailureRequest;

use crate::endpoint::Access;
use crate::job::Job;

/// Tells the endpoint. The environment is that of the job's start; the connection is made when the
/// first promise comes.
pub(crate) fn declare(job: &Job) -> Declare {
    let access = Access::new(job.version, &job.env);
    let id = JobId::new(job.settings.job.clone());
    Box::new(move |promise| {
        let client = access.client();
        let id = id.clone();
        Box::pin(async move {
            let Promise {
                exit_status,
                reason,
            } = promise;
            let body = PromiseFailureRequest {
                exit_status,
                reason,
            };
            match client {
                Ok(client) => declared(client.promise_failure(&id, &body).await),
                Err(error) => Declared::Unreached {
                    status: None,
                    error,
                },
            }
        })
    })
}

fn declared(answer: Result<(), ClientError>) -> Declared {
    match answer {
        Ok(()) => Declared::Accepted { status: 204 },
        Err(error) => match error.status().filter(|_| error.is_refusal()) {
            Some(status) => Declared::Refused {
                status,
                error: error.to_string(),
            },
            None => Declared::Unreached {
                status: error.status(),
                error: error.to_string(),
            },
        },
    }
}

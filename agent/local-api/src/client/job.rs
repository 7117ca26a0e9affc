//! What a process of a job asks of its job API.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Call, CallError};

/// Longer than any answer takes; one of them may wait for the endpoint.
const PATIENCE: Duration = Duration::from_mins(1);

/// A job's API.
pub struct JobApi {
    socket: PathBuf,
    token: String,
}

/// What a change of variables did; names in order.
#[derive(Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Patched {
    /// Variables that are new.
    #[serde(default)]
    pub added: Vec<String>,
    /// Variables that had a value.
    #[serde(default)]
    pub updated: Vec<String>,
}

impl JobApi {
    /// The API at this socket.
    pub fn new(socket: impl Into<PathBuf>, token: impl Into<String>) -> Self {
        Self {
            socket: socket.into(),
            token: token.into(),
        }
    }

    /// The job's environment.
    pub async fn variables(&self) -> Result<BTreeMap<String, String>, CallError> {
        #[derive(Deserialize)]
        struct Answer {
            env: BTreeMap<String, String>,
        }
        let answer: Answer = self.call(Method::GET, "env", None).await?;
        Ok(answer.env)
    }

    /// Sets variables of the job.
    pub async fn set(&self, variables: &BTreeMap<String, String>) -> Result<Patched, CallError> {
        let body = json!({ "env": variables });
        self.call(Method::PATCH, "env", Some(body)).await
    }

    /// Removes variables of the job; answers those that there were.
    pub async fn remove(&self, names: &[String]) -> Result<Vec<String>, CallError> {
        #[derive(Deserialize)]
        struct Answer {
            deleted: Vec<String>,
        }
        let body = json!({ "keys": names });
        let answer: Answer = self.call(Method::DELETE, "env", Some(body)).await?;
        Ok(answer.deleted)
    }

    /// Chooses the folder of later children; answers it as the job knows it.
    pub async fn move_to(&self, folder: &Path) -> Result<String, CallError> {
        #[derive(Deserialize)]
        struct Answer {
            workdir: String,
        }
        let body = json!({ "workdir": folder });
        let answer: Answer = self.call(Method::PUT, "workdir", Some(body)).await?;
        Ok(answer.workdir)
    }

    /// Hides a value in all that the job writes from now on.
    pub async fn hide(&self, secret: &str) -> Result<(), CallError> {
        let body = json!({ "redact": secret });
        let _: Value = self.call(Method::POST, "redactions", Some(body)).await?;
        Ok(())
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        name: &str,
        body: Option<Value>,
    ) -> Result<T, CallError> {
        let call = Call {
            socket: &self.socket,
            patience: PATIENCE,
            method,
            path: &format!("/api/current-job/v0/{name}"),
            token: Some(&self.token),
            body,
        };
        call.send().await
    }
}

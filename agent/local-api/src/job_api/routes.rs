//! The addresses of the job API and what each of them does.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hyper::header::HeaderValue;
use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::promise::{Declare, Promise, Promises};
use crate::desk::Desk;
use crate::http::{Answers, Reply, Request, parse};
use crate::token::Token;

const BASE: &str = "/api/current-job/v0/";

/// One job's API.
pub(super) struct JobApi {
    desk: Desk,
    token: Token,
    declare: Declare,
    promises: Promises,
}

#[derive(Default, Deserialize)]
struct Patch {
    env: Option<BTreeMap<String, Option<String>>>,
}

#[derive(Default, Deserialize)]
struct Delete {
    keys: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
struct Workdir {
    workdir: Option<String>,
}

#[derive(Default, Deserialize)]
struct Redaction {
    redact: Option<String>,
}

#[derive(Default, Deserialize)]
struct PromiseFailure {
    exit_status: Option<i64>,
    reason: Option<String>,
}

impl JobApi {
    pub(super) fn new(desk: Desk, token: Token, declare: Declare) -> Self {
        Self {
            desk,
            token,
            declare,
            promises: Promises::default(),
        }
    }

    async fn route(&self, request: &Request) -> Result<Reply, Reply> {
        let body = &request.body;
        match (request.path.strip_prefix(BASE), &request.method) {
            (Some("env"), &Method::GET) => Ok(Reply::ok(json!({ "env": self.desk.variables() }))),
            (Some("env"), &Method::PATCH) => self.patch(parse(body)?),
            (Some("env"), &Method::DELETE) => self.delete(parse(body)?),
            (Some("workdir"), &Method::PUT) => self.workdir(parse(body)?),
            (Some("redactions"), &Method::POST) => Ok(self.redact(parse(body)?)),
            (Some("promise-failure"), &Method::POST) => self.promise(parse(body)?).await,
            (Some("env" | "workdir" | "redactions" | "promise-failure"), _) => {
                Err(Reply::wrong_method())
            }
            _ => Err(Reply::not_found()),
        }
    }

    fn patch(&self, patch: Patch) -> Result<Reply, Reply> {
        let asked = patch.env.unwrap_or_default();
        self.check(asked.keys())?;
        let mut variables = BTreeMap::new();
        for (name, value) in asked {
            let Some(value) = value else {
                return Err(unprocessable(format!(
                    "{name} is null; DELETE removes variables"
                )));
            };
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                return Err(unprocessable(format!(
                    "no process can have the variable {name:?}"
                )));
            }
            variables.insert(name, value);
        }
        let patched = self.desk.set(variables);
        Ok(Reply::ok(
            json!({ "added": patched.added, "updated": patched.updated }),
        ))
    }

    fn delete(&self, delete: Delete) -> Result<Reply, Reply> {
        let names = delete.keys.unwrap_or_default();
        self.check(names.iter())?;
        Ok(Reply::ok(json!({ "deleted": self.desk.remove(&names) })))
    }

    fn check<'a>(&self, names: impl Iterator<Item = &'a String>) -> Result<(), Reply> {
        let refused = self.desk.refused(names);
        if refused.is_empty() {
            return Ok(());
        }
        let names = refused.join(", ");
        Err(unprocessable(format!(
            "a job cannot change these protected variables: {names}"
        )))
    }

    fn workdir(&self, asked: Workdir) -> Result<Reply, Reply> {
        let path = PathBuf::from(asked.workdir.unwrap_or_default());
        if !path.is_absolute() || path.as_os_str().as_encoded_bytes().contains(&0) {
            return Err(unprocessable("workdir must be an absolute path".into()));
        }
        let reply = Reply::ok(json!({ "workdir": path }));
        self.desk.move_to(path);
        Ok(reply)
    }

    fn redact(&self, asked: Redaction) -> Reply {
        let secret = asked.redact.unwrap_or_default();
        let reply = Reply::new(StatusCode::CREATED, json!({ "redacted": secret }));
        self.desk.hide(secret);
        reply
    }

    async fn promise(&self, asked: PromiseFailure) -> Result<Reply, Reply> {
        let exit_status = asked.exit_status.unwrap_or_default();
        if exit_status <= 0 {
            return Err(unprocessable("exit_status must be above 0".into()));
        }
        let promise = Promise {
            exit_status,
            reason: asked.reason,
        };
        let answer = self.promises.make(promise, &self.declare).await;
        Ok(Reply::ok(answer))
    }
}

impl Answers for JobApi {
    /// More than any environment can be.
    const MOST_BYTES: usize = 4 * 1024 * 1024;

    async fn answer(&self, request: Request) -> Reply {
        let authorization = request.authorization.as_ref();
        if !self.token.admits(authorization.map(HeaderValue::as_bytes)) {
            let text = "the token is missing or wrong; send it as a bearer token";
            return Reply::error(StatusCode::UNAUTHORIZED, text);
        }
        self.route(&request).await.unwrap_or_else(|refusal| refusal)
    }
}

fn unprocessable(text: String) -> Reply {
    Reply::error(StatusCode::UNPROCESSABLE_ENTITY, text)
}

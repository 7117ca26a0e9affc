//! The addresses of the agent API.

use std::sync::{MutexGuard, PoisonError};

use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;
use url::form_urlencoded;

use super::Shared;
use super::locks::Table;
use crate::http::{Answers, Reply, Request, parse};

const BASE: &str = "/api/leader/v0/";

/// One agent's table of locks. It answers whether it leads or not; clients come through the link.
pub(super) struct Leading {
    locks: Shared,
}

#[derive(Default, Deserialize)]
struct Patch {
    #[serde(default)]
    old: String,
    #[serde(default)]
    new: String,
}

impl Leading {
    pub(super) fn new(locks: Shared) -> Self {
        Self { locks }
    }

    fn route(&self, request: &Request) -> Result<Reply, Reply> {
        let path = request.path.strip_prefix(BASE).unwrap_or_default();
        match (path.strip_suffix('/').unwrap_or(path), &request.method) {
            ("ping", &Method::GET) => Ok(Reply::ok(json!({ "now": jiff::Timestamp::now() }))),
            ("lock", &Method::GET) => {
                let key = key(&request.query)?;
                Ok(Reply::ok(json!({ "value": self.locks().get(&key) })))
            }
            ("lock", &Method::PATCH) => {
                let key = key(&request.query)?;
                let Patch { old, new } = parse(&request.body)?;
                let swapped = self.locks().swap(&key, &old, &new);
                let full = |full: super::locks::Full| {
                    Reply::error(StatusCode::UNPROCESSABLE_ENTITY, full.to_string())
                };
                swapped.map(Reply::ok).map_err(full)
            }
            ("ping" | "lock", _) => Err(Reply::wrong_method()),
            _ => Err(Reply::not_found()),
        }
    }

    fn locks(&self) -> MutexGuard<'_, Table> {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answers for Leading {
    /// Two values of a lock, each byte of them escaped. The agent outlives its jobs, and all of them
    /// may ask at once.
    const MOST_BYTES: usize = 64 * 1024;

    async fn answer(&self, request: Request) -> Reply {
        self.route(&request).unwrap_or_else(|refusal| refusal)
    }
}

/// The lock that is meant.
fn key(query: &str) -> Result<String, Reply> {
    form_urlencoded::parse(query.as_bytes())
        .find(|(name, key)| name == "key" && !key.is_empty())
        .map(|(_, key)| key.into_owned())
        .ok_or_else(|| Reply::error(StatusCode::NOT_FOUND, "name a lock as the parameter key"))
}

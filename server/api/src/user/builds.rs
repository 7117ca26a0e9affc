//! Builds, over REST.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use server_store::{BuildRow, NewBuild};
use tracing::info;

use super::{shape, steps};
use crate::Server;
use crate::auth::User;
use crate::fault::Fault;
use crate::input::Input;

/// Builds in a list.
const LISTED: u32 = 30;

#[derive(Debug, Deserialize)]
pub(super) struct Creation {
    #[serde(default = "head")]
    commit: String,
    #[serde(default = "main_branch")]
    branch: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    env: BTreeMap<String, String>,
}

fn head() -> String {
    "HEAD".to_owned()
}

fn main_branch() -> String {
    "main".to_owned()
}

pub(super) async fn create(
    State(server): State<Server>,
    User(creator): User,
    Path((_, slug)): Path<(String, String)>,
    Input(creation): Input<Creation>,
) -> Result<(StatusCode, Json<Value>), Fault> {
    if let Some(name) = creation.env.keys().find(|name| !steps::is_variable(name)) {
        return Err(Fault::refused(format!(
            "`env`: {name:?} is no name of a variable"
        )));
    }
    for (field, value) in [("commit", &creation.commit), ("branch", &creation.branch)] {
        if value.is_empty() || value.starts_with('-') || value.contains(char::is_control) {
            return Err(Fault::refused(format!(
                "`{field}` is not a name that git takes"
            )));
        }
    }
    let pipeline = server.store.pipeline(&slug).await?;
    let new = NewBuild {
        commit: creation.commit,
        branch: creation.branch,
        message: creation.message,
        env: creation.env,
        creator,
    };
    let (row, changed) = server
        .store
        .create_build(&pipeline, &new, server.now())
        .await?;
    info!(pipeline = slug, number = row.number, "build created");
    server.announce(&changed).await;
    server.wakes.fleet();
    Ok((StatusCode::CREATED, Json(shaped(&server, &row).await?)))
}

pub(super) async fn list(
    State(server): State<Server>,
    _: User,
    Path((_, slug)): Path<(String, String)>,
) -> Result<Json<Value>, Fault> {
    let pipeline = server.store.pipeline(&slug).await?;
    let mut shapes = Vec::new();
    for row in server.store.builds_of(&pipeline.slug, LISTED).await? {
        shapes.push(shaped(&server, &row).await?);
    }
    Ok(Json(Value::Array(shapes)))
}

pub(super) async fn show(
    State(server): State<Server>,
    _: User,
    Path((_, slug, number)): Path<(String, String, u32)>,
) -> Result<Json<Value>, Fault> {
    let row = server.store.build(&slug, number).await?;
    Ok(Json(shaped(&server, &row).await?))
}

pub(super) async fn cancel(
    State(server): State<Server>,
    _: User,
    Path((_, slug, number)): Path<(String, String, u32)>,
) -> Result<Json<Value>, Fault> {
    let row = server.store.build(&slug, number).await?;
    let changed = server.store.cancel_build(&row.id, server.now()).await?;
    info!(pipeline = slug, number, "build canceled");
    server.announce(&changed).await;
    Ok(Json(shaped(&server, &row).await?))
}

async fn shaped(server: &Server, row: &BuildRow) -> Result<Value, Fault> {
    let jobs = server.store.jobs_of(&row.id).await?;
    let agents = server.store.agents_of(&row.id).await?;
    Ok(shape::build(&server.settings, row, &jobs, &agents))
}

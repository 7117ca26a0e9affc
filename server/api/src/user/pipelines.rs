//! Pipelines, over REST.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use server_store::NewPipeline;

use super::shape;
use super::steps::{self, StepInput};
use crate::Server;
use crate::auth::User;
use crate::fault::Fault;
use crate::input::Input;

/// Longest name of a pipeline, in characters.
const LONGEST_NAME: usize = 100;

#[derive(Debug, Deserialize)]
pub(super) struct Creation {
    name: String,
    repository: String,
    steps: Vec<StepInput>,
}

pub(super) async fn create(
    State(server): State<Server>,
    _: User,
    Input(creation): Input<Creation>,
) -> Result<(StatusCode, Json<Value>), Fault> {
    let slug = slug_of(&creation.name);
    if slug.is_empty() || creation.name.chars().count() > LONGEST_NAME {
        return Err(Fault::refused(format!(
            "`name` has 1 to {LONGEST_NAME} characters, among them a letter or a digit"
        )));
    }
    if creation.repository.trim().is_empty() {
        return Err(Fault::refused(
            "`repository` is empty; give the address that git clones from",
        ));
    }
    let new = NewPipeline {
        slug,
        name: creation.name,
        repository: creation.repository,
        steps: steps::check(creation.steps).map_err(Fault::refused)?,
    };
    let row = server.store.create_pipeline(&new, server.now()).await?;
    server.wakes.fleet();
    let shape = shape::pipeline(&server.settings, &row);
    Ok((StatusCode::CREATED, Json(shape)))
}

pub(super) async fn list(State(server): State<Server>, _: User) -> Result<Json<Value>, Fault> {
    let rows = server.store.pipelines().await?;
    let shape = |row| shape::pipeline(&server.settings, row);
    Ok(Json(rows.iter().map(shape).collect()))
}

pub(super) async fn show(
    State(server): State<Server>,
    _: User,
    Path((_, slug)): Path<(String, String)>,
) -> Result<Json<Value>, Fault> {
    let row = server.store.pipeline(&slug).await?;
    Ok(Json(shape::pipeline(&server.settings, &row)))
}

/// The name in addresses: lower-case letters and digits, everything between them one dash.
fn slug_of(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_plain_whatever_the_name_is() {
        for (name, slug) in [
            ("Rocket", "rocket"),
            ("  My First: Pipeline! ", "my-first-pipeline"),
            ("../../etc", "etc"),
            ("<script>", "script"),
            ("—", ""),
        ] {
            assert_eq!(slug_of(name), slug);
        }
    }
}

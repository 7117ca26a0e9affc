//! Signing in with an API token, and out.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use serde::Deserialize;
use server_store::Grant;

use super::{Broken, page, session};
use crate::Server;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    next: String,
    was_wrong: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct SignIn {
    token: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn form(Query(asked): Query<Asked>) -> Result<impl IntoResponse, Broken> {
    page(&LoginPage {
        next: own_path(asked.next),
        was_wrong: false,
    })
}

pub(super) async fn sign_in(
    State(server): State<Server>,
    Form(form): Form<SignIn>,
) -> Result<Response, Broken> {
    let next = own_path(form.next);
    let token = form.token.trim();
    if let Some(Grant::Api(_)) = server.store.grant(token).await? {
        let cookie = session::signed_in(token, &server.settings.url);
        return Ok((AppendHeaders([(SET_COOKIE, cookie)]), Redirect::to(&next)).into_response());
    }
    let html = page(&LoginPage {
        next,
        was_wrong: true,
    })?;
    Ok((StatusCode::UNAUTHORIZED, html).into_response())
}

pub(super) async fn sign_out(State(server): State<Server>) -> impl IntoResponse {
    let cookie = session::signed_out(&server.settings.url);
    (
        AppendHeaders([(SET_COOKIE, cookie)]),
        Redirect::to("/login"),
    )
}

/// Where to go after signing in: a path of this server, and never the address of another.
fn own_path(next: String) -> String {
    let is_path =
        next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\n', '\r']);
    if is_path { next } else { "/".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_never_leads_to_another_site() {
        for (next, expected) in [
            ("", "/"),
            ("/pipelines/a/builds/1?job=2", "/pipelines/a/builds/1?job=2"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example", "/"),
        ] {
            assert_eq!(own_path(next.to_owned()), expected);
        }
    }
}

//! Who looks at a page: the bearer of an API token in a cookie.
//!
//! The cookie holds the token itself, out of reach of scripts (`HttpOnly`) and never sent from other
//! sites (`SameSite=Strict`). Another program on the same host is the same site, so requests that
//! change something must also come from our own pages, which browsers tell (`Sec-Fetch-Site`,
//! <https://www.w3.org/TR/fetch-metadata/>). That is why forms need no token of their own. A token
//! that is withdrawn ends the session at once.

use axum::extract::{FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::header::COOKIE;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use server_store::Grant;
use shared_protocol::id::path_segment;

use super::Broken;
use crate::Server;
use crate::fault::Fault;

const NAME: &str = "trireme_token";

/// How long a sign-in lasts, in seconds: twelve hours.
const LIFE: u32 = 12 * 3600;

/// Somebody who is signed in; the text is the token's description.
pub(super) struct Visitor(pub(super) String);

impl FromRequestParts<Server> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Response> {
        let grant = match token(parts) {
            Some(token) => server.store.grant(token).await,
            None => Ok(None),
        };
        match grant {
            Ok(Some(Grant::Api(who))) => Ok(Self(who)),
            Ok(_) => {
                let here = parts.uri.path_and_query().map_or("/", |part| part.as_str());
                let login = format!("/login?next={}", path_segment(here));
                Err(Redirect::to(&login).into_response())
            }
            Err(error) => Err(Broken(Fault::from(error)).into_response()),
        }
    }
}

/// Refuses what the pages of somebody else want changed here.
pub(super) async fn own_forms_only(request: Request, next: Next) -> Response {
    let from = request.headers().get("sec-fetch-site");
    let is_foreign = from.is_some_and(|from| from != "same-origin" && from != "none");
    if is_foreign && !request.method().is_safe() {
        let fault = Fault::new(
            StatusCode::FORBIDDEN,
            "This form is on a page of another site.",
        );
        return Broken(fault).into_response();
    }
    next.run(request).await
}

fn token(parts: &Parts) -> Option<&str> {
    let cookies = parts.headers.get_all(COOKIE).iter();
    cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == NAME).then_some(value))
}

/// The `Set-Cookie` of a sign-in. `token` was checked and is plain text. Over https the cookie never
/// leaves it.
pub(super) fn signed_in(token: &str, url: &str) -> String {
    cookie(token, LIFE, url)
}

/// The `Set-Cookie` of a sign-out.
pub(super) fn signed_out(url: &str) -> String {
    cookie("", 0, url)
}

fn cookie(value: &str, seconds: u32, url: &str) -> String {
    let secure = if url.starts_with("https://") {
        "; Secure"
    } else {
        ""
    };
    format!("{NAME}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}")
}

//! What the first page says of machines, and the buttons beside them.

use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect};
use server_jobs::{Admission, HostStanding};
use server_store::{HostRow, StoreError};
use shared_protocol::HostId;

use super::Broken;
use super::session::Visitor;
use crate::user::hosts::{self, Decision, Unseen};
use crate::{Server, stamp};

/// A row of the list of machines.
pub(super) struct HostView {
    pub(super) id: String,
    pub(super) state: &'static str,
    /// The state as a word of the style sheet.
    pub(super) style: String,
    pub(super) hostname: String,
    pub(super) system: String,
    pub(super) location: String,
    pub(super) free: String,
    pub(super) asked: String,
    pub(super) seen: String,
    /// Whether it can be let in.
    pub(super) is_out: bool,
    /// Whether it can be shut out.
    pub(super) is_in: bool,
}

impl HostView {
    pub(super) fn new(row: HostRow, standing: HostStanding) -> Self {
        let free = row.free_bytes.map(|bytes| format!("{} GiB", bytes >> 30));
        Self {
            id: row.id.path_segment(),
            state: standing.as_str(),
            style: standing.as_str().replace(' ', "-"),
            hostname: row.hostname,
            system: format!("{}/{}", row.os, row.arch),
            location: row.location,
            free: free.unwrap_or_default(),
            asked: stamp::for_people(row.asked),
            seen: stamp::for_people(row.seen),
            is_out: row.admission != Admission::Approved,
            is_in: row.admission == Admission::Approved,
        }
    }
}

/// All rows.
pub(super) async fn views(server: &Server) -> Result<Vec<HostView>, StoreError> {
    let standings = hosts::standings(server).await?;
    let view = |(row, standing)| HostView::new(row, standing);
    Ok(standings.into_iter().map(view).collect())
}

pub(super) async fn decide(
    State(server): State<Server>,
    Visitor(who): Visitor,
    Path((id, decision)): Path<(String, String)>,
) -> Result<impl IntoResponse, Broken> {
    let decision = match decision.as_str() {
        "approve" => Decision::Approve,
        "disable" => Decision::Disable,
        "remove" => Decision::Remove,
        _ => return Err(StoreError::NotFound { what: "decision" }.into()),
    };
    match hosts::decide(&server, &who, &HostId::new(id), decision).await {
        // Somebody else was faster, or it gave up waiting; the page will say so.
        Ok(()) | Err(StoreError::NotFound { .. }) => Ok(Redirect::to("/")),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn forget_unseen(
    State(server): State<Server>,
    Visitor(who): Visitor,
    Form(unseen): Form<Unseen>,
) -> Result<impl IntoResponse, Broken> {
    hosts::forget_unseen(&server, &who, &unseen).await?;
    Ok(Redirect::to("/"))
}

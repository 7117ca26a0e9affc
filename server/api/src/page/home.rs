//! The first page: agents and the newest builds.

use askama::Template;
use axum::extract::State;
use axum::response::IntoResponse;
use server_store::{AgentRow, StoreError};

use super::hosts::{self, HostView};
use super::session::Visitor;
use super::view::{AgentView, BuildView, build_path};
use super::{Broken, page};
use crate::Server;
use crate::user::REMEMBERED;

/// Builds on the page.
const LISTED: u32 = 30;

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    agents: Vec<AgentView>,
    hosts: Vec<HostView>,
    builds: Vec<BuildView>,
    has_pipelines: bool,
    url: String,
    organization: String,
}

pub(super) async fn show(
    State(server): State<Server>,
    _: Visitor,
) -> Result<impl IntoResponse, Broken> {
    let now = server.now();
    let mut agents = Vec::new();
    for row in server.store.agents(now.minus(REMEMBERED)).await? {
        let job = job_link(&server, &row).await?;
        agents.push(AgentView::new(&row, job, now));
    }
    let mut builds = Vec::new();
    for row in server.store.recent_builds(LISTED).await? {
        let jobs = server.store.jobs_of(&row.id).await?;
        builds.push(BuildView::new(&row, &jobs, now));
    }
    page(&HomePage {
        agents,
        hosts: hosts::views(&server).await?,
        builds,
        has_pipelines: !server.store.pipelines().await?.is_empty(),
        url: server.settings.url.clone(),
        organization: server.settings.organization.clone(),
    })
}

/// Path and text of the link from a busy agent to what it does.
async fn job_link(
    server: &Server,
    agent: &AgentRow,
) -> Result<Option<(String, String)>, StoreError> {
    let Some(id) = &agent.job else {
        return Ok(None);
    };
    let job = server.store.job(id).await?;
    let build = server.store.build_by_id(&job.build).await?;
    let path = format!("{}?job={id}", build_path(&build));
    Ok(Some((
        path,
        format!("{} #{}", build.pipeline_name, build.number),
    )))
}

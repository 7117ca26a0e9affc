//! Who is asking. Each audience has its own scheme, so that a token never works in a wrong place.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use server_store::{Grant, JobRow};
use shared_protocol::{AgentId, HostId, Secret};

use crate::Server;
use crate::fault::Fault;

/// The bearer of a registration token, or a machine that was let in.
pub(crate) struct Registrar(pub(crate) Option<HostId>);

/// The bearer of any token at all.
pub(crate) struct Bearer(pub(crate) Secret);

/// A registered worker.
pub(crate) struct Worker(pub(crate) AgentId);

/// A runner: a worker, or the bearer of one job's token.
pub(crate) struct Runner(Grant);

/// The bearer of an API token; the text is the token's description.
pub(crate) struct User(pub(crate) String);

impl FromRequestParts<Server> for Registrar {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Fault> {
        match agent_grant(parts, server).await? {
            Grant::Register => Ok(Self(None)),
            Grant::Host(host) => Ok(Self(Some(host))),
            _ => Err(Fault::unauthorized(
                "this token does not register agents; make one with `trireme-server token create --kind agent`",
            )),
        }
    }
}

impl FromRequestParts<Server> for Bearer {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &Server) -> Result<Self, Fault> {
        let token = credentials(parts, "Token")
            .ok_or_else(|| Fault::unauthorized("a token is needed: `Authorization: Token …`"))?;
        Ok(Self(Secret::new(token)))
    }
}

impl FromRequestParts<Server> for Worker {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Fault> {
        match agent_grant(parts, server).await? {
            Grant::Worker(agent) => Ok(Self(agent)),
            _ => Err(Fault::unauthorized(
                "this token is not that of a registered agent; register first",
            )),
        }
    }
}

impl FromRequestParts<Server> for Runner {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Fault> {
        match agent_grant(parts, server).await? {
            grant @ (Grant::Worker(_) | Grant::Job(_)) => Ok(Self(grant)),
            _ => Err(Fault::unauthorized("this token is not that of a job")),
        }
    }
}

impl Runner {
    /// The worker for which this runner speaks about `job`. A job's token speaks for the one worker
    /// that accepted the job, and for no other job.
    pub(crate) fn speaks_for(&self, job: &JobRow) -> Result<AgentId, Fault> {
        match &self.0 {
            Grant::Worker(agent) => Ok(agent.clone()),
            Grant::Job(id) if *id == job.id => last_holder(job)
                .cloned()
                .ok_or_else(|| Fault::refused("no agent has the job")),
            _ => Err(Fault::unauthorized("this token is for another job")),
        }
    }

    /// The worker that this runner is, or that has its job.
    pub(crate) async fn worker(&self, server: &Server) -> Result<AgentId, Fault> {
        match &self.0 {
            Grant::Job(id) => {
                let job = server.store.job(id).await?;
                let holder = job.state.holder().cloned();
                holder.ok_or_else(|| Fault::refused("the job has ended; no agent has it"))
            }
            Grant::Worker(agent) => Ok(agent.clone()),
            _ => Err(Fault::unauthorized("this token is not that of a job")),
        }
    }

    /// The same, when only the worker that has the job may go on.
    pub(crate) fn must_hold(&self, job: &JobRow) -> Result<AgentId, Fault> {
        let agent = self.speaks_for(job)?;
        if last_holder(job) == Some(&agent) {
            return Ok(agent);
        }
        Err(Fault::unauthorized("the job belongs to another agent"))
    }
}

/// The worker that has the job, or had it last.
fn last_holder(job: &JobRow) -> Option<&AgentId> {
    match &job.state {
        server_jobs::State::Finished(end) => end.agent.as_ref(),
        state => state.holder(),
    }
}

impl FromRequestParts<Server> for User {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Fault> {
        let token = credentials(parts, "Bearer").ok_or_else(|| {
            Fault::unauthorized("an API token is needed: `Authorization: Bearer …`; make one with `trireme-server token create --kind api`")
        })?;
        let grant = server.store.grant(token).await?;
        let Some(Grant::Api(description)) = grant else {
            return Err(Fault::unauthorized(
                "the API token is not valid here; make one with `trireme-server token create --kind api`",
            ));
        };
        let params = RawPathParams::from_request_parts(parts, server)
            .await
            .map_err(|rejection| Fault::new(rejection.status(), rejection.body_text()))?;
        let known = &server.settings.organization;
        match params.iter().find(|(name, _)| *name == "org") {
            Some((_, asked)) if asked != known => Err(Fault::not_found(format!(
                "no organization {asked}; this server has {known}"
            ))),
            _ => Ok(Self(description)),
        }
    }
}

async fn agent_grant(parts: &Parts, server: &Server) -> Result<Grant, Fault> {
    let token = credentials(parts, "Token")
        .ok_or_else(|| Fault::unauthorized("a token is needed: `Authorization: Token …`"))?;
    server
        .store
        .grant(token)
        .await?
        .ok_or_else(|| Fault::unauthorized("the token is not valid here"))
}

fn credentials<'a>(parts: &'a Parts, scheme: &str) -> Option<&'a str> {
    let value = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (found, token) = value.split_once(' ')?;
    found.eq_ignore_ascii_case(scheme).then(|| token.trim())
}

//! Set-up: secrets are hidden, the environment of the children is made, and the agent's
//! `environment` hooks change it.

use std::path::{Component, Path, PathBuf};

use agent_hooks::Name;
use shared_protocol::env as names;

use super::{debug, secrets};
use crate::checkout::lfs;
use crate::failure::Failure;
use crate::hiding;
use crate::hook;
use crate::job::Job;

/// Prepares the job.
pub(crate) async fn run(job: &mut Job) -> Result<(), Failure> {
    hiding::refresh(job);
    announce_ignored(job);
    debug::show(job);
    append_bin_path(job);
    let checkout = checkout_path(job)?;
    job.env.set(names::BUILD_CHECKOUT_PATH, checkout);
    job.env.set("GIT_TERMINAL_PROMPT", "0");
    lfs::spare_smudging(job);
    secrets::run(job).await?;
    hook::run_of_agent(job, Name::Environment).await
}

/// Variables that the job set and the agent overruled.
fn announce_ignored(job: &mut Job) {
    let Some(ignored) = job.env.filled(names::IGNORED_ENV).map(str::to_owned) else {
        return;
    };
    job.log.header("Detected protected environment variables");
    job.log
        .comment("The job set these, but only the agent's own settings decide them");
    for name in ignored.split(',') {
        job.log.warning(&format!("Ignored {name}"));
    }
    job.log.unfold();
}

/// The agent itself can be called by jobs, after everything the host has on its path.
fn append_bin_path(job: &mut Job) {
    let Some(bin) = job.settings.bin_path.clone() else {
        return;
    };
    let path = match job.env.get("PATH") {
        Some(path) if !path.is_empty() => {
            let mut path = path.to_os_string();
            path.push(":");
            path.push(bin);
            path
        }
        _ => bin.into(),
    };
    job.env.set("PATH", path);
}

/// Where the checkout goes: as asked for, or below the build path by agent and pipeline.
fn checkout_path(job: &Job) -> Result<PathBuf, Failure> {
    if let Some(path) = job.env.filled(names::BUILD_CHECKOUT_PATH) {
        return Ok(PathBuf::from(path));
    }
    let settings = &job.settings;
    let Some(build_path) = &settings.build_path else {
        return Err(Failure::SetUp(format!(
            "there is no place to work in; set --build-path or {}",
            names::BUILD_PATH
        )));
    };
    let (organization, pipeline) = (&settings.organization, &settings.pipeline);
    in_build_path(build_path, &settings.agent, organization, pipeline).ok_or_else(|| {
        Failure::SetUp(format!(
            "the checkout of pipeline {pipeline:?} of organization {organization:?} would lie outside \
             the build path; correct these names, or set {}",
            names::BUILD_CHECKOUT_PATH
        ))
    })
}

/// In the agent's name each character that is no ASCII letter or digit becomes a `-`. The other
/// names stay as they are, so one that leads elsewhere is refused: checkouts are removed, too.
fn in_build_path(
    build_path: &Path,
    agent: &str,
    organization: &str,
    pipeline: &str,
) -> Option<PathBuf> {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let agent: String = agent.chars().map(plain).collect();
    let below = Path::new(organization).join(pipeline);
    let inside = below
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    inside.then(|| build_path.join(agent).join(below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_of_an_agents_name_is_one_character_of_the_path() {
        let path = in_build_path(Path::new("/b"), "Rower #2 (é) a_b.c", "fleet", "oars");
        let wanted = Path::new("/b/Rower--2-----a-b-c/fleet/oars");
        assert_eq!(path.as_deref(), Some(wanted));
    }

    #[test]
    fn names_do_not_lead_out_of_the_build_path() {
        for (organization, pipeline) in [("..", "x"), ("x", "../../y"), ("/etc", "x"), ("x", "/")] {
            let path = in_build_path(Path::new("/b"), "a", organization, pipeline);
            assert_eq!(path, None, "{organization} {pipeline}");
        }
    }
}

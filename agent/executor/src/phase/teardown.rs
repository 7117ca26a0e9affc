//! Teardown: runs after every job, however it ended.

use agent_hooks::Name;

use crate::checkout;
use crate::control::Rest;
use crate::docker;
use crate::failure::Failure;
use crate::hook;
use crate::job::Job;
use crate::plugin;
use crate::settings::Phase;

/// Runs the last hooks, removes what the job had for itself, and ends what a canceled job left
/// behind.
pub(crate) async fn run(job: &mut Job) -> Result<(), Failure> {
    job.allow(Rest::Ending);
    let hooks = if job.settings.phases.contains(&Phase::Command) {
        hook::run(job, Name::PreExit).await
    } else {
        Ok(())
    };
    let containers = docker::take_down(job).await;
    checkout::take_down(job).await;
    plugin::take_down(job);
    if let Some(scratch) = job.scratch.take() {
        let path = scratch.path().to_owned();
        if let Err(error) = scratch.close() {
            job.log
                .warning(&format!("failed to remove {}: {error}", path.display()));
        }
    }
    job.kill_leftovers();
    hooks.and(containers)
}

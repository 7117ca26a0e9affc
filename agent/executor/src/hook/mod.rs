//! Running hooks of the agent, the repository and the plugins.

use std::ops::Range;

use agent_hooks::Name;

use crate::failure::Failure;
use crate::job::Job;

/// Runs every hook of this name, of all who may have one, in their order. The first that fails
/// ends it.
#[expect(clippy::unused_async, reason = "hooks are processes; they come next")]
pub(crate) async fn run(job: &mut Job, name: Name) -> Result<(), Failure> {
    let _ = (job, name);
    Ok(())
}

/// Runs the hook that stands in the place of the checkout or the command; whether there was one.
#[expect(clippy::unused_async, reason = "hooks are processes; they come next")]
pub(crate) async fn instead(job: &mut Job, name: Name) -> Result<bool, Failure> {
    let _ = (job, name);
    Ok(false)
}

/// Runs the agent's own hooks of this name.
#[expect(clippy::unused_async, reason = "hooks are processes; they come next")]
pub(crate) async fn run_of_agent(job: &mut Job, name: Name) -> Result<(), Failure> {
    let _ = (job, name);
    Ok(())
}

/// Runs the hooks of this name that some of the job's plugins have.
#[expect(clippy::unused_async, reason = "hooks are processes; they come next")]
pub(crate) async fn run_of_plugins(
    job: &mut Job,
    name: Name,
    plugins: Range<usize>,
) -> Result<(), Failure> {
    let _ = (job, name, plugins);
    Ok(())
}

//! Running a hook that is a program of its own: a binary, or a script with an interpreter that is no
//! shell.
//!
//! It learns what it is from its environment, and changes the job's only through the job's API.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use agent_process::{Exit, StartError};

use super::changes;
use super::outcome::outcome;
use super::place::Hook;
use crate::environment::Environment;
use crate::failure::Failure;
use crate::job::Job;
use crate::run_error::RunError;

/// How often a file that somebody still writes to is tried, and how long between: a process that was
/// started while it was written holds it open until it becomes another program.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(100);

/// Runs the hook.
pub(super) async fn run(job: &mut Job, hook: &Hook) -> Result<(), Failure> {
    let mut env = job.child_env();
    env.extend(&hook.variables);
    env.set("BUILDKITE_HOOK_PHASE", hook.name.as_str());
    env.set("BUILDKITE_HOOK_PATH", hook.path.as_os_str());
    env.set("BUILDKITE_HOOK_SCOPE", hook.scope.as_str());
    job.log.prompt(&hook.path.to_string_lossy());
    let exit = until_free(job, hook, &env).await;
    outcome(hook, exit)?;
    let folder = job.take_workdir();
    changes::apply(job, BTreeMap::new(), folder);
    Ok(())
}

async fn until_free(job: &mut Job, hook: &Hook, env: &Environment) -> Result<Exit, RunError> {
    let words = [hook.path.as_os_str().to_owned()];
    for _ in 1..TRIES {
        match job.run_words(&words, env).await {
            Err(RunError::Start(StartError::Run(_, error)))
                if error.kind() == io::ErrorKind::ExecutableFileBusy =>
            {
                job.pause(PAUSE).await?;
            }
            exit => return exit,
        }
    }
    job.run_words(&words, env).await
}

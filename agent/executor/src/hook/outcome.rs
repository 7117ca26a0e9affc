//! What the end of a hook means for the job.

use agent_process::Exit;

use super::error::HookError;
use super::place::Hook;
use crate::failure::Failure;
use crate::run_error::RunError;

/// What the end of a hook's process means for the job. That of one which was canceled counts, too:
/// later hooks see the status.
pub(super) fn outcome(hook: &Hook, exit: Result<Exit, RunError>) -> Result<(), Failure> {
    let hook = hook.to_string();
    match exit {
        Ok(exit) if exit.success() => Ok(()),
        Ok(exit) => Err(HookError::Ended { hook, exit }.into()),
        Err(RunError::Canceled) => Err(Failure::Canceled),
        Err(RunError::Io(error)) => Err(Failure::Log(error)),
        Err(error @ (RunError::Start(_) | RunError::TimedOut)) => {
            Err(HookError::Run { hook, error }.into())
        }
    }
}

//! What runs a wrapper.

use std::ffi::OsString;

use agent_hooks::Shebang;
use agent_hooks::windows::{Form, batch_can_call};
use agent_process::find_program;

use super::error::HookError;
use super::place::Hook;
use crate::job::Job;

/// The words that a wrapper's path is appended to.
pub(super) fn words(
    job: &mut Job,
    hook: &Hook,
    form: Form,
    shebang: Option<&Shebang>,
) -> Result<Vec<OsString>, HookError> {
    match form {
        Form::Batch if !batch_can_call(&hook.path.to_string_lossy()) => {
            Err(HookError::BatchPath(hook.path.clone()))
        }
        Form::Batch => Ok(["cmd.exe", "/D", "/C"].map(OsString::from).into()),
        Form::PowerShell => {
            let names = ["pwsh", "powershell"];
            let program = first(job, names).ok_or_else(|| no_shell(hook, names))?;
            Ok(vec![program.into(), "-File".into()])
        }
        Form::Shell => posix(job, hook, shebang),
    }
}

/// The settings decide, else the hook's first line, else it is for bash.
fn posix(
    job: &mut Job,
    hook: &Hook,
    shebang: Option<&Shebang>,
) -> Result<Vec<OsString>, HookError> {
    if !job.settings.hooks_shell.is_empty() {
        return Ok(job.settings.hooks_shell.iter().map(Into::into).collect());
    }
    if let Some(shebang) = shebang {
        let words = std::iter::once(&shebang.interpreter).chain(&shebang.argument);
        return Ok(words.map(Into::into).collect());
    }
    let names = ["bash", "sh"];
    let shell = first(job, names).ok_or_else(|| no_shell(hook, names))?;
    if shell != names[0] {
        let text = format!(
            "There is no {} in PATH, so {shell} runs this hook",
            names[0]
        );
        job.log.warning(&text);
    }
    Ok(vec![shell.into()])
}

/// The first of these programs that children find.
fn first(job: &Job, names: [&'static str; 2]) -> Option<&'static str> {
    let path = job.env.get("PATH");
    names
        .into_iter()
        .find(|name| find_program(name.as_ref(), path, Some(&job.cwd)).is_some())
}

fn no_shell(hook: &Hook, names: [&'static str; 2]) -> HookError {
    HookError::NoShell {
        hook: hook.to_string(),
        names,
    }
}

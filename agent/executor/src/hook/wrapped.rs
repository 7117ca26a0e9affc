//! Running a hook in a wrapper, and carrying over what it did to its shell.

use std::path::{Path, PathBuf};

use agent_hooks::windows::{Form, OF_THE_INTERPRETER};
use agent_hooks::{BASH, Change, Dump, Shebang, WORKING_DIR, changes_environment, difference};

use super::outcome::outcome;
use super::place::Hook;
use super::wrapper::Wrapper;
use super::{changes, shell};
use crate::failure::{Failure, status_text};
use crate::job::Job;
use crate::own;
use crate::run_error::RunError;
use crate::words;

/// The status of the last wrapped hook, for those that come later.
const LAST_STATUS: &str = "BUILDKITE_LAST_HOOK_EXIT_STATUS";

/// Runs the hook.
pub(super) async fn run(
    job: &mut Job,
    hook: &Hook,
    form: Form,
    shebang: Option<&Shebang>,
) -> Result<(), Failure> {
    let mut words = shell::words(job, hook, form, shebang)?;
    // Without it only systems with an old `env` are worse off.
    let own = own::program(job).ok().map(PathBuf::from);
    let mut env = job.child_env();
    env.extend(&hook.variables);
    let measure = changes_environment(&words, env.iter().map(|(name, _)| name));
    let files = &mut job.hook_files;
    let wrapper = Wrapper::write(files, hook, form, shebang, own.as_deref(), measure);
    let wrapper = wrapper.map_err(|error| hook.unprepared(error))?;
    words.push(wrapper.script().into());
    wrapper.tell(hook, own.as_deref(), &mut env);
    show(job, hook, wrapper.script());
    let exit = job.run_words(&words, &env).await;
    match &exit {
        Ok(exit) => job.env.set(LAST_STATUS, status_text(*exit)),
        Err(RunError::Start(_)) => job.env.set(LAST_STATUS, "1"),
        Err(_) => {}
    }
    outcome(hook, exit)?;
    let before = wrapper.before();
    let dump = wrapper.environment();
    let dump = dump.map_err(|error| hook.left(error))?;
    if job.settings.pty {
        env.set(agent_process::TERM.0, agent_process::TERM.1);
    }
    let before = before.unwrap_or_else(|| env.iter().collect());
    carry_over(job, form, &before, dump);
    Ok(())
}

/// What a hook that ended its shell did to the environment, nobody knows.
fn carry_over(job: &mut Job, form: Form, before: &Dump, mut after: Dump) {
    let ended_early = after.is_empty();
    let bash = after.take(BASH).is_some_and(|version| !version.is_empty());
    let folder = after.take(WORKING_DIR).map(PathBuf::from);
    let mut changes = difference(before.iter(), &after, bash);
    if ended_early {
        changes.clear();
    }
    if form.wrapper().is_some() {
        changes.retain(|name, change| {
            let name = name.to_string_lossy().to_ascii_uppercase();
            !matches!(change, Change::Added(_)) || !OF_THE_INTERPRETER.contains(&&*name)
        });
    }
    changes::apply(job, changes, folder);
}

/// The hook as the log names it: from the working directory, if it lies below.
fn show(job: &mut Job, hook: &Hook, script: &Path) {
    let path = hook.path.strip_prefix(&job.cwd).unwrap_or(&hook.path);
    if job.settings.debug {
        let script = script.display();
        job.log.comment(&format!("The hook runs in {script}"));
    }
    job.log.prompt(&words::quote(&path.to_string_lossy()));
}

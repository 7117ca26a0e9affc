//! Running a shell hook in its wrapper, and carrying over what it did to its shell.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use agent_hooks::{BASH, Dump, Shebang, WORKING_DIR, difference};
use agent_process::find_program;
use tempfile::TempDir;

use super::changes;
use super::error::{HookError, outcome};
use super::place::Hook;
use crate::environment::Environment;
use crate::failure::{Failure, RunError, status_text};
use crate::job::Job;
use crate::os;
use crate::words;

/// The status of the last wrapped hook, for those that come later.
const LAST_STATUS: &str = "BUILDKITE_LAST_HOOK_EXIT_STATUS";

/// A wrapper and the file that it leaves the environment in; both go with this.
struct Wrapper {
    folder: TempDir,
    dump: File,
}

/// Runs the hook.
pub(super) async fn run(
    job: &mut Job,
    hook: &Hook,
    shebang: Option<&Shebang>,
) -> Result<(), Failure> {
    let mut words = shell(job, hook, shebang)?;
    let wrapper = Wrapper::write(hook).map_err(|error| HookError::prepare(hook, error))?;
    words.push(wrapper.script().into());
    let mut env = job.child_env();
    for (name, value) in &hook.variables {
        env.set(name, value);
    }
    show(job, hook, &wrapper);
    let exit = job.run_words(&words, &env).await;
    match &exit {
        Ok(exit) => job.env.set(LAST_STATUS, status_text(*exit)),
        Err(RunError::Start(_)) => job.env.set(LAST_STATUS, "1"),
        Err(_) => {}
    }
    outcome(hook, exit)?;
    let dump = wrapper.environment();
    let dump = dump.map_err(|error| HookError::prepare(hook, error))?;
    carry_over(job, env, dump);
    Ok(())
}

/// What a hook that called `exit` did to its environment, nobody knows.
fn carry_over(job: &mut Job, mut before: Environment, mut after: Dump) {
    if after.is_empty() {
        changes::by_others(job);
        return;
    }
    if job.settings.pty {
        before.set(agent_process::TERM.0, agent_process::TERM.1);
    }
    let bash = after.take(BASH).is_some_and(|version| !version.is_empty());
    let folder = after.take(WORKING_DIR).map(PathBuf::from);
    let changes = difference(before.iter(), &after, bash);
    changes::apply(job, changes, folder);
}

/// The hook as the log names it: from the working directory, if it lies below.
fn show(job: &mut Job, hook: &Hook, wrapper: &Wrapper) {
    let path = hook.path.strip_prefix(&job.cwd).unwrap_or(&hook.path);
    if job.settings.debug {
        let script = wrapper.script();
        job.log.comment(&format!("It runs in {}", script.display()));
    }
    job.log.prompt(&words::quote(&path.to_string_lossy()));
}

/// The words that run a wrapper. A script without a first line of its own is for bash.
fn shell(
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
    let path = job.env.get("PATH").map(OsString::from);
    let there = |name: &str| find_program(name.as_ref(), path.as_deref(), Some(&job.cwd)).is_some();
    if there("bash") {
        return Ok(vec!["bash".into()]);
    }
    if there("sh") {
        job.log
            .warning("There is no bash in PATH, so sh runs this hook");
        return Ok(vec!["sh".into()]);
    }
    Err(HookError::NoShell {
        hook: hook.to_string(),
        names: ["bash", "sh"],
    })
}

impl Wrapper {
    fn write(hook: &Hook) -> io::Result<Self> {
        let folder = os::private_scratch("buildkite-agent-hook-wrapper", &std::env::temp_dir())?;
        let path = folder.path().join("environment");
        // Held open, so that nothing the hook does to its rights or its name keeps it from us.
        let dump = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        let text = agent_hooks::posix(&hook.path, Path::new("/usr/bin/env"), &path);
        let wrapper = Self { folder, dump };
        std::fs::write(wrapper.script(), text)?;
        Ok(wrapper)
    }

    fn script(&self) -> PathBuf {
        self.folder.path().join("wrapper")
    }

    fn environment(mut self) -> io::Result<Dump> {
        let mut bytes = Vec::new();
        self.dump.read_to_end(&mut bytes)?;
        Ok(Dump::parse(&bytes))
    }
}

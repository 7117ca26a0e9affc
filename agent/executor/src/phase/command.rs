//! Command phase: the job's command, as a script of the repository or as a line for the shell.

use std::path::{Component, Path, PathBuf};

use agent_hooks::Name;
use agent_process::Exit;
use shared_protocol::env as names;

use super::batch;
use crate::control::Rest;
use crate::docker;
use crate::failure::{Failure, status_text};
use crate::hook;
use crate::job::{Job, Span};
use crate::os;
use crate::run_error::RunError;
use crate::trace::{self, inside};
use crate::words;

/// What there is to run.
#[derive(Debug, PartialEq, Eq)]
enum Work {
    /// A file below the working directory, with its path from there.
    Script(PathBuf),
    /// Text for the shell.
    Line(String),
}

/// Why the command is not run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("the step has no command; give it a `command`, or a command hook")]
    Nothing,
    #[error(
        "no such file: {0:?}; this agent runs scripts of the repository only (no command evaluation), such as scripts/test.sh"
    )]
    NoEvaluation(String),
    #[error("{0:?} lies outside the checkout, and this agent runs scripts of the repository only")]
    Outside(String),
}

/// A command that did not succeed.
#[derive(Debug, thiserror::Error)]
enum Failed {
    /// It ended with another status than 0. The text is said once more after its hooks, where those
    /// who read the end of a log look for it.
    #[error("{1}")]
    Ended(Exit, String),
    /// It was not run, for this reason.
    #[error("{0}")]
    NotRun(String),
    /// The job is over: it was not run, or nobody saw its end.
    #[error("{0}")]
    Job(Failure),
}

/// Runs it between its hooks. A command that fails is no [`Failure`]; its status is in the
/// environment afterwards.
pub(crate) async fn run(job: &mut Job) -> Result<(), Failure> {
    let before = Span::new("pre-command").in_datadog("pre-command hooks");
    inside(job, before, async |job| {
        hook::run(job, Name::PreCommand).await
    })
    .await?;
    let result = match hook::instead(job, Name::Command).await {
        Ok(true) => Ok(()),
        Ok(false) => {
            let span = Span::new("default command hook").in_datadog("hook.execute");
            let span = span
                .with("hook.name", "command")
                .with("hook.type", "default");
            inside(job, span, default).await
        }
        Err(Failure::Hook(error)) => Err(match error.exit() {
            Some(exit) => Failed::Ended(exit, error.to_string()),
            None => Failed::NotRun(error.to_string()),
        }),
        Err(failure) => Err(Failed::Job(failure)),
    };
    let (result, text) = settle(job, result);
    job.allow(Rest::PostCommand);
    let span = Span::new("post-command").in_datadog("post-command hooks");
    let after = inside(job, span, async |job| {
        hook::run(job, Name::PostCommand).await
    })
    .await;
    if let Some(text) = text {
        trace::note(job, &text);
        job.log.line(&format!("user command error: {text}"));
    }
    result.and(after)
}

/// Runs the command itself.
async fn default(job: &mut Job) -> Result<(), Failed> {
    let work = choose(&job.settings.command, job.settings.command_eval, &job.cwd)
        .map_err(|refusal| Failed::NotRun(refusal.to_string()))?;
    match execute(job, work).await? {
        exit if exit.success() => Ok(()),
        exit => {
            let text = match exit {
                Exit::Code(code) => format!("exit status {code}"),
                Exit::Signal(_) => exit.to_string(),
            };
            Err(Failed::Ended(exit, text))
        }
    }
}

/// Says how the command went, to those who read the log and to the hooks that follow. Answers what
/// is left to say at the end.
fn settle(job: &mut Job, result: Result<(), Failed>) -> (Result<(), Failure>, Option<String>) {
    let canceled = job.canceled_by().is_some();
    let (status, error, text) = match result {
        Ok(()) => ("0".to_owned(), None, None),
        Err(Failed::NotRun(error)) => ("1".to_owned(), Some(error), None),
        Err(Failed::Job(failure)) => {
            // Without one, `[[ $BUILDKITE_COMMAND_EXIT_STATUS -eq 0 ]]` in a hook would be true.
            job.env.set(names::COMMAND_EXIT_STATUS, "-1");
            return (Err(failure), None);
        }
        Err(Failed::Ended(exit, text)) => {
            let error = match exit {
                Exit::Code(code) => format!("The command exited with status {code}"),
                Exit::Signal(_) => format!("The command {exit}"),
            };
            (status_text(exit), Some(error), Some(text))
        }
    };
    job.env.set(names::COMMAND_EXIT_STATUS, status);
    if let Some(error) = error {
        job.log.unfold();
        job.log.error(&error);
    }
    let result = if canceled {
        Err(Failure::Canceled)
    } else {
        Ok(())
    };
    (result, text)
}

impl From<RunError> for Failed {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Canceled => Self::Job(Failure::Canceled),
            RunError::Io(error) => Self::Job(Failure::Log(error)),
            RunError::Start(_) | RunError::TimedOut => {
                Self::NotRun(format!("failed to run the command: {error}"))
            }
        }
    }
}

/// Decides what the command is. A path to a file is a script; everything else needs evaluation.
fn choose(command: &str, eval: bool, cwd: &Path) -> Result<Work, Refusal> {
    if command.trim().is_empty() {
        return Err(Refusal::Nothing);
    }
    let name = command.replace('\n', "");
    let path = lexically(&cwd.join(name.trim_start_matches('/')));
    if !path.is_file() {
        return if eval {
            Ok(Work::Line(command.to_owned()))
        } else {
            Err(Refusal::NoEvaluation(name))
        };
    }
    if !eval {
        let real = |path: &Path| path.canonicalize().ok();
        let inside = real(&path)
            .zip(real(cwd))
            .is_some_and(|(file, root)| file.starts_with(root));
        if !inside {
            return Err(Refusal::Outside(name));
        }
    }
    match path.strip_prefix(lexically(cwd)) {
        Ok(relative) => Ok(Work::Script(Path::new(".").join(relative))),
        Err(_) => Ok(Work::Script(path)),
    }
}

/// The path without `.` and `..`, by its text alone.
fn lexically(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

async fn execute(job: &mut Job, work: Work) -> Result<Exit, Failed> {
    job.check().await?;
    let text = match work {
        Work::Line(text) => {
            job.log.header("Running commands");
            text
        }
        Work::Script(path) => {
            job.log.header("Running script");
            if job.settings.command_eval {
                let file = job.here(&path);
                os::make_executable(&file).map_err(|error| {
                    let file = file.display();
                    Failed::NotRun(format!("make the script {file} executable: {error}"))
                })?;
            }
            words::quote(&path.to_string_lossy())
        }
    };
    if docker::is_wanted(&job.env) {
        return Ok(docker::run(job, &text).await?);
    }
    let mut shell = job.settings.shell.clone();
    let program = shell.remove(0);
    let file = if batch::is_needed(&program) {
        job.log.header("Running batch script");
        let folder = job.env.filled("TMPDIR").unwrap_or("/tmp");
        let file = batch::write(&text, Path::new(folder));
        Some(file.map_err(|error| Failed::NotRun(format!("write a batch file: {error}")))?)
    } else {
        None
    };
    shell.push(match &file {
        Some(file) => file.to_string_lossy().into_owned(),
        None => text.clone(),
    });
    let args: Vec<&str> = shell.iter().map(String::as_str).collect();
    if job.settings.debug {
        job.log.prompt_words(&program, &args);
    } else {
        job.log.prompt(&text);
    }
    Ok(job.run(&program, &args).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_a_script_and_anything_else_a_line() {
        let dir = tempfile::tempdir().expect("dir");
        let root = dir.path().join("checkout");
        std::fs::create_dir_all(root.join("scripts")).expect("folders");
        for file in [
            "checkout/scripts/go.sh",
            "checkout/with blank",
            "outside.sh",
        ] {
            std::fs::write(dir.path().join(file), "").expect("file");
        }
        let script = |path: &str| Ok(Work::Script(PathBuf::from(path)));
        let line = |text: &str| Ok(Work::Line(text.to_owned()));
        let cases = [
            ("scripts/go.sh", true, script("./scripts/go.sh")),
            (
                "./scripts/../scripts/go.sh",
                true,
                script("./scripts/go.sh"),
            ),
            ("scripts/\ngo.sh", true, script("./scripts/go.sh")),
            ("/scripts/go.sh", true, script("./scripts/go.sh")),
            ("with blank", false, script("./with blank")),
            ("scripts/go.sh --fast", true, line("scripts/go.sh --fast")),
            ("scripts", true, line("scripts")),
            (" \n", true, Err(Refusal::Nothing)),
            (
                "make all",
                false,
                Err(Refusal::NoEvaluation("make all".into())),
            ),
            (
                "../outside.sh",
                false,
                Err(Refusal::Outside("../outside.sh".into())),
            ),
        ];
        for (command, eval, wanted) in cases {
            assert_eq!(choose(command, eval, &root), wanted, "{command:?}");
        }
    }
}

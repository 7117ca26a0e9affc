//! The hooks of the agent's own life: `agent-startup` before its workers take jobs, and
//! `agent-shutdown` after the last of them is gone.
//!
//! They run in the agent's environment without its settings, and their lines go to its log. All
//! hooks of a name run, one folder after the other; the first that fails ends the round.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use agent_hooks::{find_of_agent, words};
use agent_process::{
    Command, Exit, Group, Lines, Output, Running, Signal, StartError, find_program,
};
use agent_runner::JobSettings;
use agent_worker::Registered;
use tokio::io::AsyncReadExt as _;
use tokio_util::sync::CancellationToken;

/// Where hooks are, and what runs them.
#[derive(Debug)]
pub struct LifeHooks {
    /// Folders, in the order in which their hooks run.
    pub folders: Vec<PathBuf>,
    /// Program and arguments for those that are scripts of a shell; empty when each says so itself.
    pub shell: Vec<OsString>,
    /// Whose environment they share.
    pub jobs: Arc<JobSettings>,
}

/// A point of the agent's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// The workers are registered, and not connected.
    Startup,
    /// The workers are gone.
    Shutdown,
}

/// Why a hook did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum LifeError {
    /// It could not be read or run.
    #[error("failed to run hook {}: {cause}", path.display())]
    NotRun {
        /// The hook.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// It could not be started.
    #[error("failed to run hook {}: {cause}", path.display())]
    NotStarted {
        /// The hook.
        path: PathBuf,
        /// Why.
        #[source]
        cause: StartError,
    },
    /// It said no.
    #[error("hook {} {exit}", path.display())]
    Failed {
        /// The hook.
        path: PathBuf,
        /// How it ended.
        exit: Exit,
    },
}

impl LifeHooks {
    /// Runs all hooks of `point`. `stop` asks the running one to end, `kill` does not ask. One that
    /// runs when this is dropped is killed.
    pub async fn run(
        &self,
        point: Point,
        workers: &[Registered],
        stop: &CancellationToken,
        kill: &CancellationToken,
    ) -> Result<(), LifeError> {
        for folder in &self.folders {
            let Some(path) = find(folder, point)? else {
                continue;
            };
            tracing::info!("running hook {}", path.display());
            let (mut child, output) = self.start(&path, workers)?;
            let group = child.group();
            let mut unfinished = Unfinished(Some(group));
            let followed = follow(point, &mut child, output);
            let stopped = stopped(group, stop, kill);
            let exit = tokio::select! {
                biased;
                exit = followed => exit,
                never = stopped => match never {},
            };
            unfinished.0 = None;
            match exit {
                Ok(exit) if exit.success() => {}
                Ok(exit) => return Err(LifeError::Failed { path, exit }),
                Err(cause) => return Err(LifeError::NotRun { path, cause }),
            }
        }
        Ok(())
    }

    fn start(&self, path: &Path, workers: &[Registered]) -> Result<(Running, Output), LifeError> {
        let env = self.environment(workers);
        let search = env.iter().rev().find(|(name, _)| name == "PATH");
        let search = search.map(|(_, value)| value.as_os_str());
        let finds = |name: &str| find_program(name.as_ref(), search, None).is_some();
        let not_run = |cause| LifeError::NotRun {
            path: path.to_owned(),
            cause,
        };
        let words = words(path, &self.shell, finds).map_err(not_run)?;
        let nothing = || io::Error::other("nothing on PATH runs it; set --hooks-shell");
        let words = words.ok_or_else(|| not_run(nothing()))?;
        let (program, args) = words.split_first().expect("a hook has a program");
        let command = Command::new(program).args(args).env(env);
        command.start().map_err(|cause| LifeError::NotStarted {
            path: path.to_owned(),
            cause,
        })
    }

    fn environment(&self, workers: &[Registered]) -> Vec<(OsString, OsString)> {
        let joined = |text: fn(&Registered) -> &str| -> OsString {
            let texts: Vec<&str> = workers.iter().map(text).collect();
            texts.join(",").into()
        };
        let mut env = self.jobs.variables.inherited.clone();
        env.push(("BUILDKITE_AGENT_IDS".into(), joined(|worker| &worker.id)));
        env.push((
            "BUILDKITE_AGENT_NAMES".into(),
            joined(|worker| &worker.name),
        ));
        env
    }
}

/// A hook that runs. Nobody would wait for it any more once this is dropped.
struct Unfinished(Option<Group>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            group.kill_tree();
        }
    }
}

impl Point {
    /// The name of its hooks' files.
    fn name(self) -> &'static str {
        match self {
            Self::Startup => "agent-startup",
            Self::Shutdown => "agent-shutdown",
        }
    }
}

/// A hook that nobody can look at is not passed over: the host may depend on it.
fn find(folder: &Path, point: Point) -> Result<Option<PathBuf>, LifeError> {
    find_of_agent(folder, point.name()).map_err(|error| LifeError::NotRun {
        path: error.path,
        cause: error.error,
    })
}

/// Puts a hook's lines into the log until it has ended and said everything.
async fn follow(point: Point, child: &mut Running, mut output: Output) -> io::Result<Exit> {
    let hook = point.name();
    let tell = |line: &str| tracing::info!(hook, "{line}");
    let mut lines = Lines::default();
    let mut buffer = [0; 4096];
    loop {
        tokio::select! {
            biased;
            read = output.read(&mut buffer) => match read? {
                0 => break,
                count => lines.feed(&buffer[..count], tell),
            },
            // What it left running may hold its output for ever.
            exit = child.wait() => {
                while let Some(count @ 1..) = output.read_now(&mut buffer)? {
                    lines.feed(&buffer[..count], tell);
                }
                lines.finish(tell);
                return exit;
            }
        }
    }
    lines.finish(tell);
    child.wait().await
}

async fn stopped(
    group: Group,
    stop: &CancellationToken,
    kill: &CancellationToken,
) -> std::convert::Infallible {
    stop.cancelled().await;
    if let Err(error) = group.signal(Signal::TERM) {
        tracing::warn!("failed to stop the hook: {error}");
    }
    kill.cancelled().await;
    group.kill_tree();
    std::future::pending().await
}

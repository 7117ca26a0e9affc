//! One job while it runs: its settings, its environment, its log, and the one child at a time
//! that works for it.
//!
//! What a job holds for its hooks, plugins and checkout is here too, so that those who work on a
//! job need it and never the other way round.

mod api;
mod hook_files;
mod plugin;
mod snapshot;
mod span;
mod tail;
mod trace;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agent_process::{
    Command, Exit, Output, Running, Signal, StartError, Stdin, Stream, Window, follow,
};
use shared_protocol::env as names;
use shared_protocol::experiment::Experiment;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

use crate::control::{Control, Rest};
use crate::environment::Environment;
use crate::log::Log;
use crate::run_error::RunError;
use crate::settings::Settings;
use crate::words;

pub(crate) use api::JobApi;
pub(crate) use hook_files::HookFiles;
pub(crate) use plugin::Plugin;
pub(crate) use snapshot::Snapshot;
pub(crate) use span::Span;
pub(crate) use tail::Tail;
pub(crate) use trace::Trace;

/// How long processes that a child left behind may hold its terminal. A pipe they may hold a second
/// longer than a canceled child lives.
const PATIENCE: Duration = Duration::from_secs(10);
const SECOND: Duration = Duration::from_secs(1);

/// One job.
#[derive(Debug)]
pub(crate) struct Job {
    /// The agent's version, for requests to the endpoint.
    pub(crate) version: &'static str,
    pub(crate) settings: Settings,
    pub(crate) env: Environment,
    pub(crate) log: Log,
    /// Where the next child runs.
    pub(crate) cwd: PathBuf,
    /// The checkout that the repository's hooks come from, once there is one.
    pub(crate) checkout_root: Option<PathBuf>,
    /// The checkout of a job without a repository; removed with the job.
    pub(crate) scratch: Option<TempDir>,
    /// What the checkout borrows from while the job runs; removed with the job.
    pub(crate) snapshots: Vec<Snapshot>,
    /// The step's plugins, in their order; vendored ones are there after the checkout.
    pub(crate) plugins: Vec<Plugin>,
    /// Where wrapped hooks have their files.
    pub(crate) hook_files: HookFiles,
    /// Folders of plugins that are removed with the job.
    pub(crate) downloaded: Vec<PathBuf>,
    /// The job API, while it is open.
    pub(crate) api: Option<JobApi>,
    /// The folder that the last child asked for through it.
    pub(crate) workdir: Option<PathBuf>,
    /// Names and patterns of secrets that the log was told it cannot hide.
    pub(crate) visible: BTreeSet<String>,
    /// The trace that children are told of.
    pub(crate) trace: Trace,
    control: Control,
    /// Whether the log says that the job is canceled.
    told: bool,
}

fn words(program: &str, args: &[&str]) -> Vec<OsString> {
    let words = std::iter::once(&program).chain(args);
    words.map(OsString::from).collect()
}

impl Job {
    /// A job that has not begun, in this folder.
    pub(crate) fn new(
        version: &'static str,
        settings: Settings,
        env: Environment,
        cwd: PathBuf,
        log: Log,
        control: Control,
    ) -> Self {
        Self {
            version,
            settings,
            env,
            log,
            cwd,
            checkout_root: None,
            scratch: None,
            snapshots: Vec::new(),
            plugins: Vec::new(),
            hook_files: HookFiles::default(),
            downloaded: Vec::new(),
            api: None,
            workdir: None,
            visible: BTreeSet::new(),
            trace: Trace::default(),
            control,
            told: false,
        }
    }

    /// Runs a program in the working directory; its output goes to the log, in a terminal if the
    /// job has one.
    pub(crate) async fn run(&mut self, program: &str, args: &[&str]) -> Result<Exit, RunError> {
        let env = self.child_env();
        let words: Vec<OsString> = words(program, args);
        self.run_words(&words, &env).await
    }

    /// Runs words in the working directory with this as their whole environment; their output goes
    /// to the log.
    pub(crate) async fn run_words(
        &mut self,
        words: &[OsString],
        env: &Environment,
    ) -> Result<Exit, RunError> {
        self.run_watched(words, env, |_| ()).await
    }

    /// As [`Job::run`]; also returns the last part of the output.
    pub(crate) async fn run_with_tail(
        &mut self,
        program: &str,
        args: &[&str],
    ) -> Result<(Exit, Tail), RunError> {
        let mut tail = Tail::default();
        let env = self.child_env();
        let exit = self
            .run_watched(&words(program, args), &env, |bytes| tail.push(bytes))
            .await?;
        Ok((exit, tail))
    }

    async fn run_watched(
        &mut self,
        words: &[OsString],
        env: &Environment,
        mut seen: impl FnMut(&[u8]),
    ) -> Result<Exit, RunError> {
        let (mut running, mut output) = self.start_for_log(words, env).await?;
        let patience = self.patience(self.log_stream());
        let group = running.group();
        let log = &mut self.log;
        let work = async {
            let sink = async |bytes: &[u8]| {
                seen(bytes);
                log.child(bytes).await
            };
            let ending = follow(&mut running, &mut output, patience, sink).await?;
            log.child_ended().await?;
            if ending.held {
                log.comment(&format!(
                    "Its output is still held by a process it left behind, {patience:?} after its end"
                ));
            }
            Ok(ending.exit)
        };
        let exit = self.control.watch(group, work).await;
        self.take_changes();
        self.tell_children();
        exit
    }

    /// Runs a program quietly, with this as its input; returns what it writes to its standard
    /// output.
    pub(crate) async fn capture(
        &mut self,
        program: &str,
        args: &[&str],
        input: &[u8],
    ) -> Result<(Exit, Vec<u8>), RunError> {
        let stdin = if input.is_empty() {
            Stdin::Null
        } else {
            Stdin::Piped
        };
        let command = self
            .command(&words(program, args), &self.child_env())
            .stdin(stdin);
        let (mut running, mut output) = self.start(command.stream(Stream::OutputOnly)).await?;
        let group = running.group();
        let pipe = running.take_stdin();
        let patience = self.patience(Stream::OutputOnly);
        let mut captured = Vec::new();
        let read = follow(&mut running, &mut output, patience, async |bytes| {
            captured.extend_from_slice(bytes);
            Ok(())
        });
        let feed = async {
            if let Some(mut pipe) = pipe {
                // A child that ends without reading its input has decided so; its status counts.
                let _ = pipe.write_all(input).await;
            }
        };
        let work = async { tokio::join!(read, feed).0.map(|ending| ending.exit) };
        let exit = self.control.watch(group, work).await;
        self.take_changes();
        self.tell_children();
        Ok((exit?, captured))
    }

    /// Waits, unless the job is canceled meanwhile.
    pub(crate) async fn pause(&mut self, time: Duration) -> Result<(), RunError> {
        self.during(sleep(time)).await
    }

    /// Waits for work that is no child, such as a request, unless the job is canceled meanwhile.
    pub(crate) async fn during<T>(&mut self, work: impl Future<Output = T>) -> Result<T, RunError> {
        self.log.send().await?;
        let result = self.control.during(work).await;
        self.tell_children();
        result
    }

    /// From here on this may run, canceled or not.
    pub(crate) fn allow(&mut self, rest: Rest) {
        self.control.allow(rest);
    }

    /// Limits what follows to this time from now on, or lifts the limit.
    pub(crate) fn limit(&mut self, time: Option<Duration>) {
        self.control.limit(time);
    }

    /// Whether a child may start now.
    pub(crate) async fn check(&mut self) -> Result<(), RunError> {
        let allowed = self.control.check().await;
        self.tell_children();
        allowed
    }

    /// The signal that canceled the job, if one did.
    pub(crate) fn canceled_by(&self) -> Option<Signal> {
        self.control.canceled_by()
    }

    /// The signal that the executor ends by, if the job was canceled.
    pub(crate) fn ends_by(&self) -> Option<Signal> {
        self.control.ends_by()
    }

    /// Kills whatever a canceled job left behind.
    pub(crate) fn kill_leftovers(&self) {
        self.control.kill_leftovers();
    }

    /// The path of `relative` below the working directory.
    pub(crate) fn here(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.cwd.join(relative)
    }

    /// Where a child's output goes that is for the log.
    fn log_stream(&self) -> Stream {
        if !self.settings.pty {
            Stream::Pipe
        } else if self.settings.experiments.has(Experiment::PtyRaw) {
            Stream::RawTerminal(Window::JOB)
        } else {
            Stream::Terminal(Window::JOB)
        }
    }

    /// How long processes that a child left behind may hold its output.
    fn patience(&self, stream: Stream) -> Duration {
        match stream {
            Stream::Terminal(_) | Stream::RawTerminal(_) | Stream::PipeWithTerminal(_) => PATIENCE,
            _ => self.settings.grace.signal.saturating_add(SECOND),
        }
    }

    /// Children run in this folder from now on.
    pub(crate) fn move_to(&mut self, folder: PathBuf) {
        let words = words::quote(&folder.to_string_lossy());
        self.log.prompt(&format!("cd {words}"));
        self.cwd = folder;
    }

    /// The environment of a child.
    pub(crate) fn child_env(&self) -> Environment {
        let mut env = self.env.clone();
        env.set("PWD", self.cwd.as_os_str());
        for (name, value) in self.trace.variables() {
            env.set(name, value);
        }
        env
    }

    fn command(&self, words: &[OsString], env: &Environment) -> Command {
        let (program, args) = words.split_first().expect("a child has a program");
        Command::new(program)
            .args(args)
            .env(env.iter())
            .cwd(&self.cwd)
    }

    /// Starts a child whose output is for the log. That a host has no terminal to give, which is
    /// common in containers, is no reason to fail a job.
    async fn start_for_log(
        &mut self,
        words: &[OsString],
        env: &Environment,
    ) -> Result<(Running, Output), RunError> {
        let command = self.command(words, env).stream(self.log_stream());
        match self.start(command).await {
            Err(RunError::Start(StartError::Stream(_, error))) if self.settings.pty => {
                self.log.warning(&format!(
                    "the job has no terminal, for the host gives none: {error}; set BUILDKITE_PTY=false if it needs none"
                ));
                self.settings.pty = false;
                let command = self.command(words, env).stream(self.log_stream());
                self.start(command).await
            }
            started => started,
        }
    }

    /// Starts a child, unless the job is canceled or its time is over.
    async fn start(&mut self, command: Command) -> Result<(Running, Output), RunError> {
        self.log.send().await?;
        let allowed = self.control.check().await;
        self.tell_children();
        allowed?;
        self.publish();
        Ok(command.start()?)
    }

    /// What runs after a cancellation learns of it, and whether it came from a time limit.
    fn tell_children(&mut self) {
        if self.canceled_by().is_none() {
            return;
        }
        if !std::mem::replace(&mut self.told, true) {
            self.log
                .comment("Received cancellation signal, interrupting");
        }
        self.env.set(names::JOB_CANCELLED, "true");
        let marker = self.env.filled(names::AGENT_JOB_TIMEOUT_FILE);
        if marker.is_some_and(|file| Path::new(file).exists()) {
            self.env.set("BUILDKITE_JOB_TIMED_OUT", "true");
        }
    }
}

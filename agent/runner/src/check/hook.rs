//! The host's own say about a job: its `pre-bootstrap` hook.
//!
//! It runs before anything of the job does, in the agent's environment, and learns of the job from
//! the files of its variables only: nothing that a job brings along may change how it is judged.
//! What it writes goes to the agent's log. Only a hook that ends with status 0 lets the job run.
//! While it decides, the job can be canceled, and nothing the hook started outlives that.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agent_hooks::{FindError, find_of_agent, words};
use agent_process::{
    Command, Ending, Exit, Lines, Output, Running, StartError, find_program, follow,
};
use shared_protocol::env;
use tokio::time::timeout;

use crate::accept::Accepted;
use crate::cancel;
use crate::environment::{ENV_FILE, ENV_JSON_FILE};
use crate::log::Log;
use crate::outcome::NotRun;

/// Time for processes that a hook leaves behind to close its output.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the job's log says of a hook that does not let the job run. Why is the host's business.
const REFUSED: &str =
    "pre-bootstrap hook rejected this job, see the buildkite-agent logs for more details\n";

/// Where the hook is, and what runs it.
#[derive(Debug, Clone, Default)]
pub struct HookSettings {
    /// Folder of the host's hooks.
    pub folder: Option<PathBuf>,
    /// Program and arguments that run shell hooks; empty: what their first line says, or bash.
    pub shell: Vec<OsString>,
}

/// Why the hook does not let the job run.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Find(#[from] FindError),
    #[error("read {0}: {1}")]
    Read(PathBuf, #[source] io::Error),
    #[error("there is nothing that runs {0}; install bash or PowerShell, or set --hooks-shell")]
    NoShell(PathBuf),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("it {0}")]
    Status(Exit),
    #[error("follow its output: {0}")]
    Output(#[source] io::Error),
}

impl Accepted {
    /// Asks the hook, if there is one.
    pub(crate) async fn ask_hook(&mut self, log: &Log) -> Result<(), NotRun> {
        let Some(folder) = &self.settings.checks.hook.folder else {
            return Ok(());
        };
        let job = self.job.id.clone();
        let answer = match self.start_hook(folder) {
            Ok(None) => return Ok(()),
            Ok(Some((child, output))) => {
                tracing::info!(%job, "asking the pre-bootstrap hook");
                self.record.set_executor(child.group().leader());
                self.await_hook(child, output).await?
            }
            Err(refusal) => Err(refusal),
        };
        let Err(refusal) = answer else {
            tracing::info!(%job, "the pre-bootstrap hook lets the job run");
            return Ok(());
        };
        tracing::error!(%job, "the pre-bootstrap hook refuses the job: {refusal}");
        log.say(REFUSED).await;
        Err(NotRun::Refused)
    }

    fn start_hook(&self, folder: &Path) -> Result<Option<(Running, Output)>, Refusal> {
        let Some(path) = find_of_agent(folder, "pre-bootstrap")? else {
            return Ok(None);
        };
        let env = self.hook_environment();
        let search = env.iter().rev().find(|(name, _)| name == "PATH");
        let search = search.map(|(_, value)| value.as_os_str());
        let finds = |name: &str| find_program(name.as_ref(), search, None).is_some();
        let words = words(&path, &self.settings.checks.hook.shell, finds)
            .map_err(|error| Refusal::Read(path.clone(), error))?;
        let mut words = words.ok_or(Refusal::NoShell(path))?.into_iter();
        let command = Command::new(words.next().unwrap_or_default());
        Ok(Some(command.args(words).env(env).start()?))
    }

    /// The agent's own environment, and what a hook needs to find the job and to call the endpoint.
    fn hook_environment(&self) -> Vec<(OsString, OsString)> {
        let variables = &self.settings.variables;
        let fixed = variables.fixed.iter().filter(|(name, _)| {
            matches!(
                *name,
                "BUILDKITE_NO_HTTP2" | "BUILDKITE_AGENT_DEBUG" | "BUILDKITE_AGENT_DEBUG_HTTP"
            )
        });
        let mut whole = variables.inherited.clone();
        whole.extend(fixed.map(|(name, value)| ((*name).into(), value.into())));
        whole.extend([
            (ENV_FILE.into(), self.files.env().into()),
            (ENV_JSON_FILE.into(), self.files.env_json().into()),
            (env::JOB_ID.into(), self.job.id.as_str().into()),
            (
                env::AGENT_ACCESS_TOKEN.into(),
                self.client.token().expose().into(),
            ),
            (
                env::AGENT_ENDPOINT.into(),
                self.client.endpoint().as_str().into(),
            ),
        ]);
        whole
    }

    /// Follows the hook to its end; the outer error is a job that is to stop meanwhile.
    async fn await_hook(
        &self,
        mut child: Running,
        mut output: Output,
    ) -> Result<Result<(), Refusal>, NotRun> {
        let group = child.group();
        let job = &self.job.id;
        let tell = |line: &str| tracing::info!(%job, hook = "pre-bootstrap", "{line}");
        let mut lines = Lines::default();
        let ended = {
            let following = follow(&mut child, &mut output, PATIENCE, async |bytes: &[u8]| {
                lines.feed(bytes, tell);
                Ok(())
            });
            tokio::select! {
                biased;
                ending = following => Ok(ending),
                why = cancel::wanted(self) => Err(why),
            }
        };
        lines.finish(tell);
        let stopped = match ended {
            Ok(ending) => return Ok(judged(ending)),
            Err(stopped) => stopped,
        };
        let signal = cancel::polite(self.settings.cancel_signal);
        tracing::info!(%job, reason = ?stopped, %signal, "stopping the pre-bootstrap hook");
        let _ = group.signal(signal);
        let _ = timeout(self.settings.cancel_grace, child.wait()).await;
        // The file's name is this job's alone, so whoever has it was started by this hook.
        let marked = cancel::marked(self.files.env());
        cancel::kill(&[marked, vec![group.leader()]].concat());
        let _ = child.wait().await;
        Err(stopped.into())
    }
}

fn judged(ending: io::Result<Ending>) -> Result<(), Refusal> {
    match ending {
        Ok(Ending { exit, .. }) if exit.success() => Ok(()),
        Ok(Ending { exit, .. }) => Err(Refusal::Status(exit)),
        Err(error) => Err(Refusal::Output(error)),
    }
}

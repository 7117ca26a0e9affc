//! A server and one agent, without the tiers between.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::cargo;
use crate::chain::{Profile, end, log_file, server_token, wait_for_text};

/// What the agent's log says when a job is over.
pub(super) const ENDED: &str = "job finished";

/// What runs, and where.
pub(super) struct Bed {
    server: Option<Child>,
    agent: Option<Child>,
    folder: PathBuf,
    pub(super) server_url: String,
    pub(super) api_token: String,
}

impl Bed {
    /// Builds both and starts them in `folder`.
    pub(super) fn start(folder: &Path, profile: Profile, workers: usize) -> Result<Self> {
        let packages = ["--package", "trireme-server", "--package", "agent"];
        cargo::run(&[profile.args(), &packages].concat())?;
        let programs = cargo::target_dir()?.join(profile.folder());
        let data = folder.join("server");
        let program = programs.join("trireme-server");
        let server = ends_with_us(&program)
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&data)
            .stdin(Stdio::null())
            .stderr(log_file(&folder.join("server.log"))?)
            .spawn()
            .context("start trireme-server")?;
        let mut bed = Self {
            server: Some(server),
            agent: None,
            folder: folder.to_owned(),
            server_url: String::new(),
            api_token: String::new(),
        };
        bed.server_url = wait_for_text(&data.join("server.addr"))?;
        bed.api_token = server_token(&program, &data, "api")?;
        let token = server_token(&program, &data, "agent")?;
        std::fs::create_dir(folder.join("files"))?;
        bed.agent = Some(bed.start_agent(&programs.join("agent"), &token, workers)?);
        Ok(bed)
    }

    fn start_agent(&self, program: &Path, token: &str, workers: usize) -> Result<Child> {
        let folder = |name: &str| self.folder.join(name);
        ends_with_us(program)
            .arg("start")
            .arg(format!("--endpoint={}/v3", self.server_url))
            .arg(format!("--spawn={workers}"))
            .arg("--name=soak-%spawn")
            .arg("--ping-mode=poll-only")
            .arg("--log-level=info")
            .arg("--build-path")
            .arg(folder("builds"))
            .arg("--job-context-dir")
            .arg(folder("files"))
            .arg("--sockets-path")
            .arg(folder("s"))
            .env("BUILDKITE_AGENT_TOKEN", token)
            .env("SOAK", &self.folder)
            .stdin(Stdio::null())
            .stderr(log_file(&self.agent_log())?)
            .spawn()
            .context("start the agent")
    }

    /// The agent's process id.
    pub(super) fn agent(&self) -> u32 {
        self.agent.as_ref().map_or(0, Child::id)
    }

    /// The server's process id.
    pub(super) fn server(&self) -> u32 {
        self.server.as_ref().map_or(0, Child::id)
    }

    /// Where the agent's log is.
    pub(super) fn agent_log(&self) -> PathBuf {
        self.folder.join("agent.log")
    }

    /// Stops the agent as a service manager would.
    pub(super) fn stop_agent(&mut self) -> Result<()> {
        match self.agent.take() {
            Some(agent) => end(agent, "the agent"),
            None => Ok(()),
        }
    }

    /// Stops the server.
    pub(super) fn stop(&mut self) -> Result<()> {
        match self.server.take() {
            Some(server) => end(server, "trireme-server"),
            None => Ok(()),
        }
    }

    /// The agent has said of each job once that it is over and that the server knows.
    pub(super) fn check_reports(&self, jobs: usize) -> Result<()> {
        let log = std::fs::read_to_string(self.agent_log())?;
        let mut told: BTreeMap<&str, usize> = BTreeMap::new();
        for line in log.lines().filter(|line| line.contains(ENDED)) {
            ensure!(line.contains("delivered=true"), "not delivered: {line}");
            let job = line.split("job=").nth(1).unwrap_or_default();
            let job = job.split(' ').next().unwrap_or_default();
            *told.entry(job).or_default() += 1;
        }
        ensure!(
            told.len() == jobs,
            "{} of {jobs} jobs were finished",
            told.len()
        );
        let twice = told.iter().find(|(_, count)| **count != 1);
        ensure!(twice.is_none(), "finished more than once: {twice:?}");
        Ok(())
    }

    /// No file beside a job, no record, no process is left.
    pub(super) fn check_leftovers(&self) -> Result<()> {
        let names = |folder: &str| -> Vec<String> {
            let entries = std::fs::read_dir(self.folder.join(folder));
            let entries = entries.into_iter().flatten().flatten();
            entries
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect()
        };
        let files = names("files");
        ensure!(files.is_empty(), "files of jobs are left: {files:?}");
        let records = names("builds/.trireme/agent-1");
        ensure!(records == ["lock"], "records of jobs are left: {records:?}");
        let mark = format!("SOAK={}", self.folder.display());
        let processes = std::fs::read_dir("/proc")
            .context("list processes")?
            .flatten();
        let left: Vec<_> = processes
            .filter(|entry| {
                let environ = std::fs::read(entry.path().join("environ")).unwrap_or_default();
                let mut variables = environ.split(|&byte| byte == 0);
                variables.any(|variable| variable == mark.as_bytes())
            })
            .map(|entry| entry.file_name())
            .collect();
        ensure!(left.is_empty(), "processes are left: {left:?}");
        Ok(())
    }
}

/// A program that is killed when this one dies, however that comes. What the agent's jobs are about
/// to do then takes them a moment only, and they lose their terminal with it.
fn ends_with_us(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

impl Drop for Bed {
    fn drop(&mut self) {
        for child in [self.agent.take(), self.server.take()]
            .into_iter()
            .flatten()
        {
            // An error path: the first error has been reported, this one would only hide it.
            let _ = end(child, "process");
        }
    }
}

//! The running chain: one server, one bootstrapper with all that it starts.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::{Built, stage};

/// Longest wait for a process to come up, to change or to end.
const PATIENCE: Duration = Duration::from_mins(1);

/// Time between two looks at a file or a process.
const LOOK: Duration = Duration::from_millis(50);

/// What a chain is started with.
#[derive(Clone, Copy)]
pub(crate) struct Start<'a> {
    /// Folder for everything.
    pub(crate) folder: &'a Path,
    /// Server and bootstrapper.
    pub(crate) built: &'a Built,
    /// Folder of the first release; its launcher is the factory launcher, too.
    pub(crate) release: &'a Path,
    /// Version of the first release.
    pub(crate) version: &'a str,
    /// Further lines of the agent's configuration.
    pub(crate) agent_config: &'a str,
}

/// Processes and addresses; what still runs is stopped when this is dropped.
pub(crate) struct Chain {
    server: Option<Child>,
    bootstrapper: Option<Child>,
    host: PathBuf,
    pub(crate) server_url: String,
    pub(crate) api_token: String,
}

impl Chain {
    /// Server, tokens, the first release, bootstrapper: in the order of the README's quick start.
    pub(crate) fn start(start: &Start<'_>) -> Result<Self> {
        let Start { folder, built, .. } = *start;
        let data = folder.join("server");
        let host = folder.join("host");
        let server = Command::new(&built.server)
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&data)
            .stdin(Stdio::null())
            .stderr(log_file(&folder.join("server.log"))?)
            .spawn()
            .context("start trireme-server")?;
        let mut chain = Self {
            server: Some(server),
            bootstrapper: None,
            host: host.clone(),
            server_url: String::new(),
            api_token: String::new(),
        };
        chain.server_url = wait_for_text(&data.join("server.addr"))?;
        chain.api_token = server_token(&built.server, &data, "api")?;
        let agent_token = server_token(&built.server, &data, "agent")?;
        stage::publish(built, folder, start.version, start.release)?;
        let config = folder.join("agent.cfg");
        write_config(&config, folder, &agent_token, start.agent_config)?;
        let bootstrapper = Command::new(&built.bootstrapper)
            .arg("--state-dir")
            .arg(&host)
            .arg("--launcher")
            .arg(start.release.join("launcher"))
            .args([
                "--",
                "--server-url",
                &chain.server_url,
                "--gate-seconds",
                "8",
                "--trust-root",
            ])
            .arg(data.join("releases/root.json"))
            .arg("--agent-config")
            .arg(&config)
            .stdin(Stdio::null())
            .stderr(log_file(&folder.join("host.log"))?)
            .spawn()
            .context("start bootstrapper")?;
        chain.bootstrapper = Some(bootstrapper);
        Ok(chain)
    }

    /// The log file of each tier.
    pub(crate) fn logs(&self) -> Vec<PathBuf> {
        ["bootstrapper", "launcher", "agent"]
            .iter()
            .map(|tier| self.host.join(format!("logs/{tier}.log")))
            .collect()
    }

    /// Name and process id of each tier, from the top.
    pub(crate) fn tiers(&self) -> Result<Vec<(&'static str, u32)>> {
        let bootstrapper = self
            .bootstrapper
            .as_ref()
            .context("the bootstrapper runs")?
            .id();
        let text =
            std::fs::read_to_string(format!("/proc/{bootstrapper}/task/{bootstrapper}/children"))?;
        let launcher = text
            .split_whitespace()
            .next()
            .context("the bootstrapper has a child")?
            .parse()?;
        Ok(vec![
            ("bootstrapper", bootstrapper),
            ("launcher", launcher),
            ("agent", self.agent_pid()?),
        ])
    }

    /// Process id of the one agent that has left its handle.
    pub(crate) fn agent_pid(&self) -> Result<u32> {
        let run = self.host.join("run");
        let names = std::fs::read_dir(&run).with_context(|| format!("list {}", run.display()))?;
        names
            .flatten()
            .find_map(|entry| {
                entry
                    .file_name()
                    .to_str()?
                    .strip_prefix("agent-")?
                    .parse()
                    .ok()
            })
            .with_context(|| format!("{} holds no handle of an agent", run.display()))
    }

    /// Waits until the launcher has committed the agent of that release.
    pub(crate) async fn wait_for_commit_of(&self, version: &str) -> Result<()> {
        self.wait_for_log(&["agent committed", version]).await
    }

    /// Waits for a line of the launcher's log that contains all of these words.
    pub(crate) async fn wait_for_log(&self, words: &[&str]) -> Result<()> {
        let log = self.host.join("logs/launcher.log");
        let is_it = |line: &str| words.iter().all(|word| line.contains(word));
        for _ in 0..PATIENCE.as_millis() / LOOK.as_millis() {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            if text.lines().any(is_it) {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        bail!("the launcher did not say {words:?}; see {}", log.display());
    }

    /// What the launcher counted so far, as Prometheus text.
    pub(crate) fn metrics(&self) -> Result<String> {
        let path = self.host.join("metrics.prom");
        std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    }

    /// Time without a ready or busy worker during the switch, as the launcher logged it.
    pub(crate) fn gap_ms(&self) -> Result<u64> {
        let log = self.host.join("logs/launcher.log");
        let text =
            std::fs::read_to_string(&log).with_context(|| format!("read {}", log.display()))?;
        text.lines()
            .rev()
            .filter(|line| line.contains("agent switched"))
            .find_map(|line| {
                line.split_once("gap_ms=")?
                    .1
                    .split_whitespace()
                    .next()?
                    .parse()
                    .ok()
            })
            .with_context(|| {
                format!(
                    "{} holds no line `agent switched` with gap_ms",
                    log.display()
                )
            })
    }

    /// Stops the host as a service manager would, then the server; nothing may be left over.
    pub(crate) fn stop(&mut self) -> Result<()> {
        if let Some(child) = self.bootstrapper.take() {
            end(child, "bootstrapper")?;
        }
        let left: Vec<_> = std::fs::read_dir(self.host.join("run"))
            .into_iter()
            .flatten()
            .flatten()
            .collect();
        if !left.is_empty() {
            bail!(
                "{} handles of agents are left in {}",
                left.len(),
                self.host.join("run").display()
            );
        }
        if let Some(child) = self.server.take() {
            end(child, "trireme-server")?;
        }
        Ok(())
    }

    /// Leaves everything running and says how to stop it.
    pub(crate) fn keep(mut self) -> String {
        let host = self.bootstrapper.take().map_or(0, |child| child.id());
        let server = self.server.take().map_or(0, |child| child.id());
        format!(
            "\nkept running: sign in at {} with the API token {}\nstop it with: kill {host}; kill {server}",
            self.server_url, self.api_token
        )
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        for child in [self.bootstrapper.take(), self.server.take()]
            .into_iter()
            .flatten()
        {
            // An error path: the first error has been reported, this one would only hide it.
            let _ = end(child, "process");
        }
    }
}

/// SIGTERM, a wait, and SIGKILL if that did not help.
pub(crate) fn end(mut child: Child, name: &str) -> Result<()> {
    let pid = i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .context("a child has a process id")?;
    kill_process(pid, Signal::TERM).with_context(|| format!("stop {name}"))?;
    let status = wait(&mut child, PATIENCE)?;
    match status {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("{name} ended with {status}"),
        None => {
            child.kill()?;
            child.wait()?;
            bail!(
                "{name} did not end within {} s of SIGTERM",
                PATIENCE.as_secs()
            );
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "std offers no wait with a limit; the task polls its own child"
)]
fn wait(child: &mut Child, limit: Duration) -> Result<Option<std::process::ExitStatus>> {
    for _ in 0..limit.as_millis() / LOOK.as_millis() {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(LOOK);
    }
    Ok(None)
}

/// The text of a file that a process writes when it is up.
#[expect(
    clippy::disallowed_methods,
    reason = "a file is the only sign of life before there is an address"
)]
pub(crate) fn wait_for_text(path: &Path) -> Result<String> {
    for _ in 0..PATIENCE.as_millis() / LOOK.as_millis() {
        match std::fs::read_to_string(path) {
            Ok(text) if text.ends_with('\n') => return Ok(text.trim().to_owned()),
            _ => std::thread::sleep(LOOK),
        }
    }
    bail!(
        "{} did not appear; see server.log beside it",
        path.display()
    );
}

/// A new token of this kind.
pub(crate) fn server_token(server: &Path, data: &Path, kind: &str) -> Result<String> {
    let output = Command::new(server)
        .args([
            "token",
            "create",
            "--kind",
            kind,
            "--description",
            "demo",
            "--data-dir",
        ])
        .arg(data)
        .output()
        .context("start trireme-server")?;
    if !output.status.success() {
        bail!(
            "no {kind} token: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn write_config(path: &Path, folder: &Path, token: &str, more: &str) -> Result<()> {
    let text = format!(
        "token=\"{token}\"\nname=\"demo-%spawn\"\nbuild-path=\"{}\"\n{more}",
        folder.join("builds").display()
    );
    std::fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

/// A new file for what a process says.
pub(crate) fn log_file(path: &Path) -> Result<File> {
    File::create(path).with_context(|| format!("create {}", path.display()))
}

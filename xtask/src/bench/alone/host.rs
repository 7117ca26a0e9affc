//! One agent with folders of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use anyhow::{Context, Result};

use super::{Endpoint, Programs};
use crate::bench::proc::Snapshot;
use crate::chain;

/// A running agent and its folders.
pub(super) struct Agent {
    folder: tempfile::TempDir,
    /// None once it was ended.
    child: Option<Child>,
}

impl Agent {
    /// Starts it with so many workers and these further flags.
    pub(super) fn start(
        programs: &Programs,
        endpoint: &Endpoint,
        workers: usize,
        flags: &[&str],
    ) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("trireme-bench-")
            .tempdir()?;
        let path = |name: &str| folder.path().join(name);
        for name in ["builds", "home", "hooks", "plugins", "sockets", "tmp"] {
            std::fs::create_dir(path(name))?;
        }
        let file = chain::log_file(&path("agent.log"))?;
        let child = Command::new(&programs.agent)
            .arg("start")
            .args(["--token=registration", "--name=bench-%spawn"])
            .arg(format!("--endpoint={}", endpoint.url))
            .arg(format!("--spawn={workers}"))
            .arg(format!("--build-path={}", path("builds").display()))
            .arg(format!("--hooks-path={}", path("hooks").display()))
            .arg(format!("--plugins-path={}", path("plugins").display()))
            .arg(format!("--sockets-path={}", path("sockets").display()))
            .args(flags)
            .env_clear()
            .env("PATH", std::env::var("PATH").context("read PATH")?)
            .env("HOME", path("home"))
            .env("TMPDIR", path("tmp"))
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .context("start the agent")?;
        Ok(Self {
            folder,
            child: Some(child),
        })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    pub(super) fn snapshot(&self) -> Result<Snapshot> {
        Snapshot::of(self.pid())
    }

    /// Bytes of the logs that it keeps on disk: beside the records of their jobs.
    pub(super) fn bytes_on_disk(&self) -> u64 {
        let records = self.folder.path().join("builds/.trireme/agent-1");
        let spools =
            files(&records).filter(|file| file.extension().is_some_and(|end| end == "log"));
        spools
            .filter_map(|file| std::fs::metadata(file).ok())
            .map(|data| data.len())
            .sum()
    }

    /// Ends it.
    pub(super) fn end(mut self) -> Result<()> {
        match self.child.take() {
            Some(child) => chain::end(child, "the agent"),
            None => Ok(()),
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            // An error path: the first error is what counts.
            let _ = chain::end(child, "the agent");
        }
    }
}

fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path())
}

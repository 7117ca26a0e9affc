//! The scripted endpoint as a child process.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, Result};
use serde::Deserialize;

/// A running endpoint. It ends when it is dropped.
pub(super) struct Endpoint {
    pub(super) url: String,
    child: Child,
    lines: BufReader<ChildStdout>,
}

/// What it saw; the meaning of each number stands in `tests/bench-endpoint`.
#[derive(Debug, Deserialize)]
pub(super) struct Summary {
    pub(super) connections: u64,
    pub(super) jobs: Vec<Job>,
    pub(super) log: Log,
}

#[derive(Debug, Deserialize)]
pub(super) struct Job {
    pub(super) accepted_us: u64,
    pub(super) finished_us: u64,
    pub(super) exit_status: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Log {
    pub(super) chunks: u64,
    pub(super) raw: u64,
    pub(super) gzip: u64,
    pub(super) repeated: u64,
    pub(super) misplaced: u64,
    pub(super) printed: u64,
}

impl Endpoint {
    /// Starts it with these arguments of `serve`.
    pub(super) fn start(program: &Path, arguments: &[String]) -> Result<Self> {
        let mut child = Command::new(program)
            .arg("serve")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("start the endpoint")?;
        let lines = BufReader::new(child.stdout.take().context("a piped output is there")?);
        let mut endpoint = Self {
            url: String::new(),
            child,
            lines,
        };
        endpoint.url = endpoint.line()?;
        Ok(endpoint)
    }

    /// Waits until its last job has finished.
    pub(super) fn finished(&mut self) -> Result<Summary> {
        serde_json::from_str(&self.line()?).context("the endpoint ended before its jobs")
    }

    /// What it has seen until now; it ends with that.
    pub(super) fn end(mut self) -> Result<Summary> {
        drop(self.child.stdin.take());
        self.finished()
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.lines.read_line(&mut line).context("read a line")?;
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // Whoever waits for it here has its figures already.
        let _ = self.child.wait();
    }
}

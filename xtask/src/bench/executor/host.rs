//! A host for single jobs: folders, hooks, a repository, and the variables of a job.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Files in the repository that is checked out.
const FILES: usize = 200;

/// The names of the six shell hooks that a job without artifacts runs.
const HOOKS: [&str; 6] = [
    "environment",
    "pre-checkout",
    "post-checkout",
    "pre-command",
    "post-command",
    "pre-exit",
];

/// Writes its arguments down, each ended by a zero byte and each call by a line end, and is git.
const RECORDING_GIT: &str = "#!/bin/sh\nprintf '%s\\0' \"$@\" >>\"$GIT_CALLS\"\necho >>\"$GIT_CALLS\"\nPATH=$REAL_PATH exec git \"$@\"\n";

/// Folders that live as long as the measurement.
pub(super) struct Host {
    folder: tempfile::TempDir,
    agent: PathBuf,
    path: String,
}

impl Host {
    /// Prepares everything for jobs of this agent.
    pub(super) fn new(agent: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("trireme-bench-")
            .tempdir()?;
        let agent = fs::canonicalize(agent).with_context(|| format!("find {}", agent.display()))?;
        let path = std::env::var("PATH").context("read PATH")?;
        let host = Self {
            folder,
            agent,
            path,
        };
        for name in [
            "bin",
            "builds",
            "home",
            "plugins",
            "shims",
            "shell-hooks",
            "polyglot-hooks",
            "no-hooks",
            "sockets",
        ] {
            fs::create_dir(host.path(name))?;
        }
        symlink(&host.agent, host.path("bin/buildkite-agent"))?;
        for (number, hook) in HOOKS.iter().enumerate() {
            let text = format!("#!/bin/bash\nexport HOOK_{number}=done\n");
            host.program(&format!("shell-hooks/{hook}"), &text)?;
        }
        let text = "#!/usr/bin/env perl\nexit(system('buildkite-agent', 'env', 'set', 'WIND=west') >> 8);\n";
        host.program("polyglot-hooks/pre-command", text)?;
        host.program("shims/git", RECORDING_GIT)?;
        fs::write(
            host.path("home/.gitconfig"),
            "[user]\nname = A\nemail = a@example.test\n[protocol \"file\"]\nallow = always\n",
        )?;
        host.repository()?;
        Ok(host)
    }

    /// A path below the folder of this host.
    pub(super) fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Where jobs check out.
    pub(super) fn checkout(&self) -> PathBuf {
        self.path("builds/agent/org/pipe")
    }

    /// `agent bootstrap` for a job that does nothing, without a checkout.
    pub(super) fn job(&self) -> Command {
        let mut command = Command::new(&self.agent);
        command
            .arg("bootstrap")
            .env_clear()
            .current_dir(self.path("builds"));
        for (name, value) in [
            ("PATH", self.path.as_str()),
            ("BUILDKITE_JOB_ID", "job"),
            ("BUILDKITE_COMMAND", "true"),
            ("BUILDKITE_COMMIT", "HEAD"),
            ("BUILDKITE_COMMIT_RESOLVED", "true"),
            ("BUILDKITE_BRANCH", "main"),
            ("BUILDKITE_AGENT_NAME", "agent"),
            ("BUILDKITE_AGENT_ACCESS_TOKEN", "not-a-token"),
            ("BUILDKITE_ORGANIZATION_SLUG", "org"),
            ("BUILDKITE_PIPELINE_SLUG", "pipe"),
            ("BUILDKITE_PIPELINE_PROVIDER", "git"),
            ("BUILDKITE_SKIP_CHECKOUT", "true"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
        ] {
            command.env(name, value);
        }
        for (name, folder) in [
            ("HOME", "home"),
            ("BUILDKITE_REPO", "repo"),
            ("BUILDKITE_BIN_PATH", "bin"),
            ("BUILDKITE_BUILD_PATH", "builds"),
            ("BUILDKITE_HOOKS_PATH", "no-hooks"),
            ("BUILDKITE_PLUGINS_PATH", "plugins"),
            ("BUILDKITE_SOCKETS_PATH", "sockets"),
        ] {
            command.env(name, self.path(folder));
        }
        command
    }

    /// As [`Host::job`], with the hooks of this folder.
    pub(super) fn job_with_hooks(&self, folder: &str) -> Command {
        let mut command = self.job();
        command.env("BUILDKITE_HOOKS_PATH", self.path(folder));
        command
    }

    /// As [`Host::job`], with a checkout.
    pub(super) fn job_with_checkout(&self) -> Command {
        let mut command = self.job();
        command.env_remove("BUILDKITE_SKIP_CHECKOUT");
        command
    }

    /// The git commands of a job with a checkout, as commands of their own.
    pub(super) fn git_commands(&self) -> Result<Vec<Command>> {
        let calls = self.path("git-calls");
        fs::create_dir_all(self.checkout())?;
        let shims = self.path("shims");
        let output = self
            .job_with_checkout()
            .env("PATH", format!("{}:{}", shims.display(), self.path))
            .env("REAL_PATH", &self.path)
            .env("GIT_CALLS", &calls)
            .output()
            .context("run a job that writes down its git commands")?;
        if !output.status.success() {
            bail!(
                "the job failed: {}",
                String::from_utf8_lossy(&output.stdout)
            );
        }
        let text = fs::read_to_string(&calls).context("read the git commands")?;
        let commands = text.lines().map(|line| {
            let mut command = Command::new("git");
            command
                .args(line.split_terminator('\0'))
                .current_dir(self.checkout())
                .env("HOME", self.path("home"))
                .env("GIT_CONFIG_NOSYSTEM", "1");
            command
        });
        Ok(commands.collect())
    }

    fn program(&self, relative: &str, text: &str) -> Result<()> {
        let path = self.path(relative);
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(())
    }

    fn repository(&self) -> Result<()> {
        let repo = self.path("repo");
        fs::create_dir(&repo)?;
        for number in 0..FILES {
            let folder = repo.join(format!("part-{}", number % 10));
            fs::create_dir_all(&folder)?;
            let text = format!("a line of file {number}\n").repeat(20);
            fs::write(folder.join(format!("file-{number}.txt")), text)?;
        }
        for args in [
            &["init", "--quiet", "--initial-branch", "main"][..],
            &["add", "--all"],
            &["commit", "--quiet", "--message", "all files"],
        ] {
            let status = Command::new("git")
                .args(args)
                .current_dir(&repo)
                .env("HOME", self.path("home"))
                .status()
                .context("start git")?;
            if !status.success() {
                bail!("git {args:?} failed ({status})");
            }
        }
        Ok(())
    }
}

//! A host for one job: folders, a real repository, a `git` that writes down how it is called.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

mod plugins;
mod programs;
pub(crate) use plugins::names;

/// Longer than anything here takes; only a failing test waits for it.
pub(crate) const LONG: Duration = Duration::from_mins(5);

pub(crate) struct World {
    dir: TempDir,
    pub(crate) env: BTreeMap<String, String>,
}

pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// Everything written to output and error.
    pub(crate) log: String,
}

impl Ended {
    pub(crate) fn code(&self) -> i32 {
        self.status
            .code()
            .unwrap_or_else(|| panic!("{:?}\n{}", self.status, self.log))
    }

    pub(crate) fn signal(&self) -> i32 {
        self.status
            .signal()
            .unwrap_or_else(|| panic!("{:?}\n{}", self.status, self.log))
    }
}

impl World {
    /// A host whose job checks out the only commit of `main`.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("folder");
        let mut world = Self {
            dir,
            env: BTreeMap::new(),
        };
        for folder in ["bin", "builds", "home"] {
            fs::create_dir(world.path(folder)).expect("folder");
        }
        let real = real_git();
        let shim = "#!/bin/sh\nprintf '%s' \"$*\" | tr '\\n' ' ' >>\"$GIT_CALLS\"; echo >>\"$GIT_CALLS\"\n";
        let rule = "[ -f \"$HOME/git-rule\" ] && . \"$HOME/git-rule\"\n";
        world.write_program(
            "bin/git",
            &format!("{shim}{rule}exec {} \"$@\"\n", real.display()),
        );
        let text = |path: PathBuf| path.to_str().expect("text").to_owned();
        let (calls, home) = (text(world.path("calls")), text(world.path("home")));
        let (bin, builds) = (text(world.path("bin")), text(world.path("builds")));
        let repo = text(world.path("repo"));
        for (name, value) in [
            (
                "PATH",
                format!("{bin}:/usr/local/bin:/usr/bin:/bin").as_str(),
            ),
            ("HOME", &home),
            ("GIT_CALLS", &calls),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("BUILDKITE_JOB_ID", "job-1"),
            ("BUILDKITE_REPO", &repo),
            ("BUILDKITE_COMMIT", "HEAD"),
            ("BUILDKITE_BRANCH", "main"),
            ("BUILDKITE_AGENT_NAME", "agent-1"),
            ("BUILDKITE_ORGANIZATION_SLUG", "org"),
            ("BUILDKITE_PIPELINE_SLUG", "pipe"),
            ("BUILDKITE_PIPELINE_PROVIDER", "git"),
            ("BUILDKITE_BUILD_PATH", &builds),
            ("BUILDKITE_PTY", "false"),
            ("BUILDKITE_COMMIT_RESOLVED", "true"),
        ] {
            world.env.insert(name.into(), value.into());
        }
        fs::write(
            world.path("home/.gitconfig"),
            "[user]\nname = A\nemail = a@example.test\n[protocol \"file\"]\nallow = always\n",
        )
        .expect("config");
        world.git(".", &["init", "-q", "-b", "main", "repo"]);
        world.commit(&[("README", "one\n")]);
        world
    }

    /// A world whose job has no checkout: only a command.
    pub(crate) fn without_checkout(command: &str) -> Self {
        let mut world = Self::new();
        world.set("BUILDKITE_SKIP_CHECKOUT", "true");
        world.set("BUILDKITE_COMMAND", command);
        world
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().canonicalize().expect("path").join(relative)
    }

    /// The folder that the job checks out into.
    pub(crate) fn checkout(&self) -> PathBuf {
        self.path("builds/agent-1/org/pipe")
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.env.insert(name.into(), value.into());
        self
    }

    pub(crate) fn write_program(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        fs::write(&path, text).expect("program");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("mode");
    }

    /// Shell code that each call of git runs first, with git's arguments as its own.
    pub(crate) fn git_rule(&self, text: &str) {
        fs::write(self.path("home/git-rule"), text).expect("rule");
    }

    /// Commits files to the repository's current branch; answers the commit.
    pub(crate) fn commit(&self, files: &[(&str, &str)]) -> String {
        for (name, text) in files {
            let path = self.path("repo").join(name);
            fs::create_dir_all(path.parent().expect("parent")).expect("folder");
            fs::write(path, text).expect("file");
        }
        self.git("repo", &["add", "-A"]);
        self.git("repo", &["commit", "-q", "-m", "change"]);
        self.git("repo", &["rev-parse", "HEAD"])
    }

    /// Runs the real git in a folder; answers its output.
    pub(crate) fn git(&self, folder: &str, args: &[&str]) -> String {
        let output = Command::new(real_git())
            .args(args)
            .current_dir(self.path(folder))
            .env("HOME", self.path("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .expect("git");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout)
            .expect("text")
            .trim()
            .to_owned()
    }

    /// How git was called since the last time this was asked.
    pub(crate) fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("calls")).unwrap_or_default();
        let _ = fs::remove_file(self.path("calls"));
        let folder = self.path("").to_str().expect("text").to_owned();
        text.lines()
            .map(|line| line.replace(&folder, "~/"))
            .collect()
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agent"));
        command.arg("bootstrap").env_clear().envs(&self.env);
        command
            .current_dir(self.path("builds"))
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self) -> Ended {
        self.start().end()
    }

    /// Runs the job where it alone sees what shell code mounts before it.
    pub(crate) fn run_with_mounts(&self, set_up: &str) -> Output {
        let unshare = || {
            let mut command = Command::new("unshare");
            if !rustix::process::geteuid().is_root() {
                command.args(["--user", "--map-root-user"]);
            }
            command.arg("--mount");
            command
        };
        let allowed = unshare().arg("true").output();
        let allowed = allowed.expect("unshare, of util-linux");
        assert!(
            allowed.status.success(),
            "this test mounts file systems: run it as root, or let users make namespaces (sysctl \
             kernel.unprivileged_userns_clone or kernel.apparmor_restrict_unprivileged_userns): {}",
            String::from_utf8_lossy(&allowed.stderr)
        );
        let job = self.command();
        let mut command = unshare();
        command.args(["sh", "-c", &format!("{set_up} && exec \"$0\" \"$@\"")]);
        command.arg(job.get_program()).args(job.get_args());
        command.env_clear().envs(&self.env).stdin(Stdio::null());
        command.current_dir(self.path("builds"));
        command.output().expect("unshare")
    }

    /// Starts the job in a group of its own, its output and error in one pipe.
    pub(crate) fn start(&self) -> Started {
        let (reader, writer) = std::io::pipe().expect("pipe");
        let mut command = self.command();
        command
            .stdout(writer.try_clone().expect("pipe"))
            .stderr(writer)
            .process_group(0);
        let child = command.spawn().expect("start");
        drop(command);
        Started {
            child,
            reader,
            log: Vec::new(),
        }
    }
}

pub(crate) struct Started {
    pub(crate) child: Child,
    reader: std::io::PipeReader,
    log: Vec<u8>,
}

impl Started {
    /// Reads the log until this text is in it.
    pub(crate) fn wait_for(&mut self, text: &str) -> &mut Self {
        let mut byte = [0];
        while !self.log.ends_with(text.as_bytes()) {
            let count = self.reader.read(&mut byte).expect("read");
            assert_ne!(
                count,
                0,
                "ended before {text:?}: {}",
                String::from_utf8_lossy(&self.log)
            );
            self.log.push(byte[0]);
        }
        self
    }

    /// Sends a signal to the executor alone.
    pub(crate) fn signal(&mut self, signal: rustix::process::Signal) -> &mut Self {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("signal");
        self
    }

    pub(crate) fn end(mut self) -> Ended {
        self.reader.read_to_end(&mut self.log).expect("read");
        let status = self.child.wait().expect("wait");
        Ended {
            status,
            log: String::from_utf8_lossy(&self.log).into_owned(),
        }
    }
}

/// Kills the process, which lives, whose number is in this file.
pub(crate) fn kill(file: &Path) {
    let pid = fs::read_to_string(file).expect("pid");
    let pid = rustix::process::Pid::from_raw(pid.trim().parse().expect("number"));
    let killed = rustix::process::kill_process(pid.expect("pid"), rustix::process::Signal::KILL);
    killed.expect("it lives");
}

/// Waits until a process is gone or only waits to be buried.
#[expect(clippy::disallowed_methods, reason = "a deadline for a real process")]
pub(crate) fn wait_gone(pid: &str) {
    let deadline = Instant::now() + LONG;
    loop {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = stat
            .rsplit(") ")
            .next()
            .and_then(|rest| rest.chars().next());
        if matches!(state, None | Some('Z' | 'X')) {
            return;
        }
        assert!(Instant::now() < deadline, "process {pid} is still there");
        std::thread::yield_now();
    }
}

fn real_git() -> PathBuf {
    ["/usr/local/bin/git", "/usr/bin/git", "/bin/git"]
        .into_iter()
        .map(Path::new)
        .find(|path| path.exists())
        .expect("git is installed")
        .to_owned()
}

//! One host: a bootstrapper with the tree it starts, in a state folder of the bed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::Signal;
use shared_handover::handle::Handle;
use shared_handover::layout::StateDir;

use crate::processes;
use crate::wait::until;

/// How a host is started.
#[derive(Debug, Clone)]
pub struct HostSettings {
    /// The bootstrapper.
    pub bootstrapper: PathBuf,
    /// The factory launcher.
    pub launcher: PathBuf,
    /// Folder of the host, below which all its files lie.
    pub folder: PathBuf,
    /// Mark of its processes.
    pub mark: String,
    /// Flags of the bootstrapper.
    pub bootstrapper_args: Vec<String>,
    /// Flags of the launcher.
    pub launcher_args: Vec<String>,
    /// Lines of the agent's configuration file.
    pub agent_config: String,
    /// Further variables, for all tiers.
    pub env: Vec<(String, String)>,
    /// A shell script that prepares a mount namespace of this host's own, and then does
    /// `exec "$@"`; empty for none. The state folder is `$STATE` in it.
    pub mounts: String,
}

/// A running host. Its whole tree is killed when it is dropped.
#[derive(Debug)]
pub struct Host {
    settings: HostSettings,
    bootstrapper: Option<Child>,
}

impl Host {
    /// Starts the bootstrapper.
    pub fn start(settings: HostSettings) -> Self {
        std::fs::create_dir_all(&settings.folder).expect("make the host's folder");
        std::fs::write(settings.folder.join("agent.cfg"), &settings.agent_config)
            .expect("write agent.cfg");
        let mut host = Self {
            settings,
            bootstrapper: None,
        };
        host.resume();
        host
    }

    /// Starts a bootstrapper (again) on the state that is there.
    pub fn resume(&mut self) {
        let child = self.command().spawn().expect("start the bootstrapper");
        self.bootstrapper = Some(child);
    }

    /// The command that starts this host's bootstrapper.
    pub fn command(&self) -> Command {
        let settings = &self.settings;
        let path = settings.folder.join("stderr.log");
        let stderr = File::options()
            .create(true)
            .append(true)
            .open(path)
            .expect("open the host's log");
        let mut command = self.program();
        command
            .arg("--state-dir")
            .arg(self.own_state())
            .arg("--launcher")
            .arg(&settings.launcher)
            .args(&settings.bootstrapper_args)
            .arg("--")
            .args(&settings.launcher_args)
            .arg("--agent-config")
            .arg(settings.folder.join("agent.cfg"))
            .envs(settings.env.iter().map(|(name, value)| (name, value)))
            .env(processes::MARK, &settings.mark)
            .stdin(Stdio::null())
            .stderr(stderr);
        command
    }

    /// How it was started.
    pub const fn settings(&self) -> &HostSettings {
        &self.settings
    }

    /// The bootstrapper, straight or behind the preparation of its mounts. Its process keeps its
    /// id through that.
    fn program(&self) -> Command {
        let settings = &self.settings;
        if settings.mounts.is_empty() {
            return Command::new(&settings.bootstrapper);
        }
        let mut command = Command::new("unshare");
        command.arg("--mount");
        if !rustix::process::geteuid().is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command
            .args(["sh", "-euc", &settings.mounts, "sh"])
            .arg(&settings.bootstrapper)
            .env("STATE", self.own_state());
        command
    }

    /// The state folder as the host itself sees it.
    fn own_state(&self) -> PathBuf {
        self.settings.folder.join("state")
    }

    /// The host's state folder. Where the host has mounts of its own, it is seen through the
    /// bootstrapper's eyes, so it can be asked for only while that one runs.
    pub fn state(&self) -> StateDir {
        let state = self.own_state();
        if self.settings.mounts.is_empty() {
            return StateDir::new(state);
        }
        let through = format!("/proc/{}/root{}", self.bootstrapper_pid(), state.display());
        StateDir::new(through)
    }

    /// The log of a tier; empty while there is none.
    pub fn log(&self, tier: &str) -> String {
        let is_seen = self.settings.mounts.is_empty() || self.bootstrapper.is_some();
        let path = is_seen.then(|| self.state().log(tier));
        let bytes = path.and_then(|path| std::fs::read(path).ok());
        String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
    }

    /// What the tiers said on standard error, where they speak while no log can be written.
    pub fn stderr(&self) -> String {
        let bytes = std::fs::read(self.settings.folder.join("stderr.log"));
        String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
    }

    /// Waits for a line in the log of a tier that contains all of these words, and returns it.
    pub async fn log_line(&self, tier: &str, words: &[&str]) -> String {
        until(&format!("{tier}.log has a line with {words:?}"), || {
            let log = self.log(tier);
            log.lines()
                .find(|line| words.iter().all(|word| line.contains(word)))
                .map(str::to_owned)
        })
        .await
    }

    /// How long the log of a tier is now, in bytes.
    pub fn log_end(&self, tier: &str) -> usize {
        self.log(tier).len()
    }

    /// As [`Self::log_line`], in what was logged after `start`.
    pub async fn log_line_after(&self, start: usize, tier: &str, words: &[&str]) -> String {
        until(&format!("{tier}.log has a new line with {words:?}"), || {
            let log = self.log(tier);
            let mut lines = log.get(start..).unwrap_or_default().lines();
            lines
                .find(|line| words.iter().all(|word| line.contains(word)))
                .map(str::to_owned)
        })
        .await
    }

    /// Process id of the bootstrapper.
    pub fn bootstrapper_pid(&self) -> u32 {
        self.bootstrapper
            .as_ref()
            .expect("the bootstrapper runs")
            .id()
    }

    /// Process ids of the living processes of this host whose file has this name.
    pub fn pids(&self, name: &str) -> Vec<u32> {
        let is_it = |line: &str| {
            let program = line.split(' ').next().unwrap_or_default();
            Path::new(program)
                .file_name()
                .is_some_and(|file| file == name)
        };
        let all = processes::marked(&self.settings.mark);
        all.iter()
            .filter(|process| is_it(&process.command_line))
            .map(|process| process.pid)
            .collect()
    }

    /// Waits for exactly one agent that has left its handle, and returns its process id.
    pub async fn agent_pid(&self) -> u32 {
        until("one agent with a handle", || {
            let mut handles = self.handles();
            (handles.len() == 1)
                .then(|| handles.remove(0))
                .filter(|pid| processes::is_alive(*pid))
        })
        .await
    }

    /// Waits for exactly one launcher, and returns its process id.
    pub async fn launcher_pid(&self) -> u32 {
        until("one launcher", || {
            let pids = self.pids("launcher");
            (pids.len() == 1).then(|| pids[0])
        })
        .await
    }

    /// Process ids in the handles that lie in the state folder.
    pub fn handles(&self) -> Vec<u32> {
        let entries = std::fs::read_dir(self.state().run())
            .into_iter()
            .flatten()
            .flatten();
        entries
            .filter_map(|entry| Handle::decode(&std::fs::read_to_string(entry.path()).ok()?))
            .map(|handle| handle.pid)
            .collect()
    }

    /// Everything of this host that is alive.
    pub fn alive(&self) -> Vec<processes::Process> {
        processes::marked(&self.settings.mark)
    }

    /// Sends a signal to the bootstrapper.
    pub fn signal(&self, signal: Signal) {
        processes::signal(self.bootstrapper_pid(), signal);
    }

    /// Waits for the bootstrapper to end.
    pub async fn ended(&mut self) -> ExitStatus {
        let child = self.bootstrapper.as_mut().expect("the bootstrapper runs");
        let status = until("the bootstrapper ends", || {
            child.try_wait().expect("wait for the bootstrapper")
        })
        .await;
        self.bootstrapper = None;
        status
    }

    /// Waits until no process of this host is left.
    pub async fn gone(&self) {
        until("every process of the host is gone", || {
            self.alive().is_empty().then_some(())
        })
        .await;
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.print_logs();
        }
        if let Some(child) = &mut self.bootstrapper {
            processes::signal(child.id(), Signal::KILL);
            let _ = child.wait();
        }
        // Children may start others between two looks; three rounds have always been enough.
        for _ in 0..3 {
            for process in self.alive() {
                processes::signal(process.pid, Signal::KILL);
            }
        }
    }
}

impl Host {
    #[expect(
        clippy::print_stderr,
        reason = "a failing test shows what the tiers said"
    )]
    fn print_logs(&self) {
        for tier in ["bootstrapper", "launcher", "agent"] {
            eprintln!("--- {tier}.log\n{}", self.log(tier));
        }
        eprintln!("--- stderr\n{}", self.stderr());
    }
}

//! Where things lie in a host's state folder. The one place that spells the names.

use std::path::{Path, PathBuf};

/// The state folder of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDir {
    root: PathBuf,
}

/// A thing that is released and switched: it has a slot of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Component {
    /// Tier 2.
    Launcher,
    /// Tier 3.
    Agent,
}

impl Component {
    /// Both, in the order in which they are upgraded.
    pub const ALL: [Self; 2] = [Self::Launcher, Self::Agent];

    /// The name in file names, manifests and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Launcher => "launcher",
            Self::Agent => "agent",
        }
    }

    /// The component of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|component| component.name() == name)
    }
}

impl StateDir {
    /// Names the folder; nothing is created or read.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Locked by the bootstrapper for its life; holds its pid for people.
    pub fn bootstrapper_lock(&self) -> PathBuf {
        self.root.join("bootstrapper.lock")
    }

    /// Locked by the launcher for its life; holds its pid for people.
    pub fn launcher_lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// Immutable folders, each named by the sha256 of its content.
    pub fn store(&self) -> PathBuf {
        self.root.join("store")
    }

    /// The two pointer pages of a component's slot.
    pub fn pages(&self, component: Component) -> [PathBuf; 2] {
        [0, 1].map(|n| self.root.join(format!("{}.p{n}", component.name())))
    }

    /// Record of the bootstrapper about a try of a trial launcher that has begun.
    pub fn launcher_try(&self) -> PathBuf {
        self.root.join("launcher.try")
    }

    /// Downloads that are not whole yet, each named by the digest it should get.
    pub fn partial(&self) -> PathBuf {
        self.root.join("partial")
    }

    /// Trust roots, as `<version>.root.json`.
    pub fn trust(&self) -> PathBuf {
        self.root.join("trust")
    }

    /// Records of running jobs; owned by the agent.
    pub fn jobs(&self) -> PathBuf {
        self.root.join("jobs")
    }

    /// Unpacked native plugins, each archive in a folder named by its sha256; owned by the agent.
    pub fn plugins(&self) -> PathBuf {
        self.root.join("plugins")
    }

    /// Sockets and adoption handles of running agents.
    pub fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    /// Control socket of the agent with this process id. Short, for the limit of socket paths.
    pub fn agent_socket(&self, pid: u32) -> PathBuf {
        self.run().join(format!("agent-{pid}.sock"))
    }

    /// Adoption handle of the agent with this process id.
    pub fn agent_handle(&self, pid: u32) -> PathBuf {
        self.run().join(format!("agent-{pid}"))
    }

    /// Control socket of the launcher, where operators ask and order.
    pub fn launcher_socket(&self) -> PathBuf {
        self.run().join("launcher.sock")
    }

    /// When this host may adopt a release; written by operators.
    pub fn policy(&self) -> PathBuf {
        self.root.join("policy.json")
    }

    /// What the launcher is doing; derived, and never read back by it.
    pub fn status(&self) -> PathBuf {
        self.root.join("status.json")
    }

    /// The launcher's counters, for a collector of text files.
    pub fn metrics(&self) -> PathBuf {
        self.root.join("metrics.prom")
    }

    /// What happened in upgrades lately, one line each.
    pub fn events(&self) -> PathBuf {
        self.root.join("events.jsonl")
    }

    /// Releases brought here by hand, laid out as the release tree; looked into before any server.
    pub fn drop_folder(&self) -> PathBuf {
        self.root.join("drop")
    }

    /// One log file per tier.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// The log of the tier with this name.
    pub fn log(&self, tier: &str) -> PathBuf {
        self.logs().join(format!("{tier}.log"))
    }

    /// Records that could not be read and were put aside.
    pub fn quarantine(&self) -> PathBuf {
        self.root.join("quarantine")
    }

    /// The last manifest that was verified, as transported, and the ETag it came with.
    pub fn manifest(&self) -> PathBuf {
        self.root.join("manifest.json")
    }
}

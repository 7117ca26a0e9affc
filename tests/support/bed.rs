//! A bed: one server and one host, with settings that make a test quick.

use std::path::{Path, PathBuf};

use shared_slots::Digest;
use tempfile::TempDir;

use crate::Binaries;
use crate::host::{Host, HostSettings};
use crate::release_tree::ReleaseTree;
use crate::server::Server;

/// Folder, server and settings of one test.
#[derive(Debug)]
pub struct Bed {
    /// The real server.
    pub server: Server,
    /// Where the binaries lie.
    pub binaries: Binaries,
    folder: TempDir,
}

impl Bed {
    /// A server with one release, made of the binaries under test.
    pub async fn new(binaries: Binaries) -> Self {
        let bed = Self::without_release(binaries).await;
        bed.server
            .publish("1.0.0", &bed.binaries.launcher, &bed.binaries.agent);
        bed
    }

    /// A server without any release.
    pub async fn without_release(binaries: Binaries) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("bed")
            .tempdir()
            .expect("make the bed's folder");
        let server = Server::start(&binaries.server, folder.path()).await;
        Self {
            server,
            binaries,
            folder,
        }
    }

    /// The bed's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// How a host of this bed is started: straight at the server.
    pub fn host_settings(&self) -> HostSettings {
        self.host_settings_at(&self.server.url)
    }

    /// How a host of this bed is started when it sees the server at this address.
    pub fn host_settings_at(&self, url: &str) -> HostSettings {
        let folder = self.folder.path();
        let text = |path: PathBuf| path.to_str().expect("a path of the bed is text").to_owned();
        HostSettings {
            bootstrapper: self.binaries.bootstrapper.clone(),
            launcher: self.binaries.launcher.clone(),
            folder: folder.join("host"),
            mark: text(folder.to_owned()),
            bootstrapper_args: Vec::new(),
            launcher_args: [
                "--server-url",
                url,
                "--trust-root",
                &text(self.server.trust_root()),
            ]
            .into_iter()
            .chain(["--poll-interval", "0.3", "--gate-seconds", "0.6"])
            .map(str::to_owned)
            .collect(),
            agent_config: format!(
                "token=\"{}\"\nname=\"bed-%spawn\"\nbuild-path=\"{}\"\n",
                self.server.agent_token,
                text(folder.join("builds"))
            ),
            env: Vec::new(),
            mounts: String::new(),
        }
    }

    /// How a host of this bed is started that gets its releases from this tree.
    pub fn host_settings_of(&self, tree: &ReleaseTree) -> HostSettings {
        let mut settings = self.host_settings();
        let args = &mut settings.launcher_args;
        let flag = args.iter().position(|arg| arg == "--trust-root");
        let at = flag.expect("a host of a bed is given a trust root") + 1;
        let trust_root = tree.trust_root().to_str();
        trust_root
            .expect("a path of the bed is text")
            .clone_into(&mut args[at]);
        args.extend(["--release-url", &tree.server.url].map(str::to_owned));
        settings
    }

    /// Starts a host with the usual settings.
    pub fn host(&self) -> Host {
        Host::start(self.host_settings())
    }

    /// A copy of a binary that does the same and has another digest: programs are loaded by their
    /// headers, so bytes after their end change nothing but the checksum.
    pub fn variant(&self, binary: &Path, label: &str) -> PathBuf {
        let mut bytes = std::fs::read(binary).expect("read a binary");
        bytes.extend_from_slice(label.as_bytes());
        let path = self.folder.path().join(format!("variant-{label}"));
        std::fs::write(&path, bytes).expect("write a variant");
        path
    }

    /// A small agent of its own: a script that leaves a note and goes on as the real agent. The bytes
    /// after that, `length` in all and no two files the same, only give a download something to do.
    pub fn small_agent(&self, label: &str, length: usize) -> PathBuf {
        let folder = self.folder.path();
        let head = format!(
            "#!/bin/sh\necho '{label}' >> '{}'\nexec '{}' \"$@\"\n# ",
            self.notes().display(),
            self.binaries.agent.display(),
        );
        let mut script = head.into_bytes();
        // Text that does not compress well.
        let mut state = Digest::of(label.as_bytes());
        while script.len() < length {
            script.extend_from_slice(state.to_string().as_bytes());
            state = Digest::of(state.to_string().as_bytes());
        }
        let path = folder.join(format!("small-{label}"));
        std::fs::write(&path, script).expect("write a small agent");
        path
    }

    /// Whether a small agent was ever executed.
    pub fn has_run(&self, label: &str) -> bool {
        let notes = std::fs::read_to_string(self.notes()).unwrap_or_default();
        notes.lines().any(|line| line == label)
    }

    fn notes(&self) -> PathBuf {
        self.folder.path().join("small-agents")
    }

    /// The digest under which a file is released.
    pub fn digest(path: &Path) -> Digest {
        Digest::of(&std::fs::read(path).expect("read a binary"))
    }
}

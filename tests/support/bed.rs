//! A bed: one server and one host, with settings that make a test quick.

use std::path::{Path, PathBuf};

use shared_slots::Digest;
use tempfile::TempDir;

use crate::Binaries;
use crate::host::{Host, HostSettings};
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
            .chain(["--poll-interval", "1", "--gate-seconds", "3"])
            .map(str::to_owned)
            .collect(),
            agent_config: format!(
                "token=\"{}\"\nname=\"bed-%spawn\"\nbuild-path=\"{}\"\n",
                self.server.agent_token,
                text(folder.join("builds"))
            ),
        }
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

    /// The digest under which a file is released.
    pub fn digest(path: &Path) -> Digest {
        Digest::of(&std::fs::read(path).expect("read a binary"))
    }
}

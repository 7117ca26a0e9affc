//! A real server in a folder of the bed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::Signal;

use crate::api::Api;
use crate::processes;
use crate::wait::until;

/// A server process with its data folder. Killed when dropped.
#[derive(Debug)]
pub struct Server {
    binary: PathBuf,
    data: PathBuf,
    log: PathBuf,
    child: Option<Child>,
    /// Address, such as `http://127.0.0.1:41234`.
    pub url: String,
    /// Token for people and tools.
    pub api_token: String,
    /// Token that registers agents.
    pub agent_token: String,
}

impl Server {
    /// Starts a server on a free port and makes its tokens.
    pub async fn start(binary: &Path, folder: &Path) -> Self {
        let mut server = Self {
            binary: binary.to_owned(),
            data: folder.join("server"),
            log: folder.join("server.log"),
            child: None,
            url: String::new(),
            api_token: String::new(),
            agent_token: String::new(),
        };
        server.resume("127.0.0.1:0").await;
        server.api_token = server.new_token("api");
        server.agent_token = server.new_token("agent");
        server
    }

    /// Starts the process, on the data that is there, and waits for its address.
    pub async fn resume(&mut self, listen: &str) {
        let address = self.data.join("server.addr");
        let _ = std::fs::remove_file(&address);
        let log = File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .expect("open the server's log");
        let child = Command::new(&self.binary)
            .args(["serve", "--listen", listen, "--data-dir"])
            .arg(&self.data)
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("start the server");
        self.child = Some(child);
        self.url = until("the server writes its address", || {
            let text = std::fs::read_to_string(&address).ok()?;
            text.ends_with('\n').then(|| text.trim().to_owned())
        })
        .await;
    }

    /// Kills the process. The address stays known for [`Self::resume_same_address`].
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            processes::signal(child.id(), Signal::KILL);
            child.wait().expect("wait for the server");
        }
    }

    /// Starts the process again where agents look for it.
    pub async fn resume_same_address(&mut self) {
        let listen = self.url.trim_start_matches("http://").to_owned();
        self.resume(&listen).await;
    }

    /// The REST interface.
    pub fn api(&self) -> Api {
        Api::new(&self.url, &self.api_token)
    }

    /// Makes a token of this kind on the command line.
    pub fn new_token(&self, kind: &str) -> String {
        let output = self.command(&["token", "create", "--kind", kind]);
        assert!(
            output.status.success(),
            "token create: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout)
            .expect("a token is text")
            .trim()
            .to_owned()
    }

    /// Publishes a release of plain files, and returns what the command printed.
    pub fn publish(&self, version: &str, launcher: &Path, agent: &Path) -> String {
        self.publish_with(version, launcher, agent, &["--plain"])
    }

    /// As [`Self::publish`], with these flags. Without `--plain` it makes deltas, which takes long
    /// for large files.
    pub fn publish_with(
        &self,
        version: &str,
        launcher: &Path,
        agent: &Path,
        flags: &[&str],
    ) -> String {
        let paths = [launcher, agent].map(|path| path.to_str().expect("a path of the bed is text"));
        let needed = ["publish", "--version", version];
        let files = ["--launcher", paths[0], "--agent", paths[1]];
        self.release(&[&needed[..], &files, flags].concat())
    }

    /// Runs a subcommand of `release`, which must succeed, and returns what it printed.
    pub fn release(&self, args: &[&str]) -> String {
        let output = self.command(&[&["release"], args].concat());
        assert!(
            output.status.success(),
            "release {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs a subcommand on this server's data.
    pub fn command(&self, args: &[&str]) -> Output {
        Command::new(&self.binary)
            .args(args)
            .arg("--data-dir")
            .arg(&self.data)
            .output()
            .expect("start the server")
    }

    /// The trust root that a new host is given.
    pub fn trust_root(&self) -> PathBuf {
        self.data.join("releases/root.json")
    }

    /// The manifest as hosts fetch it, for tampering.
    pub fn manifest_file(&self) -> PathBuf {
        self.data.join("releases/v1/stable/manifest.json")
    }

    /// A file of the release tree, for tampering.
    pub fn blob_file(&self, digest: &str) -> PathBuf {
        self.data.join("releases/v1/blobs").join(digest)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

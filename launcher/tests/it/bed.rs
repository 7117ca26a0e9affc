//! A host in a temporary folder: state, release tree, publisher's keys, and the launcher as a process.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use shared_control::{Reply, Request};
use shared_handover::handle::Handle;
use shared_handover::layout::{Component, StateDir};
use shared_release::{Keypair, Manifest, Release, Root, RootDraft, RootPlan, Target, sign};
use shared_slots::{Digest, Meta, Page, Slot, Source, Store};
use shared_supervise::{ProcessId, Signal, kill_tree};
use tempfile::TempDir;

use crate::fake_agent::Manner;
use crate::server::Server;

/// How long anything may take before a test fails; far more than it should.
const DEADLINE: Duration = Duration::from_mins(5);

pub(crate) struct Bed {
    folder: TempDir,
    pub(crate) state: StateDir,
    pub(crate) server: Server,
    root: Root,
    release_key: Keypair,
    launchers: Vec<Running>,
}

/// A launcher process.
pub(crate) struct Running {
    child: Child,
    /// Its end is what a launcher takes for the end of its bootstrapper.
    stdin: Option<ChildStdin>,
    log: PathBuf,
}

impl Bed {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let tree = folder.path().join("tree");
        fs::create_dir_all(tree.join("blobs")).unwrap();
        fs::create_dir_all(tree.join("stable")).unwrap();
        let (root_key, release_key) = (Keypair::from_seed([1; 32]), Keypair::from_seed([2; 32]));
        let root = RootDraft {
            root_keys: &[&root_key],
            root_threshold: 1,
            release_keys: &[&release_key],
            release_threshold: 1,
            expires: Timestamp::now() + SignedDuration::from_hours(1),
        };
        let root = root.build().unwrap();
        fs::write(folder.path().join("root.json"), &root).unwrap();
        Self {
            state: StateDir::new(folder.path().join("state")),
            server: Server::start(tree),
            folder,
            root: Root::from_trusted(&root).unwrap(),
            release_key,
            launchers: Vec::new(),
        }
    }

    /// A file of the release tree.
    pub(crate) fn tree(&self, path: &str) -> PathBuf {
        self.folder.path().join("tree").join(path)
    }

    /// The manifest of a release with one file per component; the files are laid into the tree.
    pub(crate) fn manifest(&self, serial: u64, files: &[(Component, &[u8])]) -> Manifest {
        let now = Timestamp::now();
        let mut manifest =
            Manifest::new("stable", serial, now, now + SignedDuration::from_hours(1));
        manifest.root = self.root.version();
        for (component, content) in files {
            let digest = Digest::of(content);
            fs::write(self.tree(&format!("blobs/{digest}")), content).unwrap();
            manifest.releases.push(Release {
                component: component.name().to_owned(),
                version: format!("0.{serial}.0"),
                seq: serial,
                min_from_seq: 0,
                barrier: false,
                security: false,
                targets: vec![plain(content)],
            });
        }
        manifest
    }

    pub(crate) fn publish_signed(&self, envelope: &[u8]) {
        let unfinished = self.tree("stable/unfinished");
        fs::write(&unfinished, envelope).unwrap();
        fs::rename(unfinished, self.tree("stable/manifest.json")).unwrap();
    }

    pub(crate) fn sign(&self, manifest: &Manifest) -> Vec<u8> {
        sign(&manifest.to_payload().unwrap(), &[&self.release_key])
    }

    pub(crate) fn publish(&self, manifest: &Manifest) {
        self.publish_signed(&self.sign(manifest));
    }

    /// A release of an agent, version and sequence number `0.<seq>.0`, whose file is in the tree.
    pub(crate) fn agent(&self, seq: u64, manner: Manner) -> Release {
        let script = manner.script(&format!("0.{seq}.0"));
        let manifest = self.manifest(seq, &[(Component::Agent, script.as_bytes())]);
        manifest.releases.into_iter().next().unwrap()
    }

    /// Follows the newest root with one that names this base of release trees, too.
    pub(crate) fn name_base(&mut self, base: &str) {
        let plan = RootPlan {
            base_urls: vec![base.to_owned()],
            ..RootPlan::after(&self.root)
        };
        self.follow(&plan);
    }

    /// Follows the newest root with one that gives the release role to another key, and lays it
    /// into the tree; manifests are signed with that key from now on.
    pub(crate) fn rotate(&mut self, seed: u8) {
        let release_key = Keypair::from_seed([seed; 32]);
        let plan = RootPlan {
            release_keys: vec![release_key.public()],
            ..RootPlan::after(&self.root)
        };
        self.follow(&plan);
        self.release_key = release_key;
    }

    fn follow(&mut self, plan: &RootPlan) {
        let root_key = Keypair::from_seed([1; 32]);
        let next = sign(&plan.to_payload(), &[&root_key]);
        self.root = self.root.follow(&next).unwrap();
        fs::create_dir_all(self.tree("roots")).unwrap();
        let name = format!("roots/{}.root.json", self.root.version());
        fs::write(self.tree(&name), next).unwrap();
    }

    /// Asks the launcher as an operator would; its final reply.
    pub(crate) fn ask(&self, request: &Request) -> Reply {
        let mut socket = wait_until("the control socket", || {
            UnixStream::connect(self.state.launcher_socket()).ok()
        });
        let line = serde_json::to_string(request).unwrap();
        socket.write_all(format!("{line}\n").as_bytes()).unwrap();
        let replies = BufReader::new(socket).lines().map(Result::unwrap);
        let mut replies = replies.map(|line| serde_json::from_str::<Reply>(&line).unwrap());
        replies.find(Reply::is_final).unwrap()
    }

    /// Publishes a release whose agent, version `0.<serial>.0`, behaves like that.
    pub(crate) fn publish_agent(&self, serial: u64, manner: Manner) -> Digest {
        let script = manner.script(&format!("0.{serial}.0"));
        let manifest = self.manifest(serial, &[(Component::Agent, script.as_bytes())]);
        self.publish_signed(&self.sign(&manifest));
        Digest::of(script.as_bytes())
    }

    /// The launcher as an entry of the store, where a bootstrapper would start it: its digest, and
    /// its file.
    pub(crate) fn launcher_in_store(&self) -> (Digest, PathBuf) {
        let program = fs::read(env!("CARGO_BIN_EXE_launcher")).unwrap();
        let digest = self.seal(Component::Launcher, &program);
        let folder = self.state.store().join(digest.to_string());
        (digest, folder.join("launcher"))
    }

    /// Seals a version into the store.
    pub(crate) fn seal(&self, component: Component, content: &[u8]) -> Digest {
        let digest = Digest::of(content);
        let store = Store::new(self.state.store());
        store.create().unwrap();
        let file = self.folder.path().join("unsealed");
        fs::write(&file, content).unwrap();
        let meta = Meta {
            component: component.name().to_owned(),
            version: "0.0.1".to_owned(),
            serial: 1,
            size: content.len() as u64,
            plugins: None,
        };
        let source = Source::Move(&file);
        store.seal(digest, source, &meta, &[]).unwrap();
        digest
    }

    /// Commits these versions of a component one after the other.
    pub(crate) fn commit(&self, component: Component, versions: &[Digest]) {
        let slot = Slot::new(self.state.pages(component));
        slot.create().unwrap();
        for version in versions {
            let page = slot.read().page.arm(*version, 3).unwrap();
            let _ = slot.write(page.commit().unwrap()).unwrap();
        }
    }

    /// The page of a component.
    pub(crate) fn page(&self, component: Component) -> Page {
        Slot::new(self.state.pages(component)).read().page
    }

    /// Agents that run, by the handles they laid down.
    pub(crate) fn agents(&self) -> Vec<ProcessId> {
        let Ok(entries) = fs::read_dir(self.state.run()) else {
            return Vec::new();
        };
        entries
            .flatten()
            .filter_map(|entry| Handle::decode(&fs::read_to_string(entry.path()).ok()?))
            .map(|handle| ProcessId {
                pid: handle.pid,
                start: handle.start,
            })
            .filter(|id| id.is_same_alive())
            .collect()
    }

    /// Starts a launcher as a person would, without a bootstrapper.
    pub(crate) fn start(&mut self) -> &mut Running {
        self.start_with(Path::new(env!("CARGO_BIN_EXE_launcher")), |_| {})
    }

    pub(crate) fn start_with(
        &mut self,
        program: &Path,
        change: impl FnOnce(&mut Command),
    ) -> &mut Running {
        let log = self
            .folder
            .path()
            .join(format!("stderr-{}", self.launchers.len()));
        let mut command = Command::new(program);
        command
            .args(["run", "--poll-interval", "0.3"])
            .env("TRIREME_GATE_SECONDS", "1")
            .arg("--state-dir")
            .arg(self.state.root())
            .args(["--server-url", &self.server.url])
            .env("TRIREME_TRUST_ROOT", self.folder.path().join("root.json"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap());
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take();
        self.launchers.push(Running { child, stdin, log });
        self.launchers.last_mut().unwrap()
    }

    /// The launcher that was started last.
    pub(crate) fn launcher(&mut self) -> &mut Running {
        self.launchers.last_mut().unwrap()
    }

    /// Waits for a line with all of these words in the log of the last launcher, and returns it.
    pub(crate) fn wait_for(&mut self, words: &[&str]) -> String {
        self.launcher().wait_for(words)
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        for launcher in &mut self.launchers {
            let _ = launcher.child.kill();
            let _ = launcher.child.wait();
        }
        kill_tree(&self.agents());
        if std::thread::panicking() {
            let log = fs::read_to_string(self.state.log("launcher")).unwrap_or_default();
            let _ = writeln!(std::io::stderr(), "--- launcher.log\n{log}");
        }
    }
}

impl Running {
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Lines of the log with all of these words.
    pub(crate) fn lines(&self, words: &[&str]) -> Vec<String> {
        let log = self.log();
        let fits = |line: &&str| words.iter().all(|word| line.contains(word));
        log.lines().filter(fits).map(str::to_owned).collect()
    }

    pub(crate) fn wait_for(&mut self, words: &[&str]) -> String {
        wait_until(&format!("a line with {words:?}"), || {
            self.lines(words).into_iter().next()
        })
    }

    pub(crate) fn id(&self) -> ProcessId {
        ProcessId::of(self.child.id()).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        assert!(self.id().send(signal).unwrap());
    }

    /// Ends standard input, as the end of a bootstrapper would.
    pub(crate) fn lose_bootstrapper(&mut self) {
        self.stdin = None;
    }

    /// Waits for its end; the exit code.
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        let child = &mut self.child;
        wait_until("the launcher's end", || child.try_wait().unwrap()).code()
    }

    /// Waits for one byte on its standard output.
    pub(crate) fn report(&mut self) -> u8 {
        let mut byte = [0];
        let stdout = self.child.stdout.as_mut().unwrap();
        stdout.read_exact(&mut byte).unwrap();
        byte[0]
    }
}

/// A file of this platform.
pub(crate) fn plain(content: &[u8]) -> Target {
    use std::env::consts::{ARCH, OS};
    Target::plain(OS, ARCH, Digest::of(content), content.len() as u64)
}

/// Asks until there is an answer, or panics.
pub(crate) fn wait_until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let step = Duration::from_millis(10);
    let mut left = DEADLINE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(!left.is_zero(), "waited in vain for {what}");
        std::thread::park_timeout(step);
        left = left.saturating_sub(step);
    }
}

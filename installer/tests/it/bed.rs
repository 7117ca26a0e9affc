//! A host in a folder: versions, slots, trust and a release, made with the crates that hosts use.

use std::env::consts::{ARCH, OS};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread::JoinHandle;

use jiff::{SignedDuration, Timestamp};
use shared_control::line::{decode, encode};
use shared_control::{Reply, Request};
use shared_handover::layout::{Component, StateDir};
use shared_release::{Keypair, Manifest, Release, RootDraft, Target, sign};
use shared_slots::{Digest, Meta, Slot, Source, Store};
use tempfile::TempDir;

pub(crate) struct Bed {
    pub(crate) folder: TempDir,
    pub(crate) state: StateDir,
}

/// How a command ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Bed {
    /// A state folder without anything in it but an empty store.
    pub(crate) fn empty() -> Self {
        let folder = TempDir::new().unwrap();
        let state = StateDir::new(folder.path().join("state"));
        fs::create_dir(state.root()).unwrap();
        fs::set_permissions(state.root(), fs::Permissions::from_mode(0o700)).unwrap();
        for path in [state.run(), state.partial(), state.trust()] {
            fs::create_dir(path).unwrap();
        }
        Store::new(state.store()).create().unwrap();
        for component in Component::ALL {
            Slot::new(state.pages(component)).create().unwrap();
        }
        Self { folder, state }
    }

    /// A host that went from agent 1.0 to 2.0, with launcher 1.0, in channel stable.
    pub(crate) fn installed() -> Self {
        let bed = Self::empty();
        bed.trust();
        for (component, version, serial) in [
            (Component::Launcher, "1.0", 1),
            (Component::Agent, "1.0", 1),
            (Component::Agent, "2.0", 2),
        ] {
            let digest = bed.seal(component, version, serial);
            bed.change(component, |page| {
                page.arm(digest, 3).unwrap().commit().unwrap()
            });
        }
        bed.remember(&stable(2, &[("launcher", "1.0"), ("agent", "2.0")]));
        bed
    }

    pub(crate) fn store(&self) -> Store {
        Store::new(self.state.store())
    }

    pub(crate) fn slot(&self, component: Component) -> Slot {
        Slot::new(self.state.pages(component))
    }

    pub(crate) fn change(
        &self,
        component: Component,
        change: impl FnOnce(shared_slots::Page) -> shared_slots::Page,
    ) {
        let slot = self.slot(component);
        let _ = slot.write(change(slot.read().page)).unwrap();
    }

    pub(crate) fn seal(&self, component: Component, version: &str, serial: u64) -> Digest {
        let bytes = content(component.name(), version);
        let file = self.folder.path().join("file");
        fs::write(&file, &bytes).unwrap();
        let meta = Meta {
            component: component.name().into(),
            version: version.into(),
            serial,
            size: bytes.len() as u64,
            ..Meta::default()
        };
        let digest = Digest::of(&bytes);
        let source = Source::Move(&file);
        self.store().seal(digest, source, &meta, &[]).unwrap();
        digest
    }

    pub(crate) fn trust(&self) {
        fs::write(self.state.trust().join("1.root.json"), first_root()).unwrap();
    }

    /// Writes the record of a verified manifest, as the launcher does.
    pub(crate) fn remember(&self, envelope: &[u8]) {
        let envelope = String::from_utf8(envelope.to_vec()).unwrap();
        let record = serde_json::json!({"etag": null, "envelope": envelope});
        fs::write(self.state.manifest(), record.to_string()).unwrap();
    }

    /// Runs `trireme` on this host.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let mut command = trireme();
        command.arg("--state-dir").arg(self.state.root()).args(args);
        ran(&command.output().unwrap())
    }

    /// Runs it for programs: the document, and the exit code.
    pub(crate) fn json(&self, args: &[&str]) -> (serde_json::Value, i32) {
        let ran = self.run(&[args, &["--json"]].concat());
        assert_eq!(ran.err, "", "programs read one stream");
        (serde_json::from_str(&ran.out).expect(&ran.out), ran.code)
    }

    /// Answers each connection with the next of these conversations; gives what was asked.
    pub(crate) fn answering(&self, conversations: Vec<Vec<Reply>>) -> JoinHandle<Vec<Request>> {
        let listener = UnixListener::bind(self.state.launcher_socket()).unwrap();
        std::thread::spawn(move || {
            let mut asked = Vec::new();
            for replies in conversations {
                let (stream, _) = listener.accept().unwrap();
                let mut stream = BufReader::new(stream);
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                asked.push(decode(&line).unwrap());
                for reply in replies {
                    let _ = stream.get_mut().write_all(encode(&reply).as_bytes());
                }
            }
            asked
        })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

pub(crate) fn trireme() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trireme"));
    command.env_clear().env("TZ", "UTC").env("COLUMNS", "100");
    command
}

pub(crate) fn ran(output: &Output) -> Ran {
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout.clone()).unwrap(),
        err: String::from_utf8(output.stderr.clone()).unwrap(),
    }
}

pub(crate) fn content(component: &str, version: &str) -> Vec<u8> {
    format!("{component} {version}\n").repeat(100).into_bytes()
}

pub(crate) fn digest_of(component: &str, version: &str) -> Digest {
    Digest::of(&content(component, version))
}

pub(crate) fn release_key() -> Keypair {
    Keypair::from_seed([2; 32])
}

pub(crate) fn first_root() -> Vec<u8> {
    let root_key = Keypair::from_seed([1; 32]);
    let draft = RootDraft {
        root_keys: &[&root_key],
        root_threshold: 1,
        release_keys: &[&release_key()],
        release_threshold: 1,
        expires: soon(),
    };
    draft.build().unwrap()
}

pub(crate) fn soon() -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(24)
}

/// A manifest of these components at these versions, for this platform.
pub(crate) fn stable(serial: u64, what: &[(&str, &str)]) -> Vec<u8> {
    manifest("stable", serial, what, &release_key())
}

/// The same that takes a file back.
pub(crate) fn revoking(manifest: &Manifest, digest: Digest) -> Vec<u8> {
    let mut manifest = manifest.clone();
    manifest.revoked.push(digest);
    signed(&manifest, &release_key())
}

pub(crate) fn manifest(
    channel: &str,
    serial: u64,
    what: &[(&str, &str)],
    key: &Keypair,
) -> Vec<u8> {
    let mut manifest = stable_manifest(serial, what);
    manifest.channel = channel.into();
    signed(&manifest, key)
}

fn signed(manifest: &Manifest, key: &Keypair) -> Vec<u8> {
    sign(&manifest.to_payload().unwrap(), &[key])
}

/// What is signed: these components at these versions, for this platform. A later one of a
/// component stands higher.
pub(crate) fn stable_manifest(serial: u64, what: &[(&str, &str)]) -> Manifest {
    let issued = Timestamp::now() - SignedDuration::from_hours(1);
    let mut manifest = Manifest::new("stable", serial, issued, soon());
    manifest.releases = (serial..)
        .zip(what)
        .map(|(seq, (component, version))| {
            let bytes = content(component, version);
            let target = Target::plain(OS, ARCH, Digest::of(&bytes), bytes.len() as u64);
            Release {
                component: (*component).into(),
                version: (*version).into(),
                seq,
                min_from_seq: 0,
                barrier: false,
                security: false,
                targets: vec![target],
            }
        })
        .collect();
    manifest
}

/// All files below the state folder with their content: for "nothing was changed".
pub(crate) fn snapshot(bed: &Bed) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![bed.state.root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push((path.clone(), fs::read(path).unwrap_or_default()));
            }
        }
    }
    files.sort();
    files
}

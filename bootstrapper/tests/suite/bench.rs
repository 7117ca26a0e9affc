//! A state folder, launchers to put into it, and a bootstrapper that runs on it.

use std::fs::{self, File, Permissions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use shared_handover::layout::{Component, StateDir};
use shared_slots::{Digest, Meta, Page, Slot, Source, Store};
use shared_supervise::{ProcessId, Signal, wait_gone};

/// Longer than any test may take: only a failure waits that long.
pub(crate) const LONG: Duration = Duration::from_mins(5);

/// More lines than any test writes: only a failure goes round and round.
const MOST_LINES: usize = 500;

/// Stays until the bootstrapper is gone or somebody ends it. Launchers of tests end with it, so
/// none outlives a test that failed.
pub(crate) const STAY: &str = "exec cat >/dev/null";

/// Says that it is healthy, and stays.
pub(crate) const HEALTHY: &str = "printf H; exec cat >/dev/null";

/// Held while a file is written that is going to be executed, and while a process is started: one
/// that is between fork and exec has each file open that we have, and what is open for writing
/// cannot be executed.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Starts a process, or writes an executable.
pub(crate) fn alone<T>(doing: impl FnOnce() -> T) -> T {
    // A test that failed has left nothing here that another one could trip over.
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    doing()
}

pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) state: StateDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let state = StateDir::new(folder.path().join("state"));
        Self { folder, state }
    }

    /// A shell script as an executable file outside the state folder.
    pub(crate) fn script(&self, name: &str, body: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        let mut file = File::create(&path).expect("made");
        file.write_all(text(body).as_bytes()).expect("written");
        drop(file);
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("executable");
        path
    }

    /// Puts a shell script into the store, as a launcher that was downloaded.
    pub(crate) fn seal(&self, body: &str) -> Digest {
        self.seal_file(&self.script("download", body))
    }

    pub(crate) fn seal_file(&self, path: &Path) -> Digest {
        let digest = Digest::of(&fs::read(path).expect("readable"));
        let store = Store::new(self.state.store());
        store.create().expect("made");
        let meta = Meta {
            component: "launcher".into(),
            ..Meta::default()
        };
        alone(|| store.seal(digest, Source::Copy(path), &meta, &[])).expect("sealed");
        digest
    }

    /// Where the store has the file of this version.
    pub(crate) fn file_of(&self, digest: Digest) -> PathBuf {
        Store::new(self.state.store())
            .folder(digest)
            .join("launcher")
    }

    /// Changes a version in the store behind its back.
    pub(crate) fn corrupt(&self, digest: Digest) {
        let path = self.file_of(digest);
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("writable");
        alone(|| fs::write(&path, "# not what was sealed\n")).expect("written");
    }

    pub(crate) fn slot(&self) -> Slot {
        let slot = Slot::new(self.state.pages(Component::Launcher));
        fs::create_dir_all(self.state.root()).expect("made");
        slot.create().expect("made");
        slot
    }

    pub(crate) fn page(&self) -> Page {
        self.slot().read().page
    }

    /// Writes the page that `change` makes of the present one.
    pub(crate) fn change(&self, change: impl FnOnce(Page) -> Page) {
        let slot = self.slot();
        let _written = slot.write(change(slot.read().page)).expect("written");
    }

    /// Commits these versions, one after the other.
    pub(crate) fn commit(&self, versions: &[Digest]) {
        for version in versions {
            self.change(|page| {
                page.arm(*version, 1)
                    .and_then(Page::commit)
                    .expect("commits")
            });
        }
    }

    /// Makes a named pipe in the state folder.
    pub(crate) fn make_pipe(&self, name: &str) -> PathBuf {
        fs::create_dir_all(self.state.root()).expect("made");
        let path = self.state.root().join(name);
        let made = alone(|| Command::new("mkfifo").arg(&path).status());
        assert!(made.expect("started").success());
        path
    }

    /// Starts a bootstrapper on the state folder, with a short delay between runs.
    pub(crate) fn start(&self, flags: &[&str]) -> Running {
        Running::start(Path::new(env!("CARGO_BIN_EXE_bootstrapper")), self, flags)
    }
}

/// A script whose first lines make its standard input, by which it hears of the bootstrapper's
/// end, available to what it starts.
fn text(body: &str) -> String {
    format!("#!/bin/sh\nexec 3<&0\n{body}\n")
}

/// A bootstrapper that runs. Ends with this value.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    pub(crate) fn start(program: &Path, bench: &Bench, flags: &[&str]) -> Self {
        Self::start_with(program, bench, flags, &[])
    }

    pub(crate) fn start_with(
        program: &Path,
        bench: &Bench,
        flags: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let mut command = Command::new(program);
        command
            .envs(variables.iter().copied())
            .arg("--state-dir")
            .arg(bench.state.root())
            .args(["--restart-delay", "1ms"])
            .args(flags)
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = alone(|| command.spawn()).expect("started");
        let errors = child.stderr.take().expect("piped");
        let (to, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                // Nobody listens once the test is over.
                let _ = to.send(line);
            }
        });
        Self {
            child,
            lines,
            seen: Vec::new(),
        }
    }

    /// Waits for a line with this text, of the bootstrapper or of a launcher.
    pub(crate) fn line(&mut self, part: &str) -> String {
        self.line_with(&[part])
    }

    /// Waits for a line with this text, or for the end; whether there was such a line.
    #[cfg(feature = "faults")]
    pub(crate) fn line_or_end(&mut self, part: &str) -> bool {
        std::iter::from_fn(|| self.lines.recv_timeout(LONG).ok()).any(|line| line.contains(part))
    }

    /// Waits for a line with all these texts.
    pub(crate) fn line_with(&mut self, parts: &[&str]) -> String {
        loop {
            match self.lines.recv_timeout(LONG) {
                Ok(_) if self.seen.len() > MOST_LINES => {
                    panic!("no line with {parts:?} among {:#?}", self.seen)
                }
                Ok(line) => {
                    self.seen.push(line.clone());
                    if parts.iter().all(|part| line.contains(part)) {
                        return line;
                    }
                }
                Err(error) => panic!("no line with {parts:?} ({error}) after {:#?}", self.seen),
            }
        }
    }

    /// Waits for a line with this text, and reads the process id at its end.
    pub(crate) fn process(&mut self, part: &str) -> ProcessId {
        let line = self.line(part);
        let pid = line.rsplit(' ').next().expect("a word");
        ProcessId::of(pid.parse().expect("a number")).expect("a process")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn send(&self, signal: Signal) {
        let process = ProcessId::of(self.child.id()).expect("a process");
        assert!(process.send(signal).expect("sent"));
    }

    /// The same, to one that may have ended by now.
    #[cfg(feature = "faults")]
    pub(crate) fn send_if_there(&self, signal: Signal) {
        if let Some(process) = ProcessId::of(self.child.id()) {
            process.send(signal).expect("sent");
        }
    }

    /// Waits for its end and that of all that shares its standard error, which is its whole tree.
    pub(crate) fn end(&mut self) -> (ExitStatus, Vec<String>) {
        while let Ok(line) = self.lines.recv_timeout(LONG) {
            self.seen.push(line);
        }
        let process = ProcessId::of(self.child.id()).expect("not reaped yet");
        assert!(wait_gone(&[process], LONG), "it runs on: {:#?}", self.seen);
        let status = self.child.wait().expect("ended");
        (status, std::mem::take(&mut self.seen))
    }

    /// Stops it as a service manager does.
    pub(crate) fn stop(&mut self) {
        self.send(Signal::Terminate);
        let (status, lines) = self.end();
        assert_eq!(status.code(), Some(0), "{lines:#?}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Its launcher hears of it by its standard input.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

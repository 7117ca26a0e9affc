//! One host: a bootstrapper with all that it starts, in a folder of its own.
//!
//! The bootstrapper is started again whenever it ends, as an init system would.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use shared_handover::handle::Handle;
use shared_handover::layout::{Component, StateDir};
use shared_slots::{Digest, Page, Slot};
use shared_supervise::{ProcessId, Signal};

use crate::clock;
use crate::fault::Fault;
use crate::release::Publisher;
use crate::server::Server;

/// Names the host in the environment of all its processes.
const MARK: &str = "TORTURE_HOST";

/// Name of the socket on which a host says how it is.
const EAR: &str = "notify";

/// How long an init system would wait before it starts a service again.
const INIT_DELAY: Duration = Duration::from_millis(50);

/// What all hosts share.
pub(crate) struct Rig {
    pub(crate) bootstrapper: PathBuf,
    pub(crate) launcher: PathBuf,
    /// A bootstrapper with the launcher in it.
    pub(crate) embedded: PathBuf,
    pub(crate) fake_agent: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) gate: String,
    pub(crate) poll: String,
    pub(crate) server: Server,
    pub(crate) publisher: Arc<Publisher>,
    /// A program cannot be started while some process has it open for writing, and a child has all
    /// that is open from its fork to its exec. So no host is copied while another one is started.
    pub(crate) starting: Mutex<()>,
}

/// What is done to a host's processes.
#[derive(Debug, Clone)]
pub(crate) enum Dose {
    /// Nothing.
    None,
    /// Every point that is passed is written down.
    Trace,
    /// One point fails.
    Fault(Fault),
}

/// Where the bootstrapper finds its factory launcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Factory {
    /// It is told.
    Given,
    /// In its own file.
    Embedded,
    /// Beside its own file.
    Beside,
}

/// A host. All that is left of it is killed when it is dropped.
pub(crate) struct Host<'a> {
    pub(crate) rig: &'a Rig,
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) state: StateDir,
    dose: Dose,
    /// Where the host says how it is, as to systemd.
    ear: UnixDatagram,
    pub(crate) factory: Factory,
    child: Option<Child>,
    ended: Option<Instant>,
    /// Ends of the bootstrapper that nobody asked for.
    pub(crate) restarts: u32,
}

impl<'a> Host<'a> {
    /// A host with the state in `template`, or a new one. Nothing is started yet.
    pub(crate) fn new(
        rig: &'a Rig,
        name: &str,
        template: Option<&Path>,
        dose: Dose,
    ) -> io::Result<Self> {
        let folder = rig.folder.join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        let state = folder.join("state");
        lay_out_jobs(&folder, &rig.fake_agent)?;
        if let Some(template) = template {
            let _quiet = rig.starting.lock().expect("no thread panics with the lock");
            copy_tree(template, &state)?;
        }
        let ear = UnixDatagram::bind(folder.join(EAR))?;
        ear.set_nonblocking(true)?;
        Ok(Self {
            rig,
            name: name.to_owned(),
            ear,
            folder,
            state: StateDir::new(state),
            dose,
            factory: Factory::Given,
            child: None,
            ended: None,
            restarts: 0,
        })
    }

    /// Starts the bootstrapper.
    pub(crate) fn start(&mut self) -> io::Result<()> {
        let stderr = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("stderr.log"))?;
        let program = match self.factory {
            Factory::Given | Factory::Beside => &self.rig.bootstrapper,
            Factory::Embedded => &self.rig.embedded,
        };
        let mut command = Command::new(program);
        if self.factory == Factory::Given {
            command.arg("--launcher").arg(&self.rig.launcher);
        }
        command
            .arg("--state-dir")
            .arg(self.state.root())
            .args(["--restart-delay", "50ms", "--stop-grace", "10"])
            .args(["--trial-limit", "3", "--"])
            .args(["--server-url", &self.rig.server.url(&self.name)])
            .args(["--gate-seconds", &self.rig.gate])
            .args(["--poll-interval", &self.rig.poll])
            .arg("--trust-root")
            .arg(self.rig.folder.join("root.json"))
            .arg("--agent-config")
            .arg(self.folder.join("agent.cfg"))
            .env(MARK, &self.name)
            .env("TORTURE_LEDGER", self.ledger())
            .env("NOTIFY_SOCKET", self.folder.join(EAR))
            .stdin(Stdio::null())
            .stderr(stderr);
        match &self.dose {
            Dose::None => {}
            Dose::Trace => {
                command.env("TRIREME_FAULT_TRACE", self.folder.join("trace"));
            }
            Dose::Fault(fault) => {
                command
                    .env("TRIREME_FAULT", fault.to_string())
                    .env("TRIREME_FAULT_HITS", self.hits());
            }
        }
        let _quiet = (self.rig.starting.lock()).expect("no thread panics with the lock");
        self.child = Some(command.spawn()?);
        self.ended = None;
        Ok(())
    }

    /// Does what an init system does: starts what has ended.
    pub(crate) fn keep_up(&mut self) -> io::Result<()> {
        while self.ear.recv(&mut [0; 8]).is_ok() {}
        if let Some(child) = &mut self.child
            && child.try_wait()?.is_some()
        {
            self.child = None;
            self.ended = Some(clock::now());
            self.restarts += 1;
        }
        match self.ended {
            Some(ended) if ended.elapsed() > INIT_DELAY => self.start(),
            _ => Ok(()),
        }
    }

    /// Asks the bootstrapper to stop.
    pub(crate) fn ask_to_stop(&self) -> io::Result<()> {
        if let Some(child) = &self.child
            && let Some(process) = ProcessId::of(child.id())
        {
            process.send(Signal::Terminate)?;
        }
        Ok(())
    }

    /// Whether the bootstrapper has ended; it is not started again by this.
    pub(crate) fn has_stopped(&mut self) -> io::Result<bool> {
        if let Some(child) = &mut self.child
            && child.try_wait()?.is_some()
        {
            self.child = None;
        }
        Ok(self.child.is_none())
    }

    /// The page of a component.
    pub(crate) fn page(&self, component: Component) -> Page {
        Slot::new(self.state.pages(component)).read().page
    }

    /// The file of a version in the store.
    pub(crate) fn stored(&self, component: Component, digest: Digest) -> PathBuf {
        let folder = self.state.store().join(digest.to_string());
        folder.join(component.name())
    }

    /// What the jobs wrote down.
    pub(crate) fn ledger(&self) -> PathBuf {
        self.folder.join("ledger")
    }

    /// Whether the fault has struck.
    pub(crate) fn was_struck(&self) -> bool {
        let passes = fs::metadata(self.hits()).map_or(0, |file| file.len());
        match &self.dose {
            Dose::Fault(fault) => passes >= fault.hit as u64,
            _ => false,
        }
    }

    fn hits(&self) -> PathBuf {
        self.folder.join("hits")
    }

    /// The agents that live, by the handles they laid down, with the digests of their files.
    pub(crate) fn agents(&self) -> Vec<(ProcessId, String)> {
        let entries = fs::read_dir(self.state.run())
            .into_iter()
            .flatten()
            .flatten();
        entries
            .filter_map(|entry| Handle::decode(&fs::read_to_string(entry.path()).ok()?))
            .map(|handle| {
                let process = ProcessId {
                    pid: handle.pid,
                    start: handle.start,
                };
                (process, handle.digest)
            })
            .filter(|(process, _)| process.is_same_alive())
            .collect()
    }

    /// All living processes of this host, with their programs.
    pub(crate) fn processes(&self) -> Vec<(ProcessId, String)> {
        let mark = format!("{MARK}={}", self.name);
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        entries
            .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
            .filter(|pid| {
                let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
                let mut variables = environment.split(|byte| *byte == 0);
                variables.any(|variable| variable == mark.as_bytes())
            })
            .filter_map(|pid| Some((ProcessId::of(pid)?, program(pid))))
            .collect()
    }

    /// Kills the bootstrapper, the launcher or an agent.
    pub(crate) fn kill(&self, which: &str) -> io::Result<()> {
        if which == "bootstrapper"
            && let Some(process) = self
                .child
                .as_ref()
                .and_then(|child| ProcessId::of(child.id()))
        {
            process.send(Signal::Kill)?;
            return Ok(());
        }
        let of_name = |(_, program): &(ProcessId, String)| program == which;
        let doomed = match which {
            // Its jobs are the same program.
            "agent" => self.agents(),
            _ => self.processes().into_iter().filter(of_name).collect(),
        };
        for (process, _) in doomed {
            process.send(Signal::Kill)?;
        }
        Ok(())
    }
}

impl Drop for Host<'_> {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
        // What is killed may have started something between two looks.
        for _ in 0..3 {
            for (process, _) in self.processes() {
                let _ = process.send(Signal::Kill);
            }
        }
        self.rig.server.forget(&self.name);
    }
}

/// What the real agent is told, and the program that runs its jobs.
fn lay_out_jobs(folder: &Path, fake_agent: &Path) -> io::Result<()> {
    let executor = folder.join("executor");
    let script = format!(
        "#!/bin/sh\nexec '{}' job \"$BUILDKITE_JOB_ID\"\n",
        fake_agent.display()
    );
    fs::write(&executor, script)?;
    fs::set_permissions(&executor, fs::Permissions::from_mode(0o755))?;
    let config = format!(
        "token=\"t\"\nname=\"torture-%spawn\"\nspawn=2\nbuild-path=\"{}\"\nbootstrap-script=\"{}\"\n",
        folder.join("builds").display(),
        executor.display()
    );
    fs::write(folder.join("agent.cfg"), config)
}

/// Puts a launcher at the end of a bootstrapper, as its documentation of `payload` says.
pub(crate) fn embed(bootstrapper: &Path, launcher: &Path, result: &Path) -> io::Result<()> {
    let launcher = fs::read(launcher)?;
    let whole = [
        &*fs::read(bootstrapper)?,
        &launcher,
        Digest::of(&launcher).as_bytes(),
        &(launcher.len() as u64).to_le_bytes(),
        b"TRIREME1",
    ]
    .concat();
    fs::write(result, whole)?;
    fs::set_permissions(result, fs::Permissions::from_mode(0o755))
}

/// File name of a process's program.
fn program(pid: u32) -> String {
    let path = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.trim_end_matches(" (deleted)").to_owned()
}

/// Copies a folder with all it holds, modes and links included.
pub(crate) fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path())?, &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

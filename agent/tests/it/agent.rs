//! One run of the agent's program.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_process::{Command, Exit};
use shared_supervise::ProcessId;
use tokio::io::AsyncReadExt as _;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::endpoint::{Endpoint, PATIENCE};

/// With this, a canceled job is killed and its agent gives up only after a wait that is over anyway.
pub(crate) const UNHURRIED: &str = "--cancel-grace-period=300";

/// A folder for everything an agent touches.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

/// A started agent.
pub(crate) struct Agent {
    pub(crate) id: ProcessId,
    log: Arc<Mutex<Vec<u8>>>,
    ending: JoinHandle<Exit>,
}

/// How it ended and what it logged.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) log: String,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tmp")).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the script that takes the place of the executor.
    pub(crate) fn executor(&self, script: &str) {
        let file = self.path("executor");
        std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
    }

    /// Starts `agent start` against an endpoint, with the script as executor.
    pub(crate) fn start(&self, endpoint: &Endpoint, args: &[&str]) -> Agent {
        self.start_with(endpoint, args, &[])
    }

    /// As [`Bench::start`], with further variables. An agent that has to go, and its job, have all
    /// the time that a loaded machine needs, unless the arguments say otherwise.
    pub(crate) fn start_with(
        &self,
        endpoint: &Endpoint,
        args: &[&str],
        env: &[(&str, &str)],
    ) -> Agent {
        let executor = self.path("executor");
        let builds = self.path("builds");
        let mut all = vec!["start", "--token=registration-token", "--name=box-%spawn"];
        let endpoint = format!("--endpoint={}", endpoint.url);
        let executor = format!("--bootstrap-script={}", executor.display());
        let builds = format!("--build-path={}", builds.display());
        all.extend([endpoint.as_str(), &executor, &builds, UNHURRIED]);
        all.extend(args);
        self.run(&all, env)
    }

    /// Starts the program with just these arguments.
    pub(crate) fn run(&self, args: &[&str], env: &[(&str, &str)]) -> Agent {
        let mut whole: Vec<(OsString, OsString)> = vec![
            ("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into()),
            ("HOME".into(), self.path("home").into()),
            ("TMPDIR".into(), self.path("tmp").into()),
        ];
        whole.extend(env.iter().map(|(name, value)| (name.into(), value.into())));
        let (mut running, mut output) = Command::new(env!("CARGO_BIN_EXE_agent"))
            .args(args)
            .env(whole)
            .start()
            .unwrap();
        let id = ProcessId::of(running.pid()).unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&log);
        let ending = tokio::spawn(async move {
            let mut piece = vec![0; 8192];
            loop {
                match output.read(&mut piece).await.unwrap() {
                    0 => return running.wait().await.unwrap(),
                    bytes => written.lock().unwrap().extend_from_slice(&piece[..bytes]),
                }
            }
        });
        Agent { id, log, ending }
    }
}

impl Agent {
    pub(crate) fn signal(&self, signal: shared_supervise::Signal) {
        self.id.send(signal).unwrap();
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&self.log.lock().unwrap()).into_owned()
    }

    /// Asks it to cancel its jobs, as Ctrl-\ does.
    pub(crate) fn quit(&self) {
        let pid = i32::try_from(self.id.pid).ok();
        let pid = pid.and_then(rustix::process::Pid::from_raw).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::QUIT).unwrap();
    }

    /// Waits for its end.
    pub(crate) async fn ended(mut self) -> Ended {
        let exit = timeout(PATIENCE, &mut self.ending)
            .await
            .expect("the agent ends")
            .unwrap();
        let log = self.log();
        let code = match exit {
            Exit::Code(code) => Some(code),
            Exit::Signal(_) => None,
        };
        Ended { code, log }
    }
}

impl Drop for Agent {
    /// A test that fails leaves no agent behind.
    fn drop(&mut self) {
        let _ = self.id.send(shared_supervise::Signal::Kill);
    }
}

/// Waits until a file is there and has content.
pub(crate) async fn appears(file: &Path) -> String {
    let whole = |text: &String| text.ends_with('\n');
    until(&format!("{} appears", file.display()), || {
        std::fs::read_to_string(file).ok().filter(whole)
    })
    .await
}

/// Looks again and again, for another process tells no events, until there is something.
pub(crate) async fn until<T>(claim: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            match look() {
                Some(found) => return found,
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    timeout(PATIENCE, looking)
        .await
        .unwrap_or_else(|_| panic!("{claim}"))
}

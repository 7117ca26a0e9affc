//! An agent that speaks to its launcher and does nothing else.
//!
//! A version of it is a script that starts this test binary again, for the one "test" below; the
//! script's variables say how it behaves, so that each version has a digest of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

use shared_handover::handle::Handle;
use shared_handover::layout::StateDir;
use shared_handover::message::{PROTOCOL, Phase, Server, Status, ToAgent, ToLauncher};
use shared_supervise::ProcessId;

/// How a version of the agent behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Passes its self-test, takes jobs, and drains when told to.
    Good,
    /// Like a good one, with a job that lasts as long as the file `job` is in the state folder.
    Busy,
    /// Like a good one, but the endpoint never accepts it, so that it is never proved.
    Stranger,
    /// Its self-test fails.
    Unfit,
    /// Good, until the file `broken` is in the state folder: then it ends at once.
    Fragile,
    /// Ends at once.
    Ends,
    /// Runs and never says a word.
    Silent,
}

impl Manner {
    /// The file of such an agent.
    pub(crate) fn script(self, version: &str) -> String {
        let run = match self {
            Self::Ends => "exit 7".to_owned(),
            Self::Silent => "exec sleep 600".to_owned(),
            _ => {
                let program = std::env::current_exe().unwrap();
                format!(
                    "FAKE_AGENT='{version} {self:?}' exec '{}' --ignored --exact fake_agent::plays",
                    program.display()
                )
            }
        };
        let before = match self {
            Self::Fragile => "[ -e \"$TRIREME_STATE_DIR/broken\" ] && exit 3",
            _ => "echo \"$TRIREME_PLUGINS\" > \"$TRIREME_STATE_DIR/plugins-seen\"",
        };
        format!("#!/bin/sh\n# version {version}\n{before}\n{run}\n")
    }
}

#[test]
#[ignore = "no test: started by the launcher as its agent"]
fn plays() {
    let Ok(part) = std::env::var("FAKE_AGENT") else {
        return;
    };
    let (version, manner) = part.split_once(' ').unwrap();
    let state = StateDir::new(
        std::env::var_os("TRIREME_STATE_DIR")
            .map(PathBuf::from)
            .unwrap(),
    );
    let own = ProcessId::own().unwrap();
    let digest = std::env::var("TRIREME_AGENT_DIGEST").unwrap();
    let listener = UnixListener::bind(state.agent_socket(own.pid)).unwrap();
    let handle = Handle {
        pid: own.pid,
        start: own.start,
        digest: digest.clone(),
    };
    std::fs::write(state.agent_handle(own.pid), handle.encode()).unwrap();
    let mut agent = FakeAgent {
        state,
        hello: ToLauncher::Hello {
            protocol: PROTOCOL,
            pid: own.pid,
            version: version.to_owned(),
            digest,
            spawn: 1,
        },
        fit: manner != "Unfit",
        busy: manner == "Busy",
        stranger: manner == "Stranger",
        status: Status::default(),
    };
    for stream in listener.incoming() {
        if agent.serve(&stream.unwrap()) {
            return;
        }
    }
}

struct FakeAgent {
    state: StateDir,
    hello: ToLauncher,
    fit: bool,
    busy: bool,
    stranger: bool,
    status: Status,
}

impl FakeAgent {
    /// One launcher connection; whether the agent is to end.
    fn serve(&mut self, stream: &UnixStream) -> bool {
        let say = |message: ToLauncher| {
            let mut stream = stream;
            let _ = stream.write_all(message.encode().as_bytes());
        };
        say(self.hello.clone());
        say(ToLauncher::SelfTest {
            ok: self.fit,
            detail: "no reason".to_owned(),
        });
        say(ToLauncher::Status(self.status.clone()));
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            match ToAgent::decode(&line) {
                ToAgent::Ping { seq } => {
                    self.look_at_job();
                    say(ToLauncher::Pong { seq });
                }
                ToAgent::Accept { slots } => self.accept(slots),
                ToAgent::Drain | ToAgent::Stop => {
                    self.status.phase = Phase::Draining;
                    self.status.ready = 0;
                    say(ToLauncher::Status(self.status.clone()));
                    self.look_at_job();
                }
                ToAgent::Cancel => return true,
                ToAgent::Hello { .. } | ToAgent::Unknown(_) => {}
            }
            say(ToLauncher::Status(self.status.clone()));
            let drained = self.status.phase == Phase::Draining && self.status.busy == 0;
            if drained {
                return true;
            }
        }
        false
    }

    fn accept(&mut self, slots: u32) {
        self.status.phase = if slots == 0 {
            Phase::Standby
        } else {
            Phase::Serving
        };
        self.status.busy = u32::from(self.busy && slots > 0);
        self.status.ready = slots - self.status.busy;
        if !self.stranger {
            self.status.server = Server::Accepted;
        }
    }

    /// A job ends when its file is gone. Draining, the agent has nothing else to wait for.
    fn look_at_job(&mut self) {
        let job = self.state.root().join("job");
        while self.status.busy > 0 && self.status.phase == Phase::Draining && job.exists() {
            std::thread::park_timeout(std::time::Duration::from_millis(10));
        }
        if !job.exists() {
            self.status.busy = 0;
        }
    }
}

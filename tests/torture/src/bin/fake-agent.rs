//! A stand-in for an agent: speaks to its launcher, asks for jobs, and runs them as child processes.
//!
//! A version of it is a script that starts this program with `FAKE_AGENT='<version> <manner>'`. A job
//! is this program again: it writes into the ledger when it starts and when it ends, so that the
//! sweep can see what was lost and what ran twice. It has fault points of its own, because a
//! launcher must bear an agent that dies, stalls or fails wherever it is.

use std::fs::OpenOptions;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use shared_fault::{begin, point};
use shared_handover::handle::Handle;
use shared_handover::layout::StateDir;
use shared_handover::message::{PROTOCOL, Phase, Server, Status, ToAgent, ToLauncher};
use shared_supervise::{Event, Events, ProcessId, Signal};

/// Jobs at a time.
const SPAWN: u32 = 2;

/// How long a job takes.
const JOB: Duration = Duration::from_millis(250);

/// Between two questions for a job.
const ASK_AGAIN: Duration = Duration::from_millis(40);

/// Without a launcher for so long, it ends.
const ALONE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let outcome = match args.next().as_deref() {
        Some("job") => job(&args.next().unwrap_or_default()),
        _ => agent(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "fake-agent: {error}");
            ExitCode::FAILURE
        }
    }
}

fn text(name: &str) -> io::Result<String> {
    std::env::var(name).map_err(|_| io::Error::other(format!("{name} is not set")))
}

/// One job: two lines in the ledger, and the time between them.
fn job(id: &str) -> io::Result<()> {
    let ledger = text("TORTURE_LEDGER")?;
    let note = |line: String| {
        let mut file = OpenOptions::new().append(true).create(true).open(&ledger)?;
        file.write_all(line.as_bytes())
    };
    note(format!("start {id}\n"))?;
    thread::park_timeout(JOB);
    note(format!("end {id}\n"))
}

fn agent() -> io::Result<()> {
    begin("agent");
    let part = text("FAKE_AGENT")?;
    let (version, manner) = part.split_once(' ').unwrap_or((&part, "good"));
    let state = StateDir::new(PathBuf::from(text("TRIREME_STATE_DIR")?));
    let mut events = Events::listen(&[Signal::Terminate])?;
    let own = ProcessId::own()?;
    let (socket, handle) = (state.agent_socket(own.pid), state.agent_handle(own.pid));
    let digest = text("TRIREME_AGENT_DIGEST")?;
    point("fake-socket.bind")?;
    let listener = UnixListener::bind(&socket)?;
    let written = Handle {
        pid: own.pid,
        start: own.start,
        digest: digest.clone(),
    };
    point("fake-handle.write")?;
    let unfinished = handle.with_extension("new");
    std::fs::write(&unfinished, written.encode())?;
    std::fs::rename(&unfinished, &handle)?;
    let (leave, left) = channel();
    let agent = Agent {
        hello: ToLauncher::Hello {
            protocol: PROTOCOL,
            pid: own.pid,
            version: version.to_owned(),
            digest,
            spawn: SPAWN,
        },
        fit: manner != "unfit",
        version: version.to_owned(),
        endpoint: text("TRIREME_DEFAULT_ENDPOINT")?,
        shared: Arc::default(),
        leave,
    };
    for _ in 0..SPAWN {
        let worker = agent.clone();
        thread::spawn(move || worker.work());
    }
    let door = agent.clone();
    thread::spawn(move || door.open(&listener));
    let ender = agent.clone();
    thread::spawn(move || ender.drain_when_told(&mut events));
    let outcome = agent.stay(&left);
    let _ = point("fake-handle.remove").and_then(|()| std::fs::remove_file(handle));
    let _ = std::fs::remove_file(socket);
    outcome
}

/// What all threads know.
#[derive(Default)]
struct Shared {
    status: Status,
    slots: u32,
    /// Slots with a job, or with a question for one under way.
    taken: u32,
    /// A signal told it to end. What its last launcher said before is read after that, at times.
    ends: bool,
    launcher: Option<UnixStream>,
    connections: u64,
}

#[derive(Clone)]
struct Agent {
    hello: ToLauncher,
    fit: bool,
    version: String,
    endpoint: String,
    shared: Arc<Mutex<Shared>>,
    leave: Sender<io::Result<()>>,
}

impl Agent {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().expect("no thread panics with the lock")
    }

    /// Waits for the end.
    fn stay(&self, left: &Receiver<io::Result<()>>) -> io::Result<()> {
        let mut alone = Duration::ZERO;
        loop {
            match left.recv_timeout(ASK_AGAIN) {
                Ok(outcome) => return outcome,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let shared = self.lock();
            alone = if shared.launcher.is_some() {
                Duration::ZERO
            } else {
                alone + ASK_AGAIN
            };
            let drained = shared.status.phase == Phase::Draining || alone > ALONE;
            if drained && shared.taken == 0 {
                return Ok(());
            }
        }
    }

    /// A bootstrapper that has no launcher any more stops agents by a signal.
    fn drain_when_told(&self, events: &mut Events) {
        loop {
            match events.wait(&[], None) {
                Ok(Event::Signal(_)) => {
                    let mut shared = self.lock();
                    shared.ends = true;
                    shared.status.phase = Phase::Draining;
                }
                Ok(_) => {}
                Err(_) => thread::park_timeout(ASK_AGAIN),
            }
        }
    }

    /// Ends with an error, as a program does that has none of its own to treat it.
    fn give_up<T>(&self, outcome: io::Result<T>) -> Option<T> {
        outcome
            .map_err(|error| {
                let _ = self.leave.send(Err(error));
            })
            .ok()
    }
}

// === towards the launcher ===

impl Agent {
    /// Takes connections; the newest counts.
    fn open(&self, listener: &UnixListener) {
        for stream in listener.incoming().flatten() {
            let agent = self.clone();
            thread::spawn(move || agent.serve(&stream));
        }
    }

    fn serve(&self, stream: &UnixStream) {
        let Some(()) = self.give_up(point("fake-hello.write")) else {
            return;
        };
        let number = {
            let mut shared = self.lock();
            shared.launcher = stream.try_clone().ok();
            shared.connections += 1;
            shared.connections
        };
        self.say(&self.hello);
        self.say(&ToLauncher::SelfTest {
            ok: self.fit,
            detail: "no reason".to_owned(),
        });
        self.tell();
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            match ToAgent::decode(&line) {
                ToAgent::Ping { seq } => {
                    let Some(()) = self.give_up(point("fake-pong.write")) else {
                        return;
                    };
                    self.say(&ToLauncher::Pong { seq });
                }
                ToAgent::Accept { slots } => {
                    let Some(()) = self.give_up(point("fake-accept.read")) else {
                        return;
                    };
                    let mut shared = self.lock();
                    shared.slots = slots;
                    shared.status.phase = match slots {
                        _ if shared.ends => Phase::Draining,
                        0 => Phase::Standby,
                        _ => Phase::Serving,
                    };
                }
                ToAgent::Drain | ToAgent::Stop => {
                    let Some(()) = self.give_up(point("fake-drain.read")) else {
                        return;
                    };
                    self.lock().status.phase = Phase::Draining;
                }
                ToAgent::Cancel => {
                    let _ = self.leave.send(Ok(()));
                }
                ToAgent::Hello { .. } | ToAgent::Unknown(_) => {}
            }
            self.tell();
        }
        let mut shared = self.lock();
        if shared.connections == number {
            shared.launcher = None;
        }
    }

    fn say(&self, message: &ToLauncher) {
        let mut shared = self.lock();
        if let Some(launcher) = &mut shared.launcher {
            let _ = launcher.write_all(message.encode().as_bytes());
        }
    }

    /// Says where it stands.
    fn tell(&self) {
        let status = {
            let mut shared = self.lock();
            let serves = shared.status.phase == Phase::Serving;
            shared.status.ready = if serves {
                shared.slots.saturating_sub(shared.status.busy)
            } else {
                0
            };
            shared.status.clone()
        };
        self.say(&ToLauncher::Status(status));
    }
}

// === towards the endpoint ===

impl Agent {
    /// One worker: asks for a job while it may, and runs it.
    fn work(&self) {
        loop {
            if let Some(id) = self.take_slot().then(|| self.ask()) {
                match id {
                    Ok(Some(id)) => self.run(&id),
                    Ok(None) => self.back(Server::Accepted),
                    Err(_) => self.back(Server::Failing),
                }
            }
            thread::park_timeout(ASK_AGAIN);
        }
    }

    /// Takes a slot if there is a free one.
    fn take_slot(&self) -> bool {
        let mut shared = self.lock();
        let may = shared.status.phase == Phase::Serving && shared.taken < shared.slots;
        shared.taken += u32::from(may);
        may
    }

    fn back(&self, server: Server) {
        {
            let mut shared = self.lock();
            shared.taken -= 1;
            shared.status.server = server;
        }
        self.tell();
    }

    fn run(&self, id: &str) {
        self.lock().status.busy += 1;
        self.tell();
        let ran = point("fake-job.spawn").and_then(|()| {
            Command::new(std::env::current_exe()?)
                .args(["job", id])
                .stdin(Stdio::null())
                .status()
        });
        if self.give_up(ran).is_some() {
            let mut shared = self.lock();
            shared.status.busy -= 1;
            shared.status.jobs_done += 1;
            drop(shared);
            self.back(Server::Accepted);
        }
    }

    /// The next job's id, if there is one.
    fn ask(&self) -> io::Result<Option<String>> {
        point("fake-ask.connect")?;
        let rest = self.endpoint.trim_start_matches("http://");
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let mut stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(ALONE))?;
        write!(
            stream,
            "GET /{path}/job/{} HTTP/1.1\r\nhost: {host}\r\n\r\n",
            self.version
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        match answer.split_once("\r\n\r\n") {
            Some((_, "")) => Ok(None),
            Some((_, id)) => Ok(Some(id.to_owned())),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

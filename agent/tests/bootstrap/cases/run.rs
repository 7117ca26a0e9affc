//! Runs the jobs of a case and gathers what could be seen of them.

use std::fs;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use rustix::process::{Pid, kill_process_group};

use super::case::{Before, Case, Signal, Texts};
use super::endpoint;
use super::events::{Event, Recorder};
use super::host::{Host, SYSTEM};

/// Nothing in a case is silent for so long, unless it hangs.
const SILENCE: Duration = Duration::from_mins(5);

/// What comes to the runner while a job runs.
pub(super) enum News {
    Event(Event),
    Ended(ExitStatus),
}

/// What could be seen of a job.
pub(super) struct Seen {
    /// `exit N`, `signal NAME` or `hangs`.
    pub(super) end: String,
    pub(super) events: Vec<Event>,
    /// Output and error as written.
    pub(super) log: String,
    pub(super) requests: Vec<String>,
}

struct Runner<'a> {
    host: &'a Host,
    case: &'a Case,
    recorder: Recorder,
    news: Receiver<News>,
    sender: Sender<News>,
}

/// Prepares the host, runs the job of the case, and ends what it left running.
pub(super) fn run(case: &Case, host: &Host) -> Seen {
    let (sender, news) = channel();
    let recorder = Recorder::start(&host.path("events"), sender.clone());
    let mut runner = Runner {
        host,
        case,
        recorder,
        news,
        sender,
    };
    for step in &case.before {
        match step {
            Before::Sh(script) => runner.shell(script),
            Before::Job(more) => _ = runner.job(more, &[]),
        }
    }
    for number in 0..case.git_rules.len() {
        let _ = fs::remove_file(host.path(&format!("git-rule-{number}")));
    }
    if let Some(endpoint) = &host.endpoint {
        endpoint.take();
    }
    let mut seen = runner.job(&Texts::new(), &case.signals);
    seen.requests = host
        .endpoint
        .as_ref()
        .map(endpoint::Endpoint::take)
        .unwrap_or_default();
    seen
}

impl Runner<'_> {
    fn shell(&self, script: &str) {
        let mut env = self.host.environment(self.case, &Texts::new());
        env.retain(|name, _| !name.starts_with("BUILDKITE"));
        let output = Command::new("/bin/sh")
            .args(["-e", "-c", &self.host.names.fill(script)])
            .current_dir(self.host.path(""))
            .env_clear()
            .envs(env)
            .env("PATH", SYSTEM)
            .output()
            .expect("sh");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "a step before failed: {error}");
    }

    fn job(&mut self, more: &Texts, signals: &[Signal]) -> Seen {
        let log = self.host.path("log");
        let file = fs::File::create(&log).expect("log");
        let mut child = Command::new(env!("CARGO_BIN_EXE_agent"))
            .arg("bootstrap")
            .args(
                self.case
                    .flags
                    .iter()
                    .map(|flag| self.host.names.fill(flag)),
            )
            .env_clear()
            .envs(self.host.environment(self.case, more))
            .current_dir(self.host.path("builds"))
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("log"))
            .stderr(file)
            .process_group(0)
            .spawn()
            .expect("start");
        let group = Pid::from_child(&child);
        let sender = self.sender.clone();
        std::thread::spawn(move || {
            let _ = sender.send(News::Ended(child.wait().expect("wait")));
        });
        let (end, events) = self.listen(group, signals);
        end_leftovers(&self.host.names.fill("HOME=@home@"));
        Seen {
            end,
            events,
            log: String::from_utf8_lossy(&fs::read(log).expect("log")).into_owned(),
            requests: Vec::new(),
        }
    }

    /// Events until the job has ended and everything written before is read.
    fn listen(&mut self, group: Pid, signals: &[Signal]) -> (String, Vec<Event>) {
        let (mut events, mut signals) = (Vec::new(), signals.iter().peekable());
        let mut end = None;
        loop {
            match self.news.recv_timeout(SILENCE) {
                Ok(News::Ended(status)) => {
                    end.get_or_insert(words(status));
                    self.recorder.mark();
                }
                Ok(News::Event(event)) if event.kind == "mark" => {
                    return (end.expect("a mark follows the end"), events);
                }
                Ok(News::Event(event)) if event.kind == "ask" => {
                    std::thread::spawn(move || endpoint::ask(&event));
                }
                Ok(News::Event(event)) => {
                    if let Some(signal) = signals.next_if(|signal| signal.after == event.name) {
                        let _ = kill_process_group(group, number(&signal.send));
                    }
                    events.push(event);
                }
                Err(_) => {
                    end = Some("hangs".to_owned());
                    let _ = kill_process_group(group, rustix::process::Signal::KILL);
                }
            }
        }
    }
}

fn words(status: ExitStatus) -> String {
    match status.signal() {
        None => format!("exit {}", status.code().expect("a code")),
        Some(1) => "signal HUP".to_owned(),
        Some(2) => "signal INT".to_owned(),
        Some(3) => "signal QUIT".to_owned(),
        Some(9) => "signal KILL".to_owned(),
        Some(15) => "signal TERM".to_owned(),
        Some(other) => format!("signal {other}"),
    }
}

fn number(name: &str) -> rustix::process::Signal {
    use rustix::process::Signal;
    match name {
        "TERM" => Signal::TERM,
        "INT" => Signal::INT,
        "HUP" => Signal::HUP,
        "QUIT" => Signal::QUIT,
        other => panic!("no signal {other}"),
    }
}

/// Kills every process that has this in its environment: only those of one case do.
fn end_leftovers(variable: &str) {
    let Ok(processes) = fs::read_dir("/proc") else {
        return;
    };
    for entry in processes.flatten() {
        let pid = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let Some(pid) = pid.and_then(Pid::from_raw) else {
            continue;
        };
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        if environment
            .split(|byte| *byte == 0)
            .any(|one| one == variable.as_bytes())
        {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

//! Events of a case: read from the named pipe while the job runs, in the order they happened.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::Sender;

use super::run::News;

/// One call of a program that writes down how it is called.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Event {
    /// `told`, `git`, `ran`, `own`; `ask` and `mark` are for the runner.
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) folder: String,
    pub(super) args: Vec<String>,
    /// Variables that were asked for; `None` is not set.
    pub(super) env: BTreeMap<String, Option<String>>,
    pub(super) stdin: Option<String>,
    /// What only the runner needs: socket, token, reply.
    pub(super) extra: BTreeMap<String, String>,
}

/// What a shell changes by itself says nothing about a job.
const OF_THE_SHELL: [&str; 3] = ["_", "SHLVL", "OLDPWD"];

impl Event {
    fn read(record: &str) -> Self {
        let mut fields = record.split('\x1f');
        let mut next = || fields.next().unwrap_or_default().to_owned();
        let mut event = Self {
            kind: next(),
            name: next(),
            folder: next(),
            ..Self::default()
        };
        for field in fields {
            let (tag, value) = field.split_once('=').expect("a field has a tag");
            match tag {
                "arg" => event.args.push(value.to_owned()),
                "stdin" => event.stdin = Some(value.to_owned()),
                "env" => event.variable(value),
                "unset" => _ = event.env.insert(value.to_owned(), None),
                "all" => value
                    .split_terminator('\x1d')
                    .for_each(|one| event.variable(one)),
                other => _ = event.extra.insert(other.to_owned(), value.to_owned()),
            }
        }
        event
    }

    fn variable(&mut self, text: &str) {
        let (name, value) = text.split_once('=').expect("a variable has a value");
        if !OF_THE_SHELL.contains(&name) {
            self.env.insert(name.to_owned(), Some(value.to_owned()));
        }
    }
}

/// As a reader of a failure needs it.
impl fmt::Display for Event {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            name,
            folder,
            args,
            env,
            ..
        } = self;
        write!(to, "{kind} {name} {args:?} in {folder} {env:?}")
    }
}

/// The pipe that the recording programs write to.
pub(super) struct Recorder {
    writer: File,
}

impl Recorder {
    /// Makes the pipe and hands on what comes through it until `stop`.
    pub(super) fn start(path: &Path, news: Sender<News>) -> Self {
        let made = Command::new("mkfifo").arg(path).status().expect("mkfifo");
        assert!(made.success(), "mkfifo");
        // Open for both, so that the pipe has a reader and a writer as long as the case lasts.
        let open = || OpenOptions::new().read(true).write(true).open(path);
        let (reader, writer) = (open().expect("pipe"), open().expect("pipe"));
        std::thread::spawn(move || hand_on(reader, &news));
        Self { writer }
    }

    /// Sends a mark behind everything that was written until now.
    pub(super) fn mark(&mut self) {
        self.writer.write_all(b"mark\x1f\x1f\x1e").expect("pipe");
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.writer.write_all(b"stop\x1f\x1f\x1e");
    }
}

fn hand_on(mut reader: File, news: &Sender<News>) {
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let count = reader.read(&mut part).expect("pipe");
        bytes.extend_from_slice(&part[..count]);
        while let Some(end) = bytes.iter().position(|byte| *byte == 0x1e) {
            let record: Vec<u8> = bytes.drain(..=end).collect();
            let event = Event::read(&String::from_utf8_lossy(&record[..end]));
            if event.kind == "stop" || news.send(News::Event(event)).is_err() {
                return;
            }
        }
    }
}

//! The job's log: what children write and what the executor says, with secrets hidden.
//!
//! The shapes of the lines are the peer's; web pages fold a log at its headers.

use std::io;
use std::time::SystemTime;

use agent_local_api::Secrets;
use agent_otel::LogLines;
use agent_otel::propagation::Parent;
use shared_redact::{Added, Redactor};

use crate::os::Outlet;
use crate::words;

const RED: &str = "\x1b[31m";
const YELLOW: &str = "\x1b[33m";
const GREY: &str = "\x1b[90m";
const RESET: &str = "\x1b[0m";

/// The log. Lines are gathered and leave with [`Log::send`]; a child's bytes leave at once.
#[derive(Debug)]
pub(crate) struct Log {
    redactor: Redactor,
    /// What children asked to hide since the last bytes.
    asked: Secrets,
    ready: Vec<u8>,
    outlet: Outlet,
    /// Where the same goes once more, if anywhere.
    copy: Option<Box<LogLines>>,
    /// How much of `ready` it has already.
    copied: usize,
}

impl Log {
    /// A log that ends in `outlet`.
    pub(crate) fn new(outlet: Outlet) -> Self {
        Self {
            redactor: Redactor::new(),
            asked: Secrets::default(),
            ready: Vec::new(),
            outlet,
            copy: None,
            copied: 0,
        }
    }

    /// Everything from now on goes to a collector, too.
    pub(crate) fn copy_to(&mut self, lines: LogLines) {
        self.copied = self.ready.len();
        self.copy = Some(Box::new(lines));
    }

    /// What is written from now on belongs to this span, for those who see it at the collector.
    pub(crate) fn belong_to(&mut self, span: Parent) {
        self.copy_ready();
        if let Some(copy) = &mut self.copy {
            copy.belong_to(span, now());
        }
    }

    /// The copy, which is complete up to here; it gets nothing any more.
    pub(crate) fn end_copy(&mut self) -> Option<(LogLines, SystemTime)> {
        self.copy_ready();
        self.copy.take().map(|copy| (*copy, now()))
    }

    /// Hides the value of a variable whose name is a secret's, unless it is too short.
    pub(crate) fn hide_value(&mut self, value: &[u8]) -> Added {
        self.redactor.add_value(value)
    }

    /// Hides a secret from now on, however short it is.
    pub(crate) fn hide(&mut self, secret: &[u8]) {
        self.redactor.add(secret);
    }

    /// Where others put what is to be hidden in all that is written from then on.
    pub(crate) fn secrets(&self) -> Secrets {
        self.asked.clone()
    }

    /// Begins a folded group.
    pub(crate) fn header(&mut self, text: &str) {
        self.line(&format!("~~~ {text}"));
    }

    /// Unfolds the group that is open.
    pub(crate) fn unfold(&mut self) {
        self.line("^^^ +++");
    }

    /// A remark.
    pub(crate) fn comment(&mut self, text: &str) {
        self.line(&format!("{GREY}# {text}{RESET}"));
    }

    /// A command that is about to run.
    pub(crate) fn prompt(&mut self, text: &str) {
        self.line(&format!("{GREY}${RESET} {text}"));
    }

    /// A program that is about to run, as a shell would be told.
    pub(crate) fn prompt_words(&mut self, program: &str, args: &[&str]) {
        let words = std::iter::once(&program).chain(args);
        let words: Vec<String> = words.map(|word| words::quote(word)).collect();
        self.prompt(&words.join(" "));
    }

    /// Something the user should know; the job goes on.
    pub(crate) fn warning(&mut self, text: &str) {
        self.line(&format!("{YELLOW}⚠️ Warning: {text}{RESET}"));
        self.unfold();
    }

    /// What failed.
    pub(crate) fn error(&mut self, text: &str) {
        self.line(&format!("{RED}🚨 Error: {text}{RESET}"));
        self.unfold();
    }

    /// A line of text.
    pub(crate) fn line(&mut self, text: &str) {
        self.push(text.as_bytes());
        self.push(b"\n");
        self.redactor.flush(&mut self.ready);
    }

    /// Bytes of a child; they leave at once, but for those that may begin a secret.
    pub(crate) async fn child(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.push(bytes);
        self.send().await
    }

    /// The child's output is over; nothing of it is withheld any longer.
    pub(crate) async fn child_ended(&mut self) -> io::Result<()> {
        self.redactor.flush(&mut self.ready);
        self.send().await
    }

    /// The text with secrets hidden, for other places than the log. Between children only: bytes
    /// that are withheld are let go first.
    pub(crate) fn hidden(&mut self, text: &str) -> String {
        self.redactor.flush(&mut self.ready);
        let mut hidden = Vec::new();
        self.redactor.push(text.as_bytes(), &mut hidden);
        self.redactor.flush(&mut hidden);
        String::from_utf8_lossy(&hidden).into_owned()
    }

    /// Sends what was gathered.
    pub(crate) async fn send(&mut self) -> io::Result<()> {
        self.copy_ready();
        let sent = self.outlet.write_all(&self.ready).await;
        self.ready.clear();
        self.copied = 0;
        if let Some(copy) = &self.copy {
            copy.room().await;
        }
        sent
    }

    fn copy_ready(&mut self) {
        if let Some(copy) = &mut self.copy {
            copy.push(&self.ready[self.copied..], now());
            self.copied = self.ready.len();
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        for secret in self.asked.take() {
            self.redactor.add(secret.as_bytes());
        }
        self.redactor.push(bytes, &mut self.ready);
    }
}

#[expect(clippy::disallowed_methods, reason = "a line's time is when it came")]
fn now() -> SystemTime {
    SystemTime::now()
}

//! The job's log: what children write and what the executor says, with secrets hidden.
//!
//! The shapes of the lines are the peer's; web pages fold a log at its headers.

use std::io;

use agent_local_api::Secrets;
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
}

impl Log {
    /// A log that ends in `outlet`.
    pub(crate) fn new(outlet: Outlet) -> Self {
        Self {
            redactor: Redactor::new(),
            asked: Secrets::default(),
            ready: Vec::new(),
            outlet,
        }
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

    /// Sends what was gathered.
    pub(crate) async fn send(&mut self) -> io::Result<()> {
        let sent = self.outlet.write_all(&self.ready).await;
        self.ready.clear();
        sent
    }

    fn push(&mut self, bytes: &[u8]) {
        for secret in self.asked.take() {
            self.redactor.add(secret.as_bytes());
        }
        self.redactor.push(bytes, &mut self.ready);
    }
}

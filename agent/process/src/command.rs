//! What to start: program, arguments, the whole environment, and where output goes.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;

use crate::lookup::find_program;
use crate::{Output, Running, os};

/// A child to start. Nothing is inherited: what is not named here the child does not have.
#[derive(Debug, Clone)]
pub struct Command {
    /// Program: a path, or a name that is looked up in the `PATH` of [`Command::env`].
    pub program: OsString,
    /// Arguments after the program's name.
    pub args: Vec<OsString>,
    /// The whole environment. With a terminal, `TERM` is set to `xterm-256color`, whatever it was:
    /// an inherited one describes another terminal than the one the child gets.
    pub env: Vec<(OsString, OsString)>,
    /// Working directory; the caller's own if `None`.
    pub cwd: Option<PathBuf>,
    /// Standard input, unless the child has a terminal.
    pub stdin: Stdin,
    /// Where standard output and standard error go.
    pub stream: Stream,
}

/// Standard input of a child without a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stdin {
    /// Empty.
    #[default]
    Null,
    /// A pipe; its other end is [`Running::take_stdin`].
    Piped,
}

/// Where a child's output goes, and in which group of processes it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// A pseudo-terminal that is the controlling terminal of a new session; input, output and
    /// error all are the terminal.
    Terminal(Window),
    /// As [`Stream::Terminal`], but the terminal passes on every byte as it is written, in both
    /// directions: no line end is changed, and it costs a third less.
    RawTerminal(Window),
    /// Input is a terminal that controls a new session and in which nobody types: it hangs up when
    /// [`Output`] is dropped, so a child learns that nobody follows it any more. Output and error
    /// are one pipe, which moves a log at a fraction of what a terminal costs.
    PipeWithTerminal(Window),
    /// One pipe for output and error together, in the order of writing; a process group of its own.
    Pipe,
    /// As [`Stream::Pipe`], but in a session of its own, out of reach of any terminal.
    PipeInSession,
    /// Output only; error goes nowhere. A process group of its own.
    OutputOnly,
    /// Output and error are the caller's own; a process group of its own, and [`Output`] is
    /// at its end from the start.
    Inherit,
}

impl Stream {
    /// Whether the child has a terminal of its own.
    pub(crate) fn has_terminal(self) -> bool {
        matches!(
            self,
            Self::Terminal(_) | Self::RawTerminal(_) | Self::PipeWithTerminal(_)
        )
    }
}

/// Size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

impl Window {
    /// The size every job sees, by the peer's choice.
    pub const JOB: Self = Self {
        rows: 100,
        columns: 160,
    };
}

/// The variable that a child with a terminal gets, and its value.
pub const TERM: (&str, &str) = ("TERM", "xterm-256color");

/// Why a child could not be started. Nothing runs then.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No such program on the `PATH` that the child would have.
    #[error("{0:?}: not found in PATH; install it or correct PATH")]
    NotFound(OsString),
    /// The terminal or pipe could not be made.
    #[error("open a terminal or pipe for {0:?}: {1}")]
    Stream(OsString, #[source] io::Error),
    /// The operating system refused to run it.
    #[error("run {0:?}: {1}")]
    Run(OsString, #[source] io::Error),
}

impl Command {
    /// A command without arguments, with an empty environment, its output in a pipe.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            cwd: None,
            stdin: Stdin::Null,
            stream: Stream::Pipe,
        }
    }

    /// The same command with these arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// The same command with this as its whole environment.
    #[must_use]
    pub fn env<K: Into<OsString>, V: Into<OsString>>(
        mut self,
        env: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        self.env = env
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        self
    }

    /// The same command in this working directory.
    #[must_use]
    pub fn cwd(mut self, cwd: impl Into<PathBuf>) -> Self {
        self.cwd = Some(cwd.into());
        self
    }

    /// The same command with its output there.
    #[must_use]
    pub fn stream(mut self, stream: Stream) -> Self {
        self.stream = stream;
        self
    }

    /// The same command with this standard input.
    #[must_use]
    pub fn stdin(mut self, stdin: Stdin) -> Self {
        self.stdin = stdin;
        self
    }

    /// Starts it. Must be called inside a tokio runtime with I/O enabled.
    pub fn start(mut self) -> Result<(Running, Output), StartError> {
        if self.stream.has_terminal() {
            self.env.retain(|(name, _)| name != TERM.0);
            self.env.push((TERM.0.into(), TERM.1.into()));
        }
        let path = find_program(&self.program, self.variable("PATH"), self.cwd.as_deref())
            .ok_or_else(|| StartError::NotFound(self.program.clone()))?;
        os::start(&self, &path)
    }

    fn variable(&self, name: &str) -> Option<&OsStr> {
        self.env
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_os_str())
    }
}

//! Logs of the long-running programs: launcher, agent and server.
//!
//! One line per event, in UTC, on standard error and, if wanted, in a file:
//!
//! ```text
//! 2026-11-21 09:37:45 INFO  agent switched from=0.1.0 to=0.2.0 gap_ms=0
//! ```
//!
//! or, for programs that read logs, one JSON object with `ts`, `level`, `msg` and the fields as text.
//!
//! Fields of the spans around an event come before its own. Colours are used only when standard
//! error is a terminal and `NO_COLOR` is not set. A log is never a reason to fail or to wait: when
//! standard error is gone or not read, or the disk is full, lines are lost and the program goes on.

mod console;
mod json;
mod line;
mod os;
mod parts;
mod sinks;

use std::io::{self, IsTerminal as _};
use std::sync::OnceLock;
use std::time::Duration;

use shared_logfile::LogFile;
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{Layer, Registry, fmt};

use console::Console;
use sinks::Sink;
use tracing_subscriber::fmt::MakeWriter;

pub use tracing::level_filters::ParseLevelFilterError as NotALevel;

/// Crates whose chatter below a warning is of use only to those who look at everything.
const CHATTY: [&str; 5] = ["h2", "hyper", "hyper_util", "reqwest", "rustls"];

/// What a line looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text, in colours where it goes to a terminal.
    Text,
    /// Text, never in colours.
    PlainText,
    /// A JSON object.
    Json,
}

/// Where lines go, besides a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Standard error.
    Stderr,
    /// Standard output.
    Stdout,
    /// Standard output, to which this process writes other things, too, by [`std::io::stdout`].
    SharedStdout,
}

/// How a program logs.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Events from here up are logged.
    pub level: LevelFilter,
    /// Their form, in the file, too.
    pub format: Format,
    /// Where they go.
    pub output: Output,
    /// A target with a level of its own.
    pub target: Option<(&'static str, LevelFilter)>,
}

/// Sends all events from `level` up as text to standard error, and to `file` if there is one. Call
/// it once, before anything is logged.
///
/// Fails if the process logs already.
pub fn init(level: LevelFilter, file: Option<LogFile>) -> Result<(), TryInitError> {
    let style = Style {
        level,
        format: Format::Text,
        output: Output::Stderr,
        target: None,
    };
    init_in(style, file)
}

/// As [`init`], in a style of one's own.
pub fn init_in(style: Style, file: Option<LogFile>) -> Result<(), TryInitError> {
    let terminal = match style.output {
        Output::Stderr => io::stderr().is_terminal(),
        Output::Stdout | Output::SharedStdout => io::stdout().is_terminal(),
    };
    let console = Console::new(style.output, |lost| {
        tracing::error!("{lost} lines of this log are missing here: nobody read them in time");
    });
    let mut layers = vec![layer(console.clone(), style, terminal)];
    layers.extend(file.map(|file| layer(Sink::new(file), style, false)));
    tracing_subscriber::registry().with(layers).try_init()?;
    let _ = CONSOLE.set(console);
    Ok(())
}

/// Waits at the end of a program until its log is written; for `longest` if nobody reads it.
pub fn finish(longest: Duration) {
    if let Some(console) = CONSOLE.get() {
        console.finish(longest);
    }
}

static CONSOLE: OnceLock<Console> = OnceLock::new();

/// The level of that name: `off`, `error`, `warn`, `info`, `debug` or `trace`.
pub fn parse_level(text: &str) -> Result<LevelFilter, NotALevel> {
    text.parse()
}

type Boxed = Box<dyn Layer<Registry> + Send + Sync>;

fn layer<W>(to: W, style: Style, terminal: bool) -> Boxed
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = fmt::layer().log_internal_errors(false).with_writer(to);
    let now = jiff::Timestamp::now;
    if style.format == Format::Json {
        let layer = layer
            .event_format(json::Objects::new(now))
            .fmt_fields(json::Members)
            .with_ansi(false);
        return layer.with_filter(targets(style)).boxed();
    }
    let colour =
        terminal && style.format != Format::PlainText && std::env::var_os("NO_COLOR").is_none();
    let layer = layer
        .event_format(line::Lines::new(now))
        .fmt_fields(line::PlainFields)
        .with_ansi(colour);
    layer.with_filter(targets(style)).boxed()
}

fn targets(style: Style) -> Targets {
    let quiet = if style.level == Level::TRACE {
        style.level
    } else {
        style.level.min(LevelFilter::WARN)
    };
    Targets::new()
        .with_default(style.level)
        .with_targets(CHATTY.map(|name| (name, quiet)))
        .with_targets(style.target)
}

//! Text logs of the long-running programs: launcher, agent and server.
//!
//! One line per event, in UTC, on standard error and, if wanted, in a file:
//!
//! ```text
//! 2026-11-21 09:37:45 INFO  agent switched from=0.1.0 to=0.2.0 gap_ms=0
//! ```
//!
//! Fields of the spans around an event come before its own. Colours are used only when standard
//! error is a terminal and `NO_COLOR` is not set. A log is never a reason to fail: when standard
//! error is gone or the disk is full, lines are lost and the program goes on.

mod line;
mod sinks;

use std::io::{self, IsTerminal as _, Write};

use shared_logfile::LogFile;
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{Layer as _, fmt};

pub use tracing::level_filters::ParseLevelFilterError as NotALevel;

/// Crates whose chatter below a warning is of use only to those who look at everything.
const CHATTY: [&str; 5] = ["h2", "hyper", "hyper_util", "reqwest", "rustls"];

/// Sends all events from `level` up to standard error, and to `file` if there is one. Call it once,
/// before anything is logged.
///
/// Fails if the process logs already.
pub fn init(level: LevelFilter, file: Option<LogFile>) -> Result<(), TryInitError> {
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let stderr = layer(io::stderr(), colour).with_filter(targets(level));
    let file = file.map(|file| layer(file, false).with_filter(targets(level)));
    tracing_subscriber::registry()
        .with(stderr)
        .with(file)
        .try_init()
}

/// The level of that name: `off`, `error`, `warn`, `info`, `debug` or `trace`.
pub fn parse_level(text: &str) -> Result<LevelFilter, NotALevel> {
    text.parse()
}

fn layer<S, W>(to: W, colour: bool) -> impl tracing_subscriber::Layer<S>
where
    S: tracing::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span>,
    W: Write + Send + 'static,
{
    fmt::layer()
        .event_format(line::Lines::new(jiff::Timestamp::now))
        .fmt_fields(line::PlainFields)
        .with_ansi(colour)
        .log_internal_errors(false)
        .with_writer(sinks::Sink::new(to))
}

fn targets(level: LevelFilter) -> Targets {
    let quiet = if level == Level::TRACE {
        level
    } else {
        level.min(LevelFilter::WARN)
    };
    Targets::new()
        .with_default(level)
        .with_targets(CHATTY.map(|name| (name, quiet)))
}

//! The agent's own log: how much of it, in which form, and where it goes.

use std::fs;

use shared_fault::point;
use shared_handover::layout::StateDir;
use shared_logfile::LogFile;
use shared_telemetry::{Format, Output, Style};
use tracing::level_filters::LevelFilter;

use super::Fatal;
use crate::config::values::{BadValue, Values};

/// Before anybody's wishes are known.
pub(super) const PLAIN: Style = Style {
    level: LevelFilter::INFO,
    format: Format::Text,
    output: Output::Stderr,
    target: Some((shared_client::REQUESTS, LevelFilter::OFF)),
};

/// Logs go where `style` says and, under a launcher, to the host's file for this tier.
pub(super) fn open_log(style: Style, state: Option<&StateDir>) -> Result<(), Fatal> {
    let mut trouble = None;
    let file = state.and_then(|state| {
        let opened = point("agent-log.open")
            .and_then(|()| fs::create_dir_all(state.logs()))
            .and_then(|()| LogFile::open(state.log("agent"), shared_logfile::MOST_BYTES));
        opened.map_err(|error| trouble = Some(error)).ok()
    });
    shared_telemetry::init_in(style, file)?;
    if let Some(error) = trouble {
        tracing::warn!("failed to open the log file, logging to standard error only: {error}");
    }
    Ok(())
}

/// What the settings ask for. JSON goes to standard output, as programs that read it expect; but
/// under a launcher nobody reads that.
pub(super) fn style(values: &Values<'_>, managed: bool) -> Result<Style, BadValue> {
    let json = values.one_of("log-format", &[("text", false), ("json", true)])?;
    let no_color = values.switch("no-color")?;
    let requests = if values.switch("trace-http")? {
        LevelFilter::TRACE
    } else if values.switch("debug-http")? {
        LevelFilter::DEBUG
    } else {
        LevelFilter::OFF
    };
    Ok(Style {
        level: level(values)?,
        format: match (json, no_color) {
            (true, _) => Format::Json,
            (false, true) => Format::PlainText,
            (false, false) => Format::Text,
        },
        output: match json && !managed {
            false => Output::Stderr,
            true if values.switch("write-job-logs-to-stdout")? => Output::SharedStdout,
            true => Output::Stdout,
        },
        target: Some((shared_client::REQUESTS, requests)),
    })
}

fn level(values: &Values<'_>) -> Result<LevelFilter, BadValue> {
    let levels = [
        ("debug", LevelFilter::DEBUG),
        ("info", LevelFilter::INFO),
        ("notice", LevelFilter::INFO),
        ("warn", LevelFilter::WARN),
        ("error", LevelFilter::ERROR),
        ("fatal", LevelFilter::ERROR),
    ];
    if values.switch("debug")? {
        return Ok(LevelFilter::DEBUG);
    }
    values.one_of("log-level", &levels)
}

//! The agent's own log: how much of it, and where it goes.

use std::fs;

use shared_fault::point;
use shared_handover::layout::StateDir;
use shared_logfile::LogFile;
use tracing::level_filters::LevelFilter;

use super::Fatal;
use crate::config::values::{BadValue, Values};

/// Logs go to standard error and, under a launcher, to the host's file for this tier.
pub(super) fn open_log(level: LevelFilter, state: Option<&StateDir>) -> Result<(), Fatal> {
    let mut trouble = None;
    let file = state.and_then(|state| {
        let opened = point("agent-log.open")
            .and_then(|()| fs::create_dir_all(state.logs()))
            .and_then(|()| LogFile::open(state.log("agent"), shared_logfile::MOST_BYTES));
        opened.map_err(|error| trouble = Some(error)).ok()
    });
    shared_telemetry::init(level, file)?;
    if let Some(error) = trouble {
        tracing::warn!("failed to open the log file, logging to standard error only: {error}");
    }
    Ok(())
}

pub(super) fn level(values: &Values<'_>) -> Result<LevelFilter, BadValue> {
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

//! What becomes of the logs of jobs.

use std::path::PathBuf;

use agent_log_stream::Marks;
use agent_log_stream::stdout::Format;

use super::{BadValue, Place, Values};

/// Where job logs go beside the endpoint, and how they carry the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogsConfig {
    /// How the time is carried.
    pub marks: Marks,
    /// `--timestamp-lines` is set, and does nothing because the time marks are not left out.
    pub idle_lines: bool,
    /// Folder for a copy in a file that lives as long as the job.
    pub copy_folder: Option<PathBuf>,
    /// Copy on the agent's standard output.
    pub stdout: Option<Format>,
}

pub(super) fn logs(values: &Values<'_>, place: &Place) -> Result<LogsConfig, BadValue> {
    let format = match values.text("log-format").as_str() {
        "json" => Format::Json,
        _ => Format::Raw,
    };
    let lines = values.switch("timestamp-lines")?;
    let marks = match (values.switch("no-ansi-timestamps")?, lines) {
        (false, _) => Marks::Ansi,
        (true, true) => Marks::Lines,
        (true, false) => Marks::None,
    };
    let copy_folder = values.switch("enable-job-log-tmpfile")?.then(|| {
        let folder = values.path("job-log-path");
        folder.unwrap_or_else(|| place.temporary.clone())
    });
    let stdout = values.switch("write-job-logs-to-stdout")?.then_some(format);
    Ok(LogsConfig {
        marks,
        idle_lines: lines && marks == Marks::Ansi,
        copy_folder,
        stdout,
    })
}

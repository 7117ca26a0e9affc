//! One message is one line of JSON with the version of the message set in `v`.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Version of the message set; raised when something is added that the other side should know of.
pub const VERSION: u32 = 1;

/// Longest request that is read, in bytes, newline included.
pub const MAX_REQUEST: usize = 8 * 1024;

/// Longest reply that is read, in bytes, newline included. A status of a crowded host has 20 KB.
pub const MAX_REPLY: usize = 1024 * 1024;

/// The line is no message of this set.
#[derive(Debug, thiserror::Error)]
#[error("it is not a message: {0}")]
pub struct BadLine(#[from] serde_json::Error);

#[derive(Serialize, Deserialize)]
struct Line<T> {
    #[serde(default)]
    v: u32,
    #[serde(flatten)]
    message: T,
}

/// The line of a message, newline included.
pub fn encode<T: Serialize>(message: &T) -> String {
    let line = Line {
        v: VERSION,
        message,
    };
    let mut text = serde_json::to_string(&line).expect("plain data always serialises");
    text.push('\n');
    text
}

/// The message of a line. A variant that this version does not know is no error, but the
/// message's own `Unknown`.
pub fn decode<T: DeserializeOwned>(line: &str) -> Result<T, BadLine> {
    let line: Line<T> = serde_json::from_str(line.trim_end())?;
    Ok(line.message)
}

/// The named pipe that stands for a control socket at this path on Windows, where a socket in the
/// file system is not at hand for every program. Two paths of one file need not have one name.
pub fn pipe_name(socket: &std::path::Path) -> String {
    // At most 256 characters, of which a backslash is none; the end of a path tells hosts apart.
    let text: Vec<char> = socket
        .to_string_lossy()
        .to_lowercase()
        .chars()
        .map(|c| {
            if matches!(c, '\\' | '/' | ':') {
                '-'
            } else {
                c
            }
        })
        .collect();
    let end = &text[text.len().saturating_sub(200)..];
    format!(r"\\.\pipe\trireme{}", end.iter().collect::<String>())
}

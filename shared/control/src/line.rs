//! One message is one line of JSON with the version of the message set in `v`.

use std::path::Path;

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

/// The named pipe that stands for a control socket at this path on Windows, be it that of the
/// launcher or of an agent: a socket in the file system is not at hand there for every program. One
/// name for a path, however it is written; two paths of one file by a link have two.
pub fn pipe_name(socket: &Path) -> String {
    let whole = std::path::absolute(socket);
    // At most 256 characters, of which a backslash is none; the end of a path tells hosts apart.
    let text: Vec<char> = whole
        .as_deref()
        .unwrap_or(socket)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_has_one_name_however_its_path_is_written() {
        let here = std::env::current_dir().unwrap();
        let name = pipe_name(&here.join("run").join("launcher.sock"));
        assert_eq!(pipe_name(Path::new("run/launcher.sock")), name);
        assert_eq!(pipe_name(Path::new("./RUN/launcher.sock")), name);
        let (pipes, rest) = name.split_at(r"\\.\pipe\".len());
        assert_eq!(pipes, r"\\.\pipe\");
        assert!(!rest.contains(['\\', '/', ':']), "{rest}");
    }

    #[test]
    fn a_pipe_of_a_deep_folder_keeps_the_end_of_its_path() {
        let deep = Path::new("/").join("d".repeat(300)).join("agent-7.sock");
        let name = pipe_name(&deep);
        assert!(
            name.len() <= 256 && name.ends_with("-agent-7.sock"),
            "{name}"
        );
    }
}

//! `events.jsonl`: one line per transition of an upgrade, oldest first.
//!
//! The file is bounded: old lines make room for new ones. A line that is torn is skipped.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::status::{Phase, Version};

/// Longest file, in bytes. A line has 250, so more than a thousand transitions are kept.
pub const MAX_BYTES: usize = 256 * 1024;

/// A component went from one phase to another.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Event {
    /// When, by the clock on the wall, which may have been wrong.
    pub at: Option<Timestamp>,
    /// The component's name.
    pub component: String,
    /// The phase that ended.
    pub from: Phase,
    /// The phase that began.
    pub to: Phase,
    /// How long the ended phase lasted in milliseconds, by a clock that does not jump. It begins
    /// anew with each launcher.
    pub ms: u64,
    /// The version it was about.
    #[serde(flatten)]
    pub version: Version,
    /// How it ended, where that is more than that it went on: `committed`, `rejected`, `stalled`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub outcome: String,
    /// For people; empty if there is nothing to add.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Event {
    /// The line, newline included.
    pub fn encode(&self) -> String {
        let mut text = serde_json::to_string(self).expect("plain data always serialises");
        text.push('\n');
        text
    }

    /// The events of a file; what is no event is left out.
    pub fn decode_all(text: &str) -> impl Iterator<Item = Self> {
        let lines = text.lines().filter(|line| !line.is_empty());
        lines.filter_map(|line| serde_json::from_str(line).ok())
    }
}

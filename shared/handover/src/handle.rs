//! The adoption handle: a small file by which a new launcher finds an agent that is already running.
//!
//! A process id alone could be reused; the start time makes it one process for good.

use crate::message::{decode_fields, encode_field};

/// What `run/agent-<pid>` holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handle {
    /// Process id of the agent.
    pub pid: u32,
    /// When it started, in the operating system's own unit since boot; compared, never computed with.
    pub start: u64,
    /// sha256 of the agent's file in hex; empty when it was not started from the store.
    pub digest: String,
}

impl Handle {
    /// The file's text: one line of `key=value`.
    pub fn encode(&self) -> String {
        format!(
            "pid={} start={} digest={}\n",
            self.pid,
            self.start,
            encode_field(&self.digest)
        )
    }

    /// Reads the file's text; `None` if a needed field is missing or no number.
    pub fn decode(text: &str) -> Option<Self> {
        let fields = decode_fields(text.trim_end());
        let field = |key: &str| {
            fields
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value)
        };
        Some(Self {
            pid: field("pid")?.parse().ok()?,
            start: field("start")?.parse().ok()?,
            digest: field("digest").cloned().unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_survives_its_own_text_and_later_fields() {
        let handle = Handle {
            pid: 7,
            start: 99,
            digest: "ab".into(),
        };
        assert_eq!(Handle::decode(&handle.encode()), Some(handle.clone()));
        assert_eq!(
            Handle::decode("pid=7 start=99 digest=ab mood=good\n"),
            Some(handle)
        );
        assert_eq!(Handle::decode("pid=x start=99"), None);
        assert_eq!(Handle::decode(""), None);
    }
}

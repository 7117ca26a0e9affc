//! Identifiers. Each noun has its own type, so that a job id cannot be passed as an agent id.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as the endpoint gave it. Endpoints send UUIDs, but the agent never
            /// depends on that.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The id as it stands on the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The id as one segment of a URL path: percent-encoded, and `.` too, so that an id
            /// of `..` cannot climb out of its route.
            pub fn path_segment(&self) -> String {
                path_segment(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// One registered worker, given by the endpoint at registration.
    AgentId
);
id!(
    /// One machine that enrolled; made by itself.
    HostId
);
id!(
    /// One job.
    JobId
);
id!(
    /// One build of a pipeline.
    BuildId
);

/// Percent-encodes `text` as one segment of a URL path; everything but unreserved characters is
/// encoded, and so is `.`.
pub fn path_segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => out.push(byte as char),
            _ => {
                out.push('%');
                for nibble in [byte >> 4, byte & 15] {
                    out.push(char::from(b"0123456789ABCDEF"[usize::from(nibble)]));
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_stays_as_it_is() {
        let id = JobId::new("0190c0de-1111-4aaa-8bbb-00000000a001");
        assert_eq!(id.path_segment(), "0190c0de-1111-4aaa-8bbb-00000000a001");
    }

    #[test]
    fn a_hostile_id_cannot_leave_its_path_segment() {
        assert_eq!(
            JobId::new("../a?b#c d").path_segment(),
            "%2E%2E%2Fa%3Fb%23c%20d"
        );
    }
}

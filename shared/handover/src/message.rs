//! Messages between launcher and agent, over the agent's control socket.
//!
//! One message is one line: a word, then `key=value` fields, each value percent-encoded. Lines are
//! at most [`MAX_LINE`] bytes. The agent listens, the launcher connects; each side opens with
//! `hello`. A word or field that a side does not know is skipped, so versions may differ.

use std::fmt::Write as _;

/// Longest line either side accepts, newline included.
pub const MAX_LINE: usize = 4096;

/// Version of this message set; raised when a word is added.
pub const PROTOCOL: u32 = 1;

/// From the launcher to the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToAgent {
    /// First message of a connection.
    Hello {
        /// See [`PROTOCOL`].
        protocol: u32,
        /// Process id of the launcher.
        pid: u32,
    },
    /// Answer with [`ToLauncher::Pong`] and a status.
    Ping {
        /// Comes back in the answer.
        seq: u64,
    },
    /// Run this many workers, from now on. Ends standby, and takes back a drain.
    Accept {
        /// Number of workers; 0 is standby.
        slots: u32,
    },
    /// Take no more jobs; end when the running ones are done.
    Drain,
    /// As the first SIGTERM: finish running jobs, then end.
    Stop,
    /// As the second SIGTERM: cancel running jobs, then end.
    Cancel,
    /// A word this version does not know.
    Unknown(String),
}

/// From the agent to the launcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToLauncher {
    /// First message of a connection.
    Hello {
        /// See [`PROTOCOL`].
        protocol: u32,
        /// Process id of the agent.
        pid: u32,
        /// Version stamp of the agent.
        version: String,
        /// sha256 of the agent's file, as the launcher that started it said.
        digest: String,
        /// Number of workers the agent is configured for.
        spawn: u32,
    },
    /// Answer to [`ToAgent::Ping`].
    Pong {
        /// Number of the ping.
        seq: u64,
    },
    /// Where the agent stands; sent after each change and after each pong.
    Status(Status),
    /// Outcome of the self-test that runs once after the start.
    SelfTest {
        /// Whether it passed.
        ok: bool,
        /// What failed, or empty.
        detail: String,
    },
    /// The endpoint says that a newer release is due.
    UpgradeNeeded {
        /// Serial of that release.
        serial: u64,
    },
    /// A word this version does not know.
    Unknown(String),
}

/// What an agent reports of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// What it is doing.
    pub phase: Phase,
    /// Workers that are connected and could take a job now.
    pub ready: u32,
    /// Workers that run a job.
    pub busy: u32,
    /// Jobs finished since the start.
    pub jobs_done: u64,
    /// Whether the endpoint accepted an authenticated request of this process lately.
    pub server: Server,
}

/// Phases of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// Started, takes no jobs yet.
    #[default]
    Standby,
    /// Takes jobs.
    Serving,
    /// Takes no more jobs; ends when the running ones are done.
    Draining,
}

/// The agent's standing with its endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Server {
    /// Nothing known yet.
    #[default]
    Unknown,
    /// The last authenticated request was accepted.
    Accepted,
    /// The last one failed: no evidence against the agent, only a fact.
    Failing,
}

macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        impl $type {
            /// The word on the wire.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

words!(Phase { Standby = "standby", Serving = "serving", Draining = "draining" });
words!(Server { Unknown = "unknown", Accepted = "accepted", Failing = "failing" });

impl ToAgent {
    /// The line, newline included.
    pub fn encode(&self) -> String {
        match self {
            Self::Hello { protocol, pid } => format!("hello protocol={protocol} pid={pid}\n"),
            Self::Ping { seq } => format!("ping seq={seq}\n"),
            Self::Accept { slots } => format!("accept slots={slots}\n"),
            Self::Drain => "drain\n".into(),
            Self::Stop => "stop\n".into(),
            Self::Cancel => "cancel\n".into(),
            Self::Unknown(word) => format!("{}\n", encode_field(word)),
        }
    }

    /// Reads a line. A known word with a missing or senseless field counts as unknown.
    pub fn decode(line: &str) -> Self {
        let (word, fields) = Fields::split(line);
        let message = match word {
            "hello" => fields
                .num("protocol")
                .zip(fields.num("pid"))
                .map(|(protocol, pid)| Self::Hello { protocol, pid }),
            "ping" => fields.num("seq").map(|seq| Self::Ping { seq }),
            "accept" => fields.num("slots").map(|slots| Self::Accept { slots }),
            "drain" => Some(Self::Drain),
            "stop" => Some(Self::Stop),
            "cancel" => Some(Self::Cancel),
            _ => None,
        };
        message.unwrap_or_else(|| Self::Unknown(word.to_owned()))
    }
}

impl ToLauncher {
    /// The line, newline included.
    pub fn encode(&self) -> String {
        match self {
            Self::Hello {
                protocol,
                pid,
                version,
                digest,
                spawn,
            } => format!(
                "hello protocol={protocol} pid={pid} version={} digest={} spawn={spawn}\n",
                encode_field(version),
                encode_field(digest)
            ),
            Self::Pong { seq } => format!("pong seq={seq}\n"),
            Self::Status(status) => format!(
                "status phase={} ready={} busy={} jobs-done={} server={}\n",
                status.phase.word(),
                status.ready,
                status.busy,
                status.jobs_done,
                status.server.word()
            ),
            Self::SelfTest { ok, detail } => {
                format!("self-test ok={ok} detail={}\n", encode_field(detail))
            }
            Self::UpgradeNeeded { serial } => format!("upgrade-needed serial={serial}\n"),
            Self::Unknown(word) => format!("{}\n", encode_field(word)),
        }
    }

    /// Reads a line. A known word with a missing or senseless field counts as unknown.
    pub fn decode(line: &str) -> Self {
        let (word, fields) = Fields::split(line);
        let message = match word {
            "hello" => fields.hello(),
            "pong" => fields.num("seq").map(|seq| Self::Pong { seq }),
            "status" => fields.status().map(Self::Status),
            "self-test" => fields.num("ok").map(|ok| Self::SelfTest {
                ok,
                detail: fields.text("detail").unwrap_or_default().to_owned(),
            }),
            "upgrade-needed" => fields
                .num("serial")
                .map(|serial| Self::UpgradeNeeded { serial }),
            _ => None,
        };
        message.unwrap_or_else(|| Self::Unknown(word.to_owned()))
    }
}

/// The fields of one line.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn split(line: &str) -> (&str, Self) {
        let line = line.trim_end_matches(['\n', '\r']);
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        (word, Self(decode_fields(rest)))
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    fn num<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        self.text(key)?.parse().ok()
    }

    fn hello(&self) -> Option<ToLauncher> {
        Some(ToLauncher::Hello {
            protocol: self.num("protocol")?,
            pid: self.num("pid")?,
            version: self.text("version")?.to_owned(),
            digest: self.text("digest").unwrap_or_default().to_owned(),
            spawn: self.num("spawn")?,
        })
    }

    fn status(&self) -> Option<Status> {
        Some(Status {
            phase: Phase::from_word(self.text("phase")?)?,
            ready: self.num("ready")?,
            busy: self.num("busy")?,
            jobs_done: self.num("jobs-done")?,
            server: self
                .text("server")
                .and_then(Server::from_word)
                .unwrap_or_default(),
        })
    }
}

/// Percent-encodes what would break a line apart: control characters, space, `=` and `%`.
pub fn encode_field(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        if c.is_ascii_control() || matches!(c, ' ' | '=' | '%') {
            let _ = write!(out, "%{:02X}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// Splits `key=value key=value`; what is not of that form is left out.
pub fn decode_fields(text: &str) -> Vec<(String, String)> {
    text.split(' ')
        .filter_map(|field| field.split_once('='))
        .map(|(key, value)| (key.to_owned(), decode_value(value)))
        .collect()
}

fn decode_value(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = tail
            .get(..2)
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, code) {
            (b'%', Some(code)) => {
                bytes.push(code);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn every_word_to_the_agent() -> Vec<(ToAgent, &'static str)> {
        vec![
            (
                ToAgent::Hello {
                    protocol: 1,
                    pid: 42,
                },
                "hello protocol=1 pid=42\n",
            ),
            (ToAgent::Ping { seq: 7 }, "ping seq=7\n"),
            (ToAgent::Accept { slots: 4 }, "accept slots=4\n"),
            (ToAgent::Drain, "drain\n"),
            (ToAgent::Stop, "stop\n"),
            (ToAgent::Cancel, "cancel\n"),
        ]
    }

    fn every_word_to_the_launcher() -> Vec<(ToLauncher, &'static str)> {
        vec![
            (
                ToLauncher::Hello {
                    protocol: 1,
                    pid: 9,
                    version: "0.1.0 b".into(),
                    digest: "ff".into(),
                    spawn: 2,
                },
                "hello protocol=1 pid=9 version=0.1.0%20b digest=ff spawn=2\n",
            ),
            (ToLauncher::Pong { seq: 7 }, "pong seq=7\n"),
            (
                ToLauncher::Status(Status {
                    phase: Phase::Draining,
                    ready: 0,
                    busy: 1,
                    jobs_done: 3,
                    server: Server::Accepted,
                }),
                "status phase=draining ready=0 busy=1 jobs-done=3 server=accepted\n",
            ),
            (
                ToLauncher::SelfTest {
                    ok: false,
                    detail: "no space=left".into(),
                },
                "self-test ok=false detail=no%20space%3Dleft\n",
            ),
            (
                ToLauncher::UpgradeNeeded { serial: 12 },
                "upgrade-needed serial=12\n",
            ),
        ]
    }

    #[test]
    fn released_lines_keep_their_spelling_in_both_directions() {
        for (message, line) in every_word_to_the_agent() {
            assert_eq!(message.encode(), line);
            assert_eq!(ToAgent::decode(line), message);
        }
        for (message, line) in every_word_to_the_launcher() {
            assert_eq!(message.encode(), line);
            assert_eq!(ToLauncher::decode(line), message);
        }
    }

    #[test]
    fn later_words_and_fields_are_survived() {
        assert_eq!(
            ToAgent::decode("sing song=1\n"),
            ToAgent::Unknown("sing".into())
        );
        assert_eq!(
            ToAgent::decode("ping seq=1 mood=good\n"),
            ToAgent::Ping { seq: 1 }
        );
        assert_eq!(
            ToAgent::decode("ping seq=many\n"),
            ToAgent::Unknown("ping".into())
        );
        assert_eq!(
            ToLauncher::decode("status phase=dancing ready=0 busy=0 jobs-done=0"),
            ToLauncher::Unknown("status".into())
        );
        assert_eq!(ToAgent::decode(""), ToAgent::Unknown(String::new()));
    }

    proptest! {
        #[test]
        fn any_text_survives_a_field(text in any::<String>()) {
            let line = format!("a={} b=1", encode_field(&text));
            prop_assert!(!line.contains('\n'));
            prop_assert_eq!(decode_fields(&line), vec![("a".to_owned(), text), ("b".to_owned(), "1".to_owned())]);
        }

        #[test]
        fn any_line_decodes_without_a_panic(line in any::<String>()) {
            let _ = ToAgent::decode(&line);
            let _ = ToLauncher::decode(&line);
        }
    }
}

//! Further names of settings: those that the peer has given up, and those that its next major
//! version gives. Each means a flag of the table, which is what everybody else asks for.

use super::flags::{self, Flag};

/// Whose name it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// Given up; whoever uses it is told the present name.
    Old,
    /// Of the peer's version 4.
    New,
}

/// What a value given under the other name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// The flag's value.
    TheSame,
    /// It is a switch; on means this value of the flag, off means nothing.
    WhenOn(&'static str),
}

/// One further name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherName {
    /// The name: a flag, and a key of the config file.
    pub name: &'static str,
    /// Its variable.
    pub env: &'static str,
    /// The flag that is meant.
    pub means: &'static str,
    /// What its value says.
    pub says: Says,
    /// Whose name it is.
    pub age: Age,
}

const fn old(name: &'static str, env: &'static str, means: &'static str) -> OtherName {
    OtherName {
        name,
        env,
        means,
        says: Says::TheSame,
        age: Age::Old,
    }
}

const fn new(name: &'static str, env: &'static str, means: &'static str) -> OtherName {
    OtherName {
        age: Age::New,
        ..old(name, env, means)
    }
}

/// The table.
#[rustfmt::skip] // one name a line
pub const OTHER_NAMES: &[OtherName] = &[
    old("meta-data", "BUILDKITE_AGENT_META_DATA", "tags"),
    old("meta-data-ec2", "BUILDKITE_AGENT_META_DATA_EC2", "tags-from-ec2-meta-data"),
    old("meta-data-ec2-tags", "BUILDKITE_AGENT_META_DATA_EC2_TAGS", "tags-from-ec2-tags"),
    old("meta-data-gcp", "BUILDKITE_AGENT_META_DATA_GCP", "tags-from-gcp-meta-data"),
    old("tags-from-ec2", "BUILDKITE_AGENT_TAGS_FROM_EC2", "tags-from-ec2-meta-data"),
    old("tags-from-gcp", "BUILDKITE_AGENT_TAGS_FROM_GCP", "tags-from-gcp-meta-data"),
    old("no-automatic-ssh-fingerprint-verification", "BUILDKITE_NO_AUTOMATIC_SSH_FINGERPRINT_VERIFICATION", "no-ssh-keyscan"),
    old("disconnect-after-job-timeout", "BUILDKITE_AGENT_DISCONNECT_AFTER_JOB_TIMEOUT", "disconnect-after-idle-timeout"),
    OtherName { says: Says::WhenOn("opentelemetry"), ..new("opentelemetry-tracing", "BUILDKITE_OPENTELEMETRY_TRACING", "tracing-backend") },
    new("telemetry-service-name", "BUILDKITE_TELEMETRY_SERVICE_NAME", "tracing-service-name"),
];

/// The entry of that name.
pub fn find(name: &str) -> Option<&'static OtherName> {
    OTHER_NAMES.iter().find(|other| other.name == name)
}

impl OtherName {
    /// The flag that is meant.
    pub fn flag(&self) -> &'static Flag {
        flags::find(self.means).expect("other names mean flags of the table")
    }

    /// Whether it may stand alone on the command line.
    pub fn is_switch(&self) -> bool {
        self.says != Says::TheSame || self.flag().is_switch()
    }

    /// What `text` under this name says to the flag; `None` if nothing.
    pub fn translate(&self, text: String) -> Option<String> {
        match (self.says, agent_flags::switch(&text)) {
            (Says::WhenOn(word), Some(true)) => Some(word.to_owned()),
            (Says::WhenOn(_), Some(false)) => None,
            _ => Some(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_new_and_means_a_flag() {
        for other in OTHER_NAMES {
            assert!(flags::find(other.name).is_none(), "{}", other.name);
            assert_eq!(other.flag().name, other.means);
            let taken = flags::all().any(|flag| flag.variables().any(|name| name == other.env));
            assert!(!taken, "{}", other.env);
        }
    }
}

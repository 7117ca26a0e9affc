//! What is known of a stored version, beside its digest.
//!
//! Lines of `key=value` in the file `meta`. It is for people, for choosing between old versions
//! and for finding what belongs together; nothing is trusted because of it, and a missing one is an
//! empty one. A component becomes part of a path and a version part of a log line, so only plain
//! ones are read.

use std::fmt::Write as _;

use crate::Digest;

/// The component of an entry that holds the plugins of an agent.
pub(crate) const PLUGINS: &str = "plugins";

/// Longest component and version that are read, in bytes.
const COMPONENT_MOST: usize = 32;
const VERSION_MOST: usize = 128;

/// The `meta` file of a store entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Meta {
    /// "launcher", "agent" or "plugins"; also the name of the file. Empty if it is not known.
    pub component: String,
    /// The version as people write it.
    pub version: String,
    /// Serial of the release it came with; 0 for a factory copy.
    pub serial: u64,
    /// Size of the file in bytes.
    pub size: u64,
    /// The entry with the plugins that came with this agent. It stays as long as the agent does.
    pub plugins: Option<Digest>,
}

impl Meta {
    /// The text of the file. Control characters inside a value become spaces.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        let one_line = |value: &str| value.replace(char::is_control, " ");
        let _ = write!(
            text,
            "component={}\nversion={}\nserial={}\nsize={}\n",
            one_line(&self.component),
            one_line(&self.version),
            self.serial,
            self.size
        );
        if let Some(plugins) = self.plugins {
            let _ = writeln!(text, "plugins={plugins}");
        }
        text
    }

    /// Reads the text; what is missing or makes no sense keeps its default.
    pub fn decode(text: &str) -> Self {
        let mut meta = Self::default();
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            match key {
                "component" if is_component(value) => value.clone_into(&mut meta.component),
                "version" if is_version(value) => value.clone_into(&mut meta.version),
                "serial" => meta.serial = value.parse().unwrap_or_default(),
                "size" => meta.size = value.parse().unwrap_or_default(),
                "plugins" => meta.plugins = value.parse().ok(),
                _ => {}
            }
        }
        meta
    }
}

/// A plain file name, on every operating system.
fn is_component(text: &str) -> bool {
    (1..=COMPONENT_MOST).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

fn is_version(text: &str) -> bool {
    text.len() <= VERSION_MOST && !text.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meta_survives_its_own_text_and_later_keys() {
        let meta = Meta {
            component: "agent".into(),
            version: "1.2\n3=4".into(),
            serial: 7,
            size: 9,
            plugins: Some(Digest::of(b"zip")),
        };
        let read = Meta::decode(&format!("{}mood=good\nserial\n", meta.encode()));
        assert_eq!(read.version, "1.2 3=4");
        assert_eq!(
            read,
            Meta {
                version: read.version.clone(),
                ..meta
            }
        );
        assert_eq!(Meta::decode("\u{fffd}"), Meta::default());
    }

    #[test]
    fn a_hostile_description_is_an_empty_one() {
        for component in [
            "",
            "..",
            "../agent",
            "/etc/passwd",
            "a\\b",
            "C:x",
            "Agent",
            "nul\0",
            &"a".repeat(33),
        ] {
            let read = Meta::decode(&format!("component={component}\n"));
            assert_eq!(read, Meta::default(), "{component}");
        }
        let long = "9".repeat(200);
        for line in [
            "version=\x1b[2J",
            &format!("version={long}"),
            &format!("serial={long}"),
            "serial=-1",
            "size=1e9",
            "plugins=../../x",
        ] {
            assert_eq!(Meta::decode(line), Meta::default(), "{line:?}");
        }
    }
}

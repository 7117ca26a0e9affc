//! What is known of a stored version, beside its digest.
//!
//! Lines of `key=value` in the file `meta`. It is for people and for choosing between old
//! versions; nothing is trusted because of it, and a missing one is an empty one.

use std::fmt::Write as _;

/// The `meta` file of a store entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Meta {
    /// "launcher" or "agent"; also the name of the file.
    pub component: String,
    /// The version as people write it.
    pub version: String,
    /// Serial of the release it came with; 0 for a factory copy.
    pub serial: u64,
    /// Size of the file in bytes.
    pub size: u64,
}

impl Meta {
    /// The text of the file. Line breaks inside a value become spaces.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        let one_line = |value: &str| value.replace(['\n', '\r'], " ");
        let _ = write!(
            text,
            "component={}\nversion={}\nserial={}\nsize={}\n",
            one_line(&self.component),
            one_line(&self.version),
            self.serial,
            self.size
        );
        text
    }

    /// Reads the text; what is missing or no number keeps its default.
    pub fn decode(text: &str) -> Self {
        let mut meta = Self::default();
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            match key {
                "component" => value.clone_into(&mut meta.component),
                "version" => value.clone_into(&mut meta.version),
                "serial" => meta.serial = value.parse().unwrap_or_default(),
                "size" => meta.size = value.parse().unwrap_or_default(),
                _ => {}
            }
        }
        meta
    }
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
}

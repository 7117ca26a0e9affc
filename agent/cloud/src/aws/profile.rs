//! Profiles of the shared files of AWS: `~/.aws/credentials` and `~/.aws/config`. Reading is pure.
//!
//! Source: "Shared config and credentials files" of the AWS SDKs and Tools reference guide.

use std::collections::BTreeMap;

use crate::CloudError;
use crate::surroundings::{Surroundings, read};

/// The settings of one profile, from both files.
#[derive(Debug, Default)]
pub(super) struct Profile {
    pub(super) name: String,
    settings: BTreeMap<String, String>,
}

impl Profile {
    /// Reads the profile that the environment names. A profile that is nowhere is empty.
    pub(super) fn read(around: &Surroundings) -> Result<Self, CloudError> {
        let name = around.variable("AWS_PROFILE").unwrap_or("default");
        let mut settings = BTreeMap::new();
        for (variable, file, prefix) in [
            ("AWS_CONFIG_FILE", ".aws/config", "profile "),
            ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials", ""),
        ] {
            let file = around.file(variable, file);
            if let Some(text) = file.map(|file| read(&file)).transpose()?.flatten() {
                settings.extend(section(&text, prefix, name));
            }
        }
        let name = name.to_owned();
        Ok(Self { name, settings })
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let value = self.settings.get(key)?;
        (!value.is_empty()).then_some(value)
    }
}

/// The settings of a section. The default one needs no prefix.
fn section(text: &str, prefix: &str, name: &str) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    let mut inside = false;
    for line in text.lines() {
        // What is indented belongs to the line before, and to nothing that is read here.
        if line.starts_with([' ', '\t', '#', ';']) {
            continue;
        }
        if let Some(title) = line.trim().strip_prefix('[') {
            let title = title.split(']').next().unwrap_or_default().trim();
            let own = title.strip_prefix(prefix).map(str::trim) == Some(name);
            inside = own || (name == "default" && title == name);
        } else if let Some((key, value)) = line.split_once('=').filter(|_| inside) {
            let value = value.split(" #").next().unwrap_or_default();
            settings.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_its_section_and_no_other() {
        let text = "[default]\nregion = a\n# region = x\ns3 =\n  region = y\n\n\
                    [profile ci] # ours\nRegion=b # there\nkey= v=w\n[other]\nregion = c\n";
        let region = |prefix, name| section(text, prefix, name).get("region").cloned();
        assert_eq!(region("profile ", "default").as_deref(), Some("a"));
        assert_eq!(region("profile ", "ci").as_deref(), Some("b"));
        assert_eq!(region("", "other").as_deref(), Some("c"));
        assert_eq!(region("profile ", "other"), None);
        assert_eq!(section(text, "profile ", "ci")["key"], "v=w");
        assert_eq!(region("", "default").as_deref(), Some("a"));
    }
}

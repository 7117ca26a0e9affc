//! The file that lets a host in without a person: `autoregister.properties` as GoCD's agents have
//! it. Pure.
//!
//! Its key opens the door for any host, so the file is scrubbed once it was of use: the lines stay,
//! as comments without their values.

use shared_protocol::Secret;

const KEY: &str = "agent.auto.register.key";
const RESOURCES: &str = "agent.auto.register.resources";
const ENVIRONMENTS: &str = "agent.auto.register.environments";
const HOSTNAME: &str = "agent.auto.register.hostname";

/// What stands before a scrubbed line.
const NOTE: &str = "# was used to let this host in and is of no more use here:";

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Properties {
    /// A registration token.
    pub key: Option<Secret>,
    /// What the host has.
    pub resources: Vec<String>,
    /// What it is for.
    pub environments: Vec<String>,
    /// Its name, instead of its own.
    pub hostname: Option<String>,
}

/// Reads the text of a file. Keys that are not ours are left alone.
pub fn parse(text: &str) -> Properties {
    let mut properties = Properties::default();
    for (key, value) in text.lines().filter_map(setting) {
        let filled = (!value.is_empty()).then(|| value.to_owned());
        match key {
            KEY => properties.key = filled.map(Secret::new),
            RESOURCES => properties.resources = words(value),
            ENVIRONMENTS => properties.environments = words(value),
            HOSTNAME => properties.hostname = filled,
            _ => {}
        }
    }
    properties
}

/// The text without what was used.
pub fn scrubbed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match setting(line) {
            Some((key, _)) if [KEY, RESOURCES, ENVIRONMENTS, HOSTNAME].contains(&key) => {
                let end = &line[line.trim_end_matches(['\r', '\n']).len()..];
                out.extend([NOTE, " ", key, end]);
            }
            _ => out.push_str(line),
        }
    }
    out
}

/// Key and value of a line; `None` for comments and blank lines.
fn setting(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with(['#', '!']) {
        return None;
    }
    let (key, value) = line.split_once(['=', ':']).unwrap_or((line, ""));
    Some((key.trim(), value.trim()))
}

fn words(value: &str) -> Vec<String> {
    let words = value.split(',').map(str::trim);
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "# ours\nagent.auto.register.key = k1\n\
        agent.auto.register.resources=docker, gpu,,\r\nagent.auto.register.environments:prod\n\
        agent.auto.register.hostname=\nother=1\n";

    #[test]
    fn every_property_is_read() {
        let properties = parse(TEXT);
        assert_eq!(properties.key, Some(Secret::new("k1")));
        assert_eq!(properties.resources, ["docker", "gpu"]);
        assert_eq!(properties.environments, ["prod"]);
        assert_eq!(properties.hostname, None);
        assert_eq!(parse("# agent.auto.register.key=k"), Properties::default());
    }

    #[test]
    fn a_scrubbed_file_keeps_its_other_lines_and_no_value_that_was_used() {
        let text = scrubbed(TEXT);
        assert_eq!(parse(&text), Properties::default());
        assert!(!text.contains("k1") && !text.contains("docker"), "{text}");
        assert!(
            text.starts_with("# ours\n") && text.ends_with("other=1\n"),
            "{text}"
        );
        assert_eq!(text.lines().count(), TEXT.lines().count());
    }

    proptest! {
        #[test]
        fn no_text_keeps_a_key_after_it_was_scrubbed(text in "[ -~\n\r=:#]{0,80}(agent.auto.register.key[=: ]{0,3}[a-z]{0,5}\r?\n?)?") {
            let once = scrubbed(&text);
            prop_assert_eq!(parse(&once).key, None);
            prop_assert_eq!(scrubbed(&once), once);
        }
    }
}

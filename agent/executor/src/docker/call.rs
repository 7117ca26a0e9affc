//! The words of calls to `docker-compose`. Pure.

const DEFAULT_FILE: &str = "docker-compose.yml";

/// What every call for one project begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Compose {
    /// Files, with blanks or colons between them; empty for the usual one.
    pub(super) files: String,
    pub(super) project: String,
    pub(super) verbose: bool,
}

impl Compose {
    /// The arguments of a call.
    pub(super) fn args<'a>(&'a self, words: &[&'a str]) -> Vec<&'a str> {
        let files = match self.files.as_str() {
            "" => DEFAULT_FILE,
            files => files,
        };
        let files = files
            .split_whitespace()
            .flat_map(|several| several.split(':'));
        let mut args: Vec<&str> = files.flat_map(|file| ["-f", file]).collect();
        args.extend(["-p", &self.project]);
        if self.verbose {
            args.push("--verbose");
        }
        args.extend(words);
        args
    }
}

/// The project of a job. Compose itself drops dashes from names, so they are left out at once.
pub(super) fn project(job: &str) -> String {
    format!("buildkite{job}").replace('-', "")
}

/// Whether one of these variables says yes. They know more words than flags do.
pub(super) fn switch(value: Option<&str>) -> bool {
    let value = value.unwrap_or_default().to_ascii_lowercase();
    matches!(value.as_str(), "on" | "1" | "enabled" | "true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_one_by_one() {
        for (files, wanted) in [
            ("", &["-f", "docker-compose.yml"][..]),
            ("a.yml", &["-f", "a.yml"]),
            ("a.yml:b.yml", &["-f", "a.yml", "-f", "b.yml"]),
            (" a.yml  b:c ", &["-f", "a.yml", "-f", "b", "-f", "c"]),
        ] {
            let compose = Compose {
                files: files.into(),
                project: "p".into(),
                verbose: false,
            };
            let mut wanted = wanted.to_vec();
            wanted.extend(["-p", "p", "down"]);
            assert_eq!(compose.args(&["down"]), wanted, "{files:?}");
        }
    }

    #[test]
    fn debugging_makes_compose_talk() {
        let compose = Compose {
            files: "f".into(),
            project: project("1-2-x"),
            verbose: true,
        };
        let wanted = ["-f", "f", "-p", "buildkite12x", "--verbose", "kill"];
        assert_eq!(compose.args(&["kill"]), wanted);
    }

    #[test]
    fn a_switch_is_off_unless_it_clearly_says_yes() {
        for (value, wanted) in [
            (None, false),
            (Some(""), false),
            (Some("on"), true),
            (Some("TRUE"), true),
            (Some("Enabled"), true),
            (Some("1"), true),
            (Some("yes"), false),
            (Some("0"), false),
        ] {
            assert_eq!(switch(value), wanted, "{value:?}");
        }
    }
}

//! Single settings read as what they mean: switches, numbers, paths, lists. Pure; each error names
//! the place to correct.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::flags::{Flag, Kind};
use super::origin::Origin;
use super::raw::{Raw, Sourced};

/// A setting that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {text:?} {problem}")]
pub struct BadValue {
    /// Where it was read.
    pub origin: Origin,
    /// What was read. Never a secret: any text may be one, so none is wrong.
    pub text: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

/// What the values of settings may refer to.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The environment, where it is Unicode.
    pub variables: BTreeMap<String, String>,
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// The folder the process was started in.
    pub cwd: PathBuf,
}

/// Reads settings one by one.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a> {
    raw: &'a Raw,
    around: &'a Surroundings,
}

impl<'a> Values<'a> {
    /// Reads `raw`, whose values may refer to `around`.
    pub fn new(raw: &'a Raw, around: &'a Surroundings) -> Self {
        Self { raw, around }
    }

    /// Whether somebody set it, as opposed to its default.
    pub fn is_set(&self, name: &str) -> bool {
        !matches!(self.raw.get(name).origin, Origin::Default(_))
    }

    /// Any text.
    pub fn text(&self, name: &str) -> String {
        self.raw.get(name).text
    }

    /// On or off, in any spelling of Go's `ParseBool`. An empty default is off.
    pub fn switch(&self, name: &str) -> Result<bool, BadValue> {
        let value = self.raw.get(name);
        parse_switch(&value.text).ok_or_else(|| bad(value, "is neither true nor false"))
    }

    /// A whole number that is not negative.
    pub fn number(&self, name: &str) -> Result<u64, BadValue> {
        let value = self.raw.get(name);
        value
            .text
            .trim()
            .parse()
            .map_err(|_| bad(value, "is not a whole number from 0 on"))
    }

    /// A whole number.
    pub fn signed(&self, name: &str) -> Result<i64, BadValue> {
        let value = self.raw.get(name);
        let parsed = value.text.trim().parse();
        parsed.map_err(|_| bad(value, "is not a whole number"))
    }

    /// A time in Go's spelling, such as `1m30s`.
    pub fn duration(&self, name: &str) -> Result<Duration, BadValue> {
        let value = self.raw.get(name);
        let parsed = agent_flags::duration(value.text.trim());
        parsed.ok_or_else(|| bad(value, "is not a time such as 10s or 1m30s"))
    }

    /// Whether a flag's value is of its kind. An empty one of words or a time is none.
    pub fn check(&self, flag: &Flag) -> Result<(), BadValue> {
        let name = flag.name;
        let words = |words: &[&'static str]| {
            let words: Vec<_> = words.iter().map(|word| (*word, ())).collect();
            self.one_of(name, &words)
        };
        match flag.kind {
            Kind::Switch => self.switch(name).map(drop),
            Kind::SwitchOr(all) if self.switch(name).is_err() => words(all),
            Kind::Choice(all) if !self.text(name).is_empty() => words(all),
            Kind::Number => self.number(name).map(drop),
            Kind::Integer => self.signed(name).map(drop),
            Kind::Duration if !self.text(name).is_empty() => self.duration(name).map(drop),
            Kind::SwitchOr(_)
            | Kind::Choice(_)
            | Kind::Duration
            | Kind::Text
            | Kind::Arguments
            | Kind::Secret
            | Kind::Path
            | Kind::List => Ok(()),
        }
    }

    /// What stands between commas, trimmed, empty entries left out.
    pub fn list(&self, name: &str) -> Vec<String> {
        let text = self.raw.get(name).text;
        let entries = text.split(',').map(str::trim);
        entries
            .filter(|entry| !entry.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// An absolute path; `None` for an empty one.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        let text = self.raw.get(name).text;
        (!text.is_empty()).then(|| self.around.absolute(&text))
    }

    /// One word out of a closed list.
    pub fn one_of<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<T, BadValue> {
        let value = self.raw.get(name);
        let found = words.iter().find(|(word, _)| *word == value.text);
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            bad(value, &format!("is none of: {}", known.join(", ")))
        })
    }

    /// The error for a setting that was read some other way.
    pub fn complain(&self, name: &str, problem: &str) -> BadValue {
        bad(self.raw.get(name), problem)
    }
}

impl Surroundings {
    /// `text` with its variables replaced.
    pub fn expanded(&self, text: &str) -> String {
        expand(text, &self.variables)
    }

    /// `text` with `~` and variables expanded, made absolute.
    pub fn absolute(&self, text: &str) -> PathBuf {
        let text = self.expanded(text);
        let path = match (text.strip_prefix('~'), &self.home) {
            (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
                home.join(rest.trim_start_matches('/'))
            }
            _ => PathBuf::from(text),
        };
        // Leaves `..` as it is: a symbolic link before it would make any shortening wrong.
        self.cwd.join(Path::new(&path)).components().collect()
    }
}

/// `$NAME` and `${NAME}` replaced by their values, unknown ones by nothing.
fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let (name, tail) = match after.strip_prefix('{').and_then(|a| a.split_once('}')) {
            Some(braced) => braced,
            None => {
                let end = after
                    .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                    .unwrap_or(after.len());
                after.split_at(end)
            }
        };
        match name {
            "" => out.push('$'),
            name => out.push_str(variables.get(name).map_or("", String::as_str)),
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

fn parse_switch(text: &str) -> Option<bool> {
    match text.trim() {
        "" => Some(false),
        text => agent_flags::switch(text),
    }
}

fn bad(value: Sourced, problem: &str) -> BadValue {
    BadValue {
        origin: value.origin,
        text: value.text,
        problem: problem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around() -> Surroundings {
        Surroundings {
            variables: BTreeMap::from([("X".to_owned(), "ex".to_owned())]),
            home: Some("/home/u".into()),
            cwd: "/here".into(),
        }
    }

    fn raw(name: &str, value: &str) -> Raw {
        Raw::read(&[format!("--{name}={value}")], |_| None).unwrap()
    }

    #[test]
    fn paths_are_expanded_and_made_absolute() {
        for (text, path) in [
            ("/a/b/", "/a/b"),
            ("a", "/here/a"),
            ("~", "/home/u"),
            ("~/a", "/home/u/a"),
            ("~other/a", "/here/~other/a"),
            ("/a/$X/b", "/a/ex/b"),
            ("/a/${X}b$NONE", "/a/exb"),
            ("/a/$", "/a/$"),
        ] {
            assert_eq!(around().absolute(text), Path::new(path), "{text}");
        }
    }

    #[test]
    fn switches_are_read_in_every_spelling_and_no_other() {
        for (text, value) in [("1", true), ("True", true), ("f", false), ("FALSE", false)] {
            let (raw, around) = (raw("debug", text), around());
            assert_eq!(Values::new(&raw, &around).switch("debug"), Ok(value));
        }
        let (raw, around) = (raw("debug", "yes"), around());
        let error = Values::new(&raw, &around).switch("debug").unwrap_err();
        assert_eq!(
            error.to_string(),
            "flag --debug: \"yes\" is neither true nor false"
        );
    }

    #[test]
    fn a_number_that_is_none_is_named_with_its_place() {
        let (raw, around) = (raw("spawn", "many"), around());
        let error = Values::new(&raw, &around).number("spawn").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("flag --spawn: \"many\" is not")
        );
    }

    #[test]
    fn lists_leave_out_what_is_empty() {
        let (raw, around) = (raw("tags", "a=1, b=2,,"), around());
        assert_eq!(Values::new(&raw, &around).list("tags"), ["a=1", "b=2"]);
    }
}

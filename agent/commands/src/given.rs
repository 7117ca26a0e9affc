//! What the command line and the environment say to one subcommand.

use std::collections::BTreeMap;
use std::ffi::OsString;

use agent_flags::{Item, Takes};

use crate::error::CommandError;

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Switch,
    /// Separated by commas; may be given several times.
    List,
}

/// One flag.
pub(crate) struct Flag {
    pub(crate) name: &'static str,
    /// Empty: the command line is the only place for it.
    pub(crate) variable: &'static str,
    pub(crate) kind: Kind,
    /// The value when nobody sets it.
    pub(crate) default: &'static str,
    pub(crate) help: &'static str,
}

impl Flag {
    pub(crate) const fn text(
        name: &'static str,
        variable: &'static str,
        default: &'static str,
        help: &'static str,
    ) -> Self {
        Self {
            name,
            variable,
            kind: Kind::Text,
            default,
            help,
        }
    }

    /// One that is taken so that existing calls keep working, and changes nothing.
    pub(crate) const fn idle(name: &'static str, variable: &'static str, kind: Kind) -> Self {
        Self {
            name,
            variable,
            kind,
            default: "",
            help: "accepted, without effect",
        }
    }
}

/// Flags of every subcommand.
pub(crate) const COMMON: &[Flag] = &[
    Flag::idle("no-color", "BUILDKITE_AGENT_NO_COLOR", Kind::Switch),
    Flag::idle("debug", "BUILDKITE_AGENT_DEBUG", Kind::Switch),
    Flag::idle("log-level", "BUILDKITE_AGENT_LOG_LEVEL", Kind::Text),
    Flag::idle("experiment", "BUILDKITE_AGENT_EXPERIMENT", Kind::List),
    Flag::text(
        "profile",
        "BUILDKITE_AGENT_PROFILE",
        "",
        "with cpu: write a CPU profile for pprof into the temporary folder",
    ),
];

/// Flags over environment over defaults.
pub(crate) struct Given {
    values: BTreeMap<&'static str, (&'static Flag, String)>,
    /// Version of this program.
    pub(crate) stamp: &'static str,
    /// Everything on the command line that is no flag.
    pub(crate) arguments: Vec<String>,
}

impl Given {
    /// Reads both; nothing if the user only wants help. An empty variable says nothing.
    pub(crate) fn read(
        stamp: &'static str,
        flags: &'static [Flag],
        args: impl IntoIterator<Item = OsString>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Option<Self>, CommandError> {
        let mut values = BTreeMap::new();
        for flag in COMMON.iter().chain(flags) {
            let value = match variable(flag.variable).filter(|value| !value.is_empty()) {
                Some(value) => value
                    .into_string()
                    .map_err(|_| CommandError::NotUnicode(flag.variable))?,
                None => flag.default.to_owned(),
            };
            values.insert(flag.name, (flag, value));
        }
        let mut given = Self {
            values,
            stamp,
            arguments: Vec::new(),
        };
        let help = given.take(agent_flags::read(args, |name| known(flags, name))?);
        Ok((!help).then_some(given))
    }

    /// Takes what the command line says; whether it asks for help.
    fn take(&mut self, items: Vec<Item<Option<&'static Flag>>>) -> bool {
        let mut lists: Vec<&str> = Vec::new();
        for item in items {
            match item {
                Item::Flag(Some(flag), value) => {
                    let before = self.values.get(flag.name).map(|(_, value)| value);
                    let value = match before {
                        Some(before) if lists.contains(&flag.name) => format!("{before},{value}"),
                        _ => value,
                    };
                    if flag.kind == Kind::List {
                        lists.push(flag.name);
                    }
                    self.values.insert(flag.name, (flag, value));
                }
                Item::Flag(None, _) => return true,
                Item::Argument(argument) => self.arguments.push(argument),
            }
        }
        false
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.values.get(name).map_or("", |(_, value)| value)
    }

    pub(crate) fn switch(&self, name: &str) -> Result<bool, CommandError> {
        match self.text(name) {
            "" => Ok(false),
            text => agent_flags::switch(text).ok_or_else(|| self.wrong(name, "true or false")),
        }
    }

    /// What stands between commas.
    pub(crate) fn list(&self, name: &str) -> impl Iterator<Item = &str> {
        self.text(name)
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
    }

    /// The error for a flag's value that is none of what it may be.
    pub(crate) fn wrong(&self, name: &str, wanted: &'static str) -> CommandError {
        let (flag, value) = self
            .values
            .get(name)
            .expect("flags are asked for by names of the table");
        let (flag, variable) = (flag.name, flag.variable);
        CommandError::Value {
            flag,
            variable,
            value: value.clone(),
            wanted,
        }
    }
}

/// The flag of that name; none stands for help.
fn known(flags: &'static [Flag], name: &str) -> Option<(Option<&'static Flag>, Takes)> {
    if matches!(name, "help" | "h") {
        return Some((None, Takes::Switch));
    }
    let flag = COMMON.iter().chain(flags).find(|flag| flag.name == name)?;
    let takes = match flag.kind {
        Kind::Switch => Takes::Switch,
        Kind::Text | Kind::List => Takes::Value,
    };
    Some((Some(flag), takes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAGS: &[Flag] = &[
        Flag::text("format", "FORMAT", "plain", ""),
        Flag {
            name: "names",
            variable: "NAMES",
            kind: Kind::List,
            default: "A,B",
            help: "",
        },
        Flag {
            name: "quick",
            variable: "QUICK",
            kind: Kind::Switch,
            default: "",
            help: "",
        },
    ];

    fn read(args: &[&str], variables: &[(&str, &str)]) -> Given {
        let args = args.iter().map(OsString::from);
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        Given::read("0.1.0", FLAGS, args, variable)
            .expect("read")
            .expect("no help")
    }

    #[test]
    fn command_line_beats_environment_beats_default() {
        for (args, variables, wanted) in [
            (&[][..], &[][..], "plain"),
            (&[], &[("FORMAT", "")], "plain"),
            (&[], &[("FORMAT", "json")], "json"),
            (&["--format", "quiet"], &[("FORMAT", "json")], "quiet"),
            (&["--format=a", "-format=b"], &[], "b"),
        ] {
            assert_eq!(read(args, variables).text("format"), wanted);
        }
    }

    #[test]
    fn a_list_replaces_the_default_and_then_grows() {
        let list = |args: &[&str]| {
            read(args, &[])
                .list("names")
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(list(&[]), ["A", "B"]);
        assert_eq!(
            list(&["--names", "C, ,D", "x", "--names=E"]),
            ["C", "D", "E"]
        );
    }

    #[test]
    fn switches_are_checked_when_they_are_asked_for() {
        assert!(read(&["--quick"], &[]).switch("quick").expect("switch"));
        assert!(
            !read(&[], &[("QUICK", "F")])
                .switch("quick")
                .expect("switch")
        );
        let error = read(&["--quick=maybe"], &[])
            .switch("quick")
            .expect_err("refused");
        assert!(
            error.to_string().contains("--quick (QUICK) is \"maybe\""),
            "{error}"
        );
    }

    #[test]
    fn help_is_no_error_whatever_else_is_there() {
        for flag in ["--help", "-h"] {
            let args = ["KEY", flag].map(OsString::from);
            assert!(
                Given::read("0.1.0", FLAGS, args, |_| None)
                    .expect("read")
                    .is_none()
            );
        }
    }
}

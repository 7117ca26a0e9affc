//! Settings as they were written: command line over environment over config file over default.
//! Nothing is interpreted here but the syntax; each value keeps its origin.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use agent_flags::{FlagError, Item, Takes};

use super::file::{self, NotASetting};
use super::flags::{self, Flag, Kind};
use super::origin::Origin;
use super::other_names::{self, Age, OTHER_NAMES, OtherName};

/// Why the settings cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RawError {
    /// The command line cannot be read.
    #[error(transparent)]
    Flags(#[from] FlagError),
    /// Text that belongs to no flag.
    #[error(
        "unexpected argument {0:?}; values of switches need an equals sign, as in --debug=true"
    )]
    UnexpectedArgument(String),
    /// The config file cannot be read.
    #[error("config file {}: {cause}; correct --config or the file's permissions", file.display())]
    UnreadableFile {
        /// Which.
        file: PathBuf,
        /// What the operating system says.
        cause: String,
    },
    /// The config file makes no sense.
    #[error("config file {}: {fault}", file.display())]
    MalformedFile {
        /// Which.
        file: PathBuf,
        /// What is wrong with it.
        fault: NotASetting,
    },
}

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced {
    /// The text as written.
    pub text: String,
    /// Where.
    pub origin: Origin,
}

/// A setting under a name that the peer has given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renamed {
    /// The name that was used.
    pub name: &'static str,
    /// Where.
    pub origin: Origin,
    /// The present name.
    pub now: &'static str,
}

/// All settings that somebody made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Raw {
    values: BTreeMap<&'static str, Sourced>,
    /// Defaults that variables without a text take away, unless the file has something to say.
    emptied: BTreeMap<&'static str, Sourced>,
    /// Settings whose names are old.
    pub renamed: Vec<Renamed>,
    /// Keys of the config file that no flag has.
    pub unknown_keys: Vec<String>,
    /// The config file that was read.
    pub file: Option<PathBuf>,
}

/// A flag, under its own or another name.
#[derive(Debug, Clone, Copy)]
enum Name {
    Own(&'static Flag),
    Other(&'static OtherName),
}

impl Name {
    fn find(name: &str) -> Option<Self> {
        let own = flags::find(name).map(Self::Own);
        own.or_else(|| other_names::find(name).map(Self::Other))
    }

    fn text(self) -> &'static str {
        match self {
            Self::Own(flag) => flag.name,
            Self::Other(other) => other.name,
        }
    }

    fn takes(self) -> Takes {
        let switch = match self {
            Self::Own(flag) => flag.is_switch(),
            Self::Other(other) => other.is_switch(),
        };
        if switch { Takes::Switch } else { Takes::Value }
    }

    fn can_be_emptied(self) -> bool {
        matches!(self, Self::Own(flag) if flag.can_be_emptied())
    }
}

/// What one place says: the command line, the environment or the file.
type Level = Vec<(Name, Sourced)>;

impl Raw {
    /// Reads arguments and variables; `variable` answers what the environment holds.
    pub fn read(
        args: impl IntoIterator<Item = impl Into<OsString>>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, RawError> {
        let mut raw = Self::default();
        raw.take(from_arguments(args)?, true);
        raw.take(from_variables(&variable), false);
        raw.emptied = emptied_by_variables(variable);
        Ok(raw)
    }

    /// Reads a config file below what is there already.
    pub fn take_file(&mut self, path: &Path) -> Result<(), RawError> {
        let text = std::fs::read_to_string(path).map_err(|error| RawError::UnreadableFile {
            file: path.to_owned(),
            cause: error.to_string(),
        })?;
        self.take_file_text(path, &text)
    }

    fn take_file_text(&mut self, path: &Path, text: &str) -> Result<(), RawError> {
        let lines = file::parse(text).map_err(|fault| RawError::MalformedFile {
            file: path.to_owned(),
            fault,
        })?;
        let mut level = Level::new();
        for line in lines {
            let Some(name) = Name::find(&line.key) else {
                self.unknown_keys.push(line.key);
                continue;
            };
            if !line.value.is_empty() || name.can_be_emptied() {
                let origin = Origin::File(path.to_owned(), line.number);
                let text = line.value;
                level.push((name, Sourced { text, origin }));
            }
        }
        self.take(level, false);
        self.file = Some(path.to_owned());
        Ok(())
    }

    /// Takes what a place says below what is there already. In it a flag's own name beats the
    /// others; of one name the last mention counts, but lists grow if they may.
    fn take(&mut self, level: Level, lists_grow: bool) {
        let mut values: BTreeMap<&'static str, Sourced> = BTreeMap::new();
        let (own, other): (Level, Level) = level
            .into_iter()
            .partition(|(name, _)| matches!(name, Name::Own(_)));
        for level in [other, own] {
            let mut grown: BTreeMap<&'static str, Sourced> = BTreeMap::new();
            for (name, mut said) in level {
                let flag = match name {
                    Name::Own(flag) => flag,
                    Name::Other(other) => {
                        self.note_renamed(other, &said.origin);
                        let Some(text) = other.translate(said.text) else {
                            continue;
                        };
                        said.text = text;
                        other.flag()
                    }
                };
                let before = grown.get(flag.name);
                if let Some(before) = before.filter(|_| lists_grow && flag.kind == Kind::List) {
                    said.text = format!("{},{}", before.text, said.text);
                }
                grown.insert(flag.name, said);
            }
            values.extend(grown);
        }
        for (name, said) in values {
            self.values.entry(name).or_insert(said);
        }
    }

    fn note_renamed(&mut self, other: &'static OtherName, origin: &Origin) {
        if other.age == Age::Old {
            self.renamed.push(Renamed {
                name: other.name,
                origin: origin.clone(),
                now: other.means,
            });
        }
    }

    /// What was said about a flag, or its default.
    pub fn get(&self, name: &str) -> Sourced {
        let flag = flags::find(name).expect("settings are asked for by names of the table");
        self.value(flag).cloned().unwrap_or(Sourced {
            text: flag.default.to_owned(),
            origin: Origin::Default(flag.name),
        })
    }

    /// Everything somebody said.
    pub fn said(&self) -> impl Iterator<Item = (&'static Flag, &Sourced)> {
        flags::all().filter_map(|flag| Some((flag, self.value(flag)?)))
    }

    fn value(&self, flag: &Flag) -> Option<&Sourced> {
        let name = flag.name;
        self.values.get(name).or_else(|| self.emptied.get(name))
    }
}

/// The flags of a command line by the names they were given, in their order, with their values.
pub fn flags_of(
    args: impl IntoIterator<Item = impl Into<OsString>>,
) -> Result<Vec<(&'static str, String)>, RawError> {
    let level = from_arguments(args)?.into_iter();
    Ok(level.map(|(name, said)| (name.text(), said.text)).collect())
}

fn from_arguments(args: impl IntoIterator<Item = impl Into<OsString>>) -> Result<Level, RawError> {
    let find = |name: &str| Name::find(name).map(|name| (name, name.takes()));
    let items = agent_flags::read(args, find)?;
    items
        .into_iter()
        .map(|item| match item {
            Item::Flag(name, text) => {
                let origin = Origin::Flag(name.text());
                Ok((name, Sourced { text, origin }))
            }
            Item::Argument(arg) => Err(RawError::UnexpectedArgument(arg)),
        })
        .collect()
}

/// Of a flag's own variables the first that is set counts.
fn from_variables(variable: &impl Fn(&str) -> Option<String>) -> Level {
    let set = |name| {
        let text = variable(name).filter(|text| !text.is_empty())?;
        let origin = Origin::Variable(name);
        Some(Sourced { text, origin })
    };
    let own =
        flags::all().filter_map(|flag| Some((Name::Own(flag), flag.variables().find_map(set)?)));
    let others = OTHER_NAMES.iter();
    let others = others.filter_map(|other| Some((Name::Other(other), set(other.env)?)));
    own.chain(others).collect()
}

/// What variables that are set to nothing say.
fn emptied_by_variables(
    variable: impl Fn(&str) -> Option<String>,
) -> BTreeMap<&'static str, Sourced> {
    let emptied = |flag: &'static Flag| {
        let name = flag
            .variables()
            .find(|name| variable(name).is_some_and(|text| text.is_empty()))?;
        let origin = Origin::Variable(name);
        let text = String::new();
        Some((flag.name, Sourced { text, origin }))
    };
    let flags = flags::all().filter(|flag| flag.can_be_emptied());
    flags.filter_map(emptied).collect()
}

/// Where a config file is looked for when `--config` names none, in this order: in each folder ours
/// before the peer's.
pub fn search_paths(executable: Option<&Path>, home: Option<&Path>) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = Vec::new();
    folders.extend(executable.and_then(Path::parent).map(Path::to_owned));
    folders.extend(home.map(|home| home.join(".buildkite-agent")));
    if cfg!(all(target_os = "macos", target_arch = "aarch64")) {
        folders.push("/opt/homebrew/etc/buildkite-agent".into());
    }
    folders.push("/usr/local/etc/buildkite-agent".into());
    folders.push("/etc/buildkite-agent".into());
    let names = ["trireme-agent.cfg", "buildkite-agent.cfg"];
    let both = |folder: PathBuf| names.map(|name| folder.join(name));
    folders.into_iter().flat_map(both).collect()
}

#[cfg(test)]
#[path = "raw_tests.rs"]
mod tests;

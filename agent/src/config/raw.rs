//! Settings as they were written: command line over environment over config file over default.
//! Nothing is interpreted here but the syntax; each value keeps its origin.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use agent_flags::{FlagError, Item, Takes};

use super::file::{self, NotASetting};
use super::flags::{self, Flag, Kind};
use super::origin::Origin;

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

/// All settings that somebody made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Raw {
    values: BTreeMap<&'static str, Sourced>,
    /// Keys of the config file that no flag has.
    pub unknown_keys: Vec<String>,
    /// The config file that was read.
    pub file: Option<PathBuf>,
}

impl Raw {
    /// Reads arguments and variables; `variable` answers what the environment holds.
    pub fn read(
        args: impl IntoIterator<Item = impl Into<OsString>>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, RawError> {
        let mut raw = Self::default();
        for flag in flags::START {
            let set = flag
                .variables()
                .find_map(|name| Some((name, variable(name).filter(|text| !text.is_empty())?)));
            if let Some((name, text)) = set {
                let origin = Origin::Variable(name);
                raw.values.insert(flag.name, Sourced { text, origin });
            }
        }
        raw.take_arguments(args)?;
        Ok(raw)
    }

    fn take_arguments(
        &mut self,
        args: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Result<(), RawError> {
        let find = |name: &str| {
            flags::find(name).map(|flag| match flag.kind {
                Kind::Switch => (flag, Takes::Switch),
                _ => (flag, Takes::Value),
            })
        };
        let mut seen: Vec<&'static str> = Vec::new();
        for item in agent_flags::read(args, find)? {
            match item {
                Item::Flag(flag, text) => {
                    let repeated = seen.contains(&flag.name);
                    seen.push(flag.name);
                    self.set_from_argument(flag, text, repeated);
                }
                Item::Argument(arg) => return Err(RawError::UnexpectedArgument(arg)),
            }
        }
        Ok(())
    }

    /// The last of a repeated flag counts, but lists grow.
    fn set_from_argument(&mut self, flag: &'static Flag, mut text: String, repeated: bool) {
        if repeated && flag.kind == Kind::List {
            let before = self.values.get(flag.name).map_or("", |value| &value.text);
            text = format!("{before},{text}");
        }
        let origin = Origin::Flag(flag.name);
        self.values.insert(flag.name, Sourced { text, origin });
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
        for line in lines {
            let Some(flag) = flags::find(&line.key) else {
                self.unknown_keys.push(line.key);
                continue;
            };
            let beaten = self
                .values
                .get(flag.name)
                .is_some_and(|value| !matches!(value.origin, Origin::File(..)));
            if !beaten && !line.value.is_empty() {
                let origin = Origin::File(path.to_owned(), line.number);
                let text = line.value;
                self.values.insert(flag.name, Sourced { text, origin });
            }
        }
        self.file = Some(path.to_owned());
        Ok(())
    }

    /// What was said about a flag, or its default.
    pub fn get(&self, name: &str) -> Sourced {
        let flag = flags::find(name).expect("settings are asked for by names of the table");
        self.values.get(flag.name).cloned().unwrap_or(Sourced {
            text: flag.default.to_owned(),
            origin: Origin::Default(flag.name),
        })
    }

    /// Everything somebody said.
    pub fn said(&self) -> impl Iterator<Item = (&'static Flag, &Sourced)> {
        flags::START
            .iter()
            .filter_map(|flag| Some((flag, self.values.get(flag.name)?)))
    }
}

/// Where a config file is looked for when `--config` names none, in this order.
pub fn search_paths(executable: Option<&Path>, home: Option<&Path>) -> Vec<PathBuf> {
    let name = "buildkite-agent.cfg";
    let mut paths = Vec::new();
    paths.extend(
        executable
            .and_then(Path::parent)
            .map(|folder| folder.join(name)),
    );
    paths.extend(home.map(|home| home.join(".buildkite-agent").join(name)));
    if cfg!(target_os = "macos") {
        paths.push(Path::new("/opt/homebrew/etc/buildkite-agent").join(name));
    }
    paths.push(Path::new("/usr/local/etc/buildkite-agent").join(name));
    paths.push(Path::new("/etc/buildkite-agent").join(name));
    paths
}

#[cfg(test)]
#[path = "raw_tests.rs"]
mod tests;

//! Where a setting came from, so that an error can say which place to correct.

use std::fmt;
use std::path::PathBuf;

/// The place a value was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag(&'static str),
    /// The environment.
    Variable(&'static str),
    /// A line of the config file, counted from 1.
    File(PathBuf, usize),
    /// Nobody said anything.
    Default(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "flag --{name}"),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::File(file, line) => write!(f, "line {line} of {}", file.display()),
            Self::Default(name) => write!(f, "default of --{name}"),
        }
    }
}

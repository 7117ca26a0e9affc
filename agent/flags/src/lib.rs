//! The command line as the peer reads it, for every subcommand: what is a flag, what is its value,
//! what is neither.
//!
//! A flag is written `-name` or `--name`, its value after `=` or as the next argument; a switch
//! takes one after `=` only. Flags and other arguments may come in any order; after `--` there are
//! no more flags, and a lone `-` is none. What a flag means and which of two wins is decided by
//! whoever asks.

mod duration;

use std::ffi::OsString;

pub use duration::duration;

/// How a flag takes its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// After `=` or as the next argument.
    Value,
    /// After `=`; without one it is `true`.
    Switch,
}

/// One part of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item<F> {
    /// A flag and its value.
    Flag(F, String),
    /// Anything else.
    Argument(String),
}

/// Why a command line cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlagError {
    /// No such flag.
    #[error("unknown flag {0}; `--help` lists all flags")]
    Unknown(String),
    /// A flag at the end of the line that needs a value.
    #[error("flag {0} needs a value")]
    NoValue(String),
    /// A flag's value, or an argument, that is not Unicode.
    #[error("{0:?} is not valid UTF-8; correct it")]
    NotUnicode(String),
}

/// A flag's entry in a help text: `shown` is its name with what it takes. A default that is empty is
/// none.
pub fn help_entry(shown: &str, variables: &str, help: &str, default: &str) -> String {
    let default = match default {
        "" => String::new(),
        default => format!(" (default: {default})"),
    };
    let variables = match variables {
        "" => String::new(),
        variables => format!(" [{variables}]"),
    };
    format!("  --{shown}{variables}\n      {help}{default}\n")
}

/// Reads arguments in their order. `find` knows the flags by their names.
pub fn read<F>(
    args: impl IntoIterator<Item = impl Into<OsString>>,
    find: impl Fn(&str) -> Option<(F, Takes)>,
) -> Result<Vec<Item<F>>, FlagError> {
    let mut items = Vec::new();
    let mut args = args.into_iter().map(|arg| text(arg.into()));
    while let Some(arg) = args.next() {
        let arg = arg?;
        if arg == "--" {
            for arg in args.by_ref() {
                items.push(Item::Argument(arg?));
            }
            break;
        }
        let name = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-'));
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            items.push(Item::Argument(arg));
            continue;
        };
        let (name, inline) = match name.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (name, None),
        };
        let Some((flag, takes)) = find(name) else {
            return Err(FlagError::Unknown(shown(&arg)));
        };
        let value = match (inline, takes) {
            (Some(value), _) => value,
            (None, Takes::Switch) => "true".to_owned(),
            (None, Takes::Value) => match args.next() {
                Some(Ok(value)) => value,
                Some(Err(_)) => return Err(FlagError::NotUnicode(shown(&arg))),
                None => return Err(FlagError::NoValue(shown(&arg))),
            },
        };
        items.push(Item::Flag(flag, value));
    }
    Ok(items)
}

/// A switch's value, in any spelling of Go's `ParseBool`.
pub fn switch(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// The flag without its value, which may be a secret.
fn shown(arg: &str) -> String {
    let name = arg.split_once('=').map_or(arg, |(name, _)| name);
    name.to_owned()
}

fn text(arg: OsString) -> Result<String, FlagError> {
    arg.into_string()
        .map_err(|arg| FlagError::NotUnicode(shown(&arg.to_string_lossy())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(name: &str) -> Option<(&'static str, Takes)> {
        match name {
            "name" => Some(("name", Takes::Value)),
            "debug" => Some(("debug", Takes::Switch)),
            _ => None,
        }
    }

    fn shown_items(args: &[&str]) -> Result<Vec<String>, FlagError> {
        let items = read(args.iter().copied(), known)?;
        let shown = items.into_iter().map(|item| match item {
            Item::Flag(name, value) => format!("{name}={value}"),
            Item::Argument(text) => format!("({text})"),
        });
        Ok(shown.collect())
    }

    #[test]
    fn a_flag_is_written_in_any_of_four_ways_and_anywhere() {
        for (args, wanted) in [
            (&["--name", "box"][..], &["name=box"][..]),
            (&["-name", "box"], &["name=box"]),
            (&["--name=box"], &["name=box"]),
            (&["-name="], &["name="]),
            (&["--name", "--debug"], &["name=--debug"]),
            (&["--name=a=b"], &["name=a=b"]),
            (&["--debug", "false"], &["debug=true", "(false)"]),
            (&["-debug=0"], &["debug=0"]),
            (&["KEY", "--name", "x", "-"], &["(KEY)", "name=x", "(-)"]),
            (
                &["--debug", "--", "--name", "--"],
                &["debug=true", "(--name)", "(--)"],
            ),
            (&[""], &["()"]),
        ] {
            assert_eq!(shown_items(args).unwrap(), wanted, "{args:?}");
        }
    }

    #[test]
    fn wrong_flags_are_named_without_their_values() {
        let name = |text: &str| text.to_owned();
        for (args, error) in [
            (&["--nmae=secret"][..], FlagError::Unknown(name("--nmae"))),
            (&["x", "--name"], FlagError::NoValue(name("--name"))),
            (&["--=x"], FlagError::Unknown(name("--"))),
            (&["---name"], FlagError::Unknown(name("---name"))),
        ] {
            assert_eq!(shown_items(args).unwrap_err(), error);
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_text_is_refused_without_showing_values() {
        use std::os::unix::ffi::OsStringExt as _;
        let bytes = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        for (args, shown) in [
            (vec![bytes(b"a\xff")], "a\u{fffd}"),
            (vec![bytes(b"--name=secret\xff")], "--name"),
            (vec![bytes(b"--name"), bytes(b"secret\xff")], "--name"),
            (vec![bytes(b"NAME=secret\xff")], "NAME"),
        ] {
            let error = read(args, known).unwrap_err();
            assert_eq!(error, FlagError::NotUnicode(shown.to_owned()));
        }
    }

    #[test]
    fn switches_have_the_spellings_of_the_peer_and_no_other() {
        assert_eq!(
            ["1", "True", "f", "FALSE"].map(switch),
            [Some(true), Some(true), Some(false), Some(false)]
        );
        assert_eq!(["yes", "", "tRUE", " 1"].map(switch), [None; 4]);
    }
}

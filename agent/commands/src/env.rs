//! `env get`, `env set` and `env unset`: the job's environment, through the job API.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;

use agent_local_api::client::{JobApi, Patched};
use serde::de::DeserializeOwned;
use serde_json::json;
use shared_protocol::env as names;

use crate::error::CommandError;
use crate::format::{DONE, Format, SHOWN};
use crate::given::{Flag, Given};
use crate::{Command, block_on, print};

pub(crate) const GET: Command = Command {
    group: "env",
    name: "get",
    arguments: "[NAME...]",
    help: "print variables of the job",
    flags: &[Flag::text(
        "format",
        "BUILDKITE_AGENT_ENV_GET_FORMAT",
        "plain",
        "plain, json or json-pretty",
    )],
    run: get,
};

pub(crate) const SET: Command = Command {
    group: "env",
    name: "set",
    arguments: "NAME=VALUE... | -",
    help: "set variables of the job; - reads them from standard input",
    flags: &[
        Flag::text(
            "input-format",
            "BUILDKITE_AGENT_ENV_SET_INPUT_FORMAT",
            "plain",
            "plain (NAME=VALUE) or json (an object)",
        ),
        Flag::text(
            "output-format",
            "BUILDKITE_AGENT_ENV_SET_OUTPUT_FORMAT",
            "plain",
            "plain, json, json-pretty or quiet",
        ),
    ],
    run: set,
};

pub(crate) const UNSET: Command = Command {
    group: "env",
    name: "unset",
    arguments: "NAME... | -",
    help: "remove variables of the job; - reads their names from standard input",
    flags: &[
        Flag::text(
            "input-format",
            "BUILDKITE_AGENT_ENV_UNSET_INPUT_FORMAT",
            "plain",
            "plain (names) or json (a list)",
        ),
        Flag::text(
            "output-format",
            "BUILDKITE_AGENT_ENV_UNSET_OUTPUT_FORMAT",
            "plain",
            "plain, json, json-pretty or quiet",
        ),
    ],
    run: unset,
};

/// The job API of the job that this process belongs to.
pub(crate) fn job_api() -> Result<JobApi, CommandError> {
    let variable = |name| {
        let value = std::env::var_os(name).filter(|value| !value.is_empty());
        value.ok_or(CommandError::NoJobApi(name))
    };
    let socket = variable(names::JOB_API_SOCKET)?;
    let token = variable(names::JOB_API_TOKEN)?;
    Ok(JobApi::new(socket, token.to_string_lossy()))
}

fn get(given: &Given) -> Result<(), CommandError> {
    let format = Format::asked(given, "format", &SHOWN)?;
    let api = job_api()?;
    let mut variables = block_on(api.variables())?;
    let asked = &given.arguments;
    let missing: Vec<&str> = asked
        .iter()
        .filter(|name| !variables.contains_key(*name))
        .map(String::as_str)
        .collect();
    if !asked.is_empty() {
        variables.retain(|name, _| asked.contains(name));
    }
    print(&format.show(&variables, || plain(&variables, asked.len() == 1)))?;
    if missing.is_empty() {
        Ok(())
    } else {
        Err(CommandError::NotSet(missing.join(", ")))
    }
}

/// One value alone, or pairs.
fn plain(variables: &BTreeMap<String, String>, alone: bool) -> String {
    let line = |(name, value): (&String, &String)| {
        if alone {
            format!("{value}\n")
        } else {
            format!("{name}={value}\n")
        }
    };
    variables.iter().map(line).collect()
}

fn set(given: &Given) -> Result<(), CommandError> {
    let input = Input::asked(given)?;
    let format = Format::asked(given, "output-format", &DONE)?;
    let mut variables = BTreeMap::new();
    for (index, text) in input.texts(given)?.into_iter().enumerate() {
        match input {
            Input::Plain => {
                variables.extend([pair(&text).ok_or(CommandError::NoPair(index + 1))?]);
            }
            Input::Json => {
                for object in values::<BTreeMap<String, String>>("the input", &text)? {
                    variables.extend(object);
                }
            }
        }
    }
    let api = job_api()?;
    let patched = block_on(api.set(&variables))?;
    print(&format.show(&patched, || {
        let Patched { added, updated } = &patched;
        format!(
            "{}{}",
            listed("Added:", '+', added),
            listed("Updated:", '~', updated)
        )
    }))
}

fn unset(given: &Given) -> Result<(), CommandError> {
    let input = Input::asked(given)?;
    let format = Format::asked(given, "output-format", &DONE)?;
    let mut keys = Vec::new();
    for text in input.texts(given)? {
        match input {
            Input::Plain => keys.push(text),
            Input::Json => {
                keys.extend(
                    values::<Vec<String>>("the input", &text)?
                        .into_iter()
                        .flatten(),
                );
            }
        }
    }
    let api = job_api()?;
    let deleted = block_on(api.remove(&keys))?;
    let answer = json!({ "deleted": deleted });
    print(&format.show(&answer, || listed("Unset:", '-', &deleted)))
}

/// A title and a line for each name; nothing without names.
fn listed(title: &str, mark: char, names: &[String]) -> String {
    let mut text = String::new();
    if !names.is_empty() {
        let _ = writeln!(text, "{title}");
    }
    for name in names {
        let _ = writeln!(text, "{mark} {name}");
    }
    text
}

/// How variables or names are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    /// One an argument, or a line of standard input.
    Plain,
    /// Any number an argument, or on standard input as a whole.
    Json,
}

impl Input {
    fn asked(given: &Given) -> Result<Self, CommandError> {
        match given.text("input-format") {
            "plain" => Ok(Self::Plain),
            "json" => Ok(Self::Json),
            _ => Err(given.wrong("input-format", "plain or json")),
        }
    }

    /// The arguments, with standard input in the place of `-`.
    fn texts(self, given: &Given) -> Result<Vec<String>, CommandError> {
        let mut texts = Vec::new();
        for argument in &given.arguments {
            if argument != "-" {
                texts.push(argument.clone());
                continue;
            }
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .map_err(CommandError::Input)?;
            match self {
                Self::Plain => texts.extend(text.lines().map(str::to_owned)),
                Self::Json => texts.push(text),
            }
        }
        Ok(texts)
    }
}

fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    (!name.is_empty()).then(|| (name.to_owned(), value.to_owned()))
}

/// The JSON values of a text, one after the other.
pub(crate) fn values<T: DeserializeOwned>(
    what: &'static str,
    text: &str,
) -> Result<Vec<T>, CommandError> {
    serde_json::Deserializer::from_str(text)
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(|error| CommandError::Json { what, error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_split_at_its_first_equals_sign() {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        assert_eq!(pair("A=x=y").expect("pair"), owned(("A", "x=y")));
        assert_eq!(pair("A=").expect("pair"), owned(("A", "")));
        for wrong in ["A", "", "=x"] {
            assert_eq!(pair(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn one_value_stands_alone_and_several_have_names() {
        let variables = BTreeMap::from([("A".to_owned(), "1\n2".to_owned())]);
        assert_eq!(plain(&variables, true), "1\n2\n");
        assert_eq!(plain(&variables, false), "A=1\n2\n");
        assert_eq!(plain(&BTreeMap::new(), true), "");
    }

    #[test]
    fn json_comes_as_any_number_of_values() {
        let names = values::<Vec<String>>("it", "[\"A\"] [\"B\",\"C\"]\n").expect("values");
        assert_eq!(names.concat(), ["A", "B", "C"]);
        for wrong in ["[1]", "{}", "[\"A\""] {
            assert!(values::<Vec<String>>("it", wrong).is_err(), "{wrong}");
        }
    }
}

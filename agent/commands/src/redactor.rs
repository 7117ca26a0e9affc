//! `redactor add`: values that the job's log is to hide from now on.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};

use agent_local_api::client::{CallError, JobApi};
use shared_protocol::env as names;
use shared_redact::{DEFAULT_NAMES, MIN_LENGTH, Names};

use crate::env::{job_api, values};
use crate::error::CommandError;
use crate::given::{Flag, Given, Kind};
use crate::{Command, block_on};

const FORMAT: &str = "format";
const FILTER: &str = "apply-vars-filter";
const NAMES: &str = "redacted-vars";

pub(crate) const ADD: Command = Command {
    group: "redactor",
    name: "add",
    arguments: "[FILE]",
    help: "hide a value, or those of a JSON object, in the job's log; without FILE, standard input",
    flags: &[
        Flag::text(
            FORMAT,
            "BUILDKITE_AGENT_REDACT_ADD_FORMAT",
            "none",
            "none (all of it is one value) or json (an object)",
        ),
        Flag {
            name: FILTER,
            variable: "BUILDKITE_AGENT_REDACT_VARS_FILTER",
            kind: Kind::Switch,
            default: "",
            help: "of a JSON object, hide only values whose names --redacted-vars matches",
        },
        Flag {
            name: NAMES,
            variable: names::REDACTED_VARS,
            kind: Kind::List,
            default: "",
            help: "patterns of names, instead of the usual ones",
        },
        Flag::idle("agent-access-token", names::AGENT_ACCESS_TOKEN, Kind::Text),
        Flag::idle("endpoint", names::AGENT_ENDPOINT, Kind::Text),
        Flag::idle("no-http2", "BUILDKITE_NO_HTTP2", Kind::Switch),
        Flag::idle("debug-http", "BUILDKITE_AGENT_DEBUG_HTTP", Kind::Switch),
        Flag::idle("trace-http", "BUILDKITE_AGENT_TRACE_HTTP", Kind::Switch),
    ],
    run: add,
};

fn add(given: &Given) -> Result<(), CommandError> {
    let text = read(given)?;
    let secrets = match given.text(FORMAT) {
        "none" => vec![text.trim().to_owned()],
        "json" => from_json(&text, filter(given)?.as_ref())?,
        _ => return Err(given.wrong(FORMAT, "none or json")),
    };
    block_on(hide(&job_api()?, &secrets))
}

async fn hide(api: &JobApi, secrets: &[String]) -> Result<(), CallError> {
    for secret in secrets {
        api.hide(secret).await?;
    }
    Ok(())
}

fn read(given: &Given) -> Result<String, CommandError> {
    match given.arguments.as_slice() {
        [] => text_of(io::stdin()).map_err(CommandError::Input),
        [path] if path == "-" => text_of(io::stdin()).map_err(CommandError::Input),
        [path] => File::open(path).and_then(text_of).map_err(|error| {
            let path = path.into();
            CommandError::File { path, error }
        }),
        _ => Err(CommandError::Arguments("redactor add [FILE]")),
    }
}

fn text_of(mut source: impl Read) -> io::Result<String> {
    let mut text = String::new();
    source.read_to_string(&mut text)?;
    Ok(text)
}

/// The names whose values are hidden; none for all.
fn filter(given: &Given) -> Result<Option<Names>, CommandError> {
    if !given.switch(FILTER)? {
        return Ok(None);
    }
    let mut patterns: Vec<&str> = given.list(NAMES).collect();
    if patterns.is_empty() {
        patterns.extend(DEFAULT_NAMES);
    }
    let (names, bad) = Names::new(patterns);
    if bad.is_empty() {
        Ok(Some(names))
    } else {
        Err(given.wrong(NAMES, "a list of patterns that can be read"))
    }
}

/// The values of an object of texts. Those that a name makes a secret have a least length, as
/// everywhere.
fn from_json(text: &str, names: Option<&Names>) -> Result<Vec<String>, CommandError> {
    let objects: Vec<BTreeMap<String, String>> = values("the input", text)?;
    let all = objects.into_iter().flatten();
    Ok(match names {
        None => all.map(|(_, value)| value).collect(),
        Some(names) => all
            .filter(|(name, value)| names.matches(name) && value.len() >= MIN_LENGTH)
            .map(|(_, value)| value)
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_object_all_values_are_secret_or_those_with_a_secrets_name() {
        let text = r#"{"A_TOKEN":"one-two","B_TOKEN":"short","C":"three-four"}"#;
        let (names, _) = Names::new(["*_TOKEN"]);
        assert_eq!(
            from_json(text, None).expect("values"),
            ["one-two", "short", "three-four"]
        );
        assert_eq!(from_json(text, Some(&names)).expect("values"), ["one-two"]);
    }

    #[test]
    fn nothing_but_texts_in_objects_is_taken() {
        for wrong in [
            r#"{"a":7531}"#,
            r#"["hush"]"#,
            r#"{"a":"hush""#,
            r#"{"a":null}"#,
            r#""hush""#,
        ] {
            let error = from_json(wrong, None).expect_err("refused").to_string();
            assert!(
                !error.contains("hush") && !error.contains("7531"),
                "{error}"
            );
        }
    }
}

//! The steps of a new pipeline: read, checked, and brought into one form.
//!
//! What is not understood is refused by name. A step that would silently run otherwise than it was
//! written is worse than none.

use std::collections::BTreeMap;

use serde::Deserialize;
use server_store::Step;

/// Most steps of a pipeline.
const MOST_STEPS: usize = 500;

/// Longest label that is made from a command, in characters.
const LONGEST_LABEL: usize = 60;

/// One step as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepInput {
    #[serde(alias = "name")]
    label: Option<String>,
    key: Option<String>,
    #[serde(alias = "commands")]
    command: Option<Lines>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    agents: Rules,
    #[serde(default)]
    skip_checkout: bool,
    timeout_in_minutes: Option<u32>,
    /// Accepted because Buildkite's own answers carry it; the only kind there is.
    #[serde(rename = "type")]
    kind: Option<Kind>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Lines {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Rules {
    List(Vec<String>),
    Map(BTreeMap<String, String>),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Script,
    Command,
}

impl Default for Rules {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

/// The steps as they are stored, or a sentence about the first one that cannot be.
pub(super) fn check(inputs: Vec<StepInput>) -> Result<Vec<Step>, String> {
    if inputs.is_empty() {
        return Err("`steps` is empty; a pipeline has at least one step with a `command`".into());
    }
    if inputs.len() > MOST_STEPS {
        return Err(format!("a pipeline has at most {MOST_STEPS} steps"));
    }
    (1..)
        .zip(inputs)
        .map(|(number, input)| step(number, input))
        .collect()
}

fn step(number: usize, input: StepInput) -> Result<Step, String> {
    let command = match input.command {
        Some(Lines::One(line)) => line,
        Some(Lines::Many(lines)) => lines.join("\n"),
        None => String::new(),
    };
    if command.trim().is_empty() {
        return Err(format!("step {number} has no `command`"));
    }
    if input.timeout_in_minutes == Some(0) {
        return Err(format!("step {number}: `timeout_in_minutes` is at least 1"));
    }
    if let Some(name) = input.env.keys().find(|name| !is_variable(name)) {
        return Err(format!("step {number}: {name:?} is no name of a variable"));
    }
    let _: Option<Kind> = input.kind;
    Ok(Step {
        label: input
            .label
            .filter(|label| !label.is_empty())
            .unwrap_or_else(|| label_of(&command)),
        key: input.key,
        command,
        env: input.env,
        agents: match input.agents {
            Rules::List(rules) => rules,
            Rules::Map(rules) => rules
                .into_iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect(),
        },
        skip_checkout: input.skip_checkout,
        timeout_in_minutes: input.timeout_in_minutes,
    })
}

/// Whether a shell can have a variable of that name.
pub(super) fn is_variable(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(plain)
}

/// The first line of the command, cut to a length that fits a list.
fn label_of(command: &str) -> String {
    let line = command.trim().lines().next().unwrap_or_default();
    if line.chars().count() <= LONGEST_LABEL {
        return line.to_owned();
    }
    line.chars().take(LONGEST_LABEL - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Vec<Step>, String> {
        let inputs: Vec<StepInput> =
            serde_json::from_str(json).map_err(|error| error.to_string())?;
        check(inputs)
    }

    #[test]
    fn a_step_may_be_written_in_several_ways() {
        let steps = read(
            r#"[{"command":"make"},
                {"name":"Test","commands":["a","b"],"agents":{"queue":"gpu"},"type":"script"},
                {"label":"","command":"true","agents":["os=linux"],"skip_checkout":true}]"#,
        )
        .unwrap();
        assert_eq!(
            (steps[0].label.as_str(), steps[0].command.as_str()),
            ("make", "make")
        );
        assert_eq!(
            (steps[1].label.as_str(), steps[1].command.as_str()),
            ("Test", "a\nb")
        );
        assert_eq!(steps[1].agents, ["queue=gpu"]);
        assert_eq!(steps[2].label, "true");
        assert!(steps[2].skip_checkout);
    }

    #[test]
    fn what_a_step_cannot_be_is_said_with_its_number_or_name() {
        for (json, part) in [
            ("[]", "at least one step"),
            (
                r#"[{"command":"a"},{"label":"b"}]"#,
                "step 2 has no `command`",
            ),
            (r#"[{"command":[" "]}]"#, "step 1 has no `command`"),
            (r#"[{"command":"a","plugins":[]}]"#, "plugins"),
            (r#"[{"command":"a","timeout_in_minutes":0}]"#, "at least 1"),
            (r#"[{"command":"a","env":{"A=B":"c"}}]"#, "A=B"),
            (r#"["wait"]"#, "StepInput"),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(part), "{json}: {error}");
        }
    }

    #[test]
    fn a_long_command_makes_a_short_label() {
        let steps = read(&format!(r#"[{{"command":"{}"}}]"#, "ä".repeat(100))).unwrap();
        assert_eq!(steps[0].label.chars().count(), LONGEST_LABEL);
    }
}

//! A command step, as far as signatures are about it: read from what an endpoint or a pipeline
//! says, in the form that is signed. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::matrix::{self, Matrix, MatrixError, Permutation};
use crate::plugin::Plugin;
use crate::read::{Misread, named, scalar, scalars};

/// The signature of a step, as it is written in the step. A part that is missing is empty: it makes
/// the signature a wrong one, not the step an unreadable one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Signature {
    /// Name of the algorithm, such as `EdDSA`. It is signed, too.
    pub algorithm: String,
    /// What is signed.
    pub signed_fields: Vec<String>,
    /// JWS in its compact form, without the payload: `header..signature`.
    pub value: String,
}

/// A command step.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Step {
    pub(crate) command: String,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) plugins: Vec<Plugin>,
    pub(crate) secrets: Vec<Value>,
    pub(crate) checkout: Map<String, Value>,
    matrix: Option<Matrix>,
    signature: Option<Signature>,
    /// Everything else. It is not signed, but may hold tokens of the matrix.
    rest: Map<String, Value>,
}

/// The fields that are always signed.
pub(crate) const ALWAYS: [&str; 5] = ["command", "env", "matrix", "plugins", "repository_url"];

/// Fields that are read here, with the other names they have, and the name of the step, which alone
/// is not the matrix's to fill.
const READ: [&str; 11] = [
    "command",
    "commands",
    "env",
    "plugins",
    "secrets",
    "checkout",
    "matrix",
    "signature",
    "key",
    "id",
    "identifier",
];

impl Step {
    /// Reads a step. Null is a step of nothing.
    pub fn read(value: &Value) -> Result<Self, Misread> {
        let map = match value {
            Value::Null => return Ok(Self::default()),
            Value::Object(map) => map,
            other => return Err(Misread::new("the whole", named(other))),
        };
        let of = |key| map.get(key).unwrap_or(&Value::Null);
        let command = match of("commands") {
            Value::Null => of("command"),
            commands => commands,
        };
        let mut rest = map.clone();
        rest.retain(|key, _| !READ.contains(&key.as_str()));
        Ok(Self {
            command: scalars("command", command)?.join("\n"),
            env: texts(of("env"))?,
            plugins: Plugin::read_all(of("plugins"))?,
            secrets: secrets(of("secrets"))?,
            checkout: object("checkout", of("checkout"))?.clone(),
            matrix: Matrix::read(of("matrix"))?,
            signature: signature(of("signature"))?,
            rest,
        })
    }

    /// Its signature, if it has one.
    pub fn signature(&self) -> Option<&Signature> {
        self.signature.as_ref()
    }

    /// The value of a field as it is signed. `None` for a field that steps do not have.
    pub(crate) fn field(&self, name: &str, repository: &str) -> Option<Value> {
        let or_null = |value: Value, empty: bool| if empty { Value::Null } else { value };
        Some(match name {
            "command" => self.command.as_str().into(),
            "env" => or_null(serde_json::json!(self.env), self.env.is_empty()),
            "plugins" => or_null(self.plugins(), self.plugins.is_empty()),
            "matrix" => self.matrix.as_ref().map_or(Value::Null, Matrix::canonical),
            "repository_url" => repository.into(),
            "secrets" => Value::Array(self.secrets.clone()),
            "checkout" => Value::Object(self.checkout.clone()),
            _ => return None,
        })
    }

    /// The fields that have to be signed.
    pub(crate) fn required(&self) -> impl Iterator<Item = &'static str> {
        let secrets = (!self.secrets.is_empty()).then_some("secrets");
        let checkout = (!self.checkout.is_empty()).then_some("checkout");
        ALWAYS.into_iter().chain(secrets).chain(checkout)
    }

    /// Its plugins as they are signed.
    pub(crate) fn plugins(&self) -> Value {
        self.plugins.iter().map(Plugin::canonical).collect()
    }

    /// The step that a job with these values of its matrix runs.
    pub(crate) fn for_job(&self, job: &Permutation) -> Result<Self, MatrixError> {
        matrix::check(self.matrix.as_ref(), job)?;
        if job.is_empty() {
            return Ok(self.clone());
        }
        let fill = |text: &str| matrix::fill(text, job);
        let map = |map: &Map<String, Value>| match matrix::fill_all(&map.clone().into(), job)? {
            Value::Object(map) => Ok(map),
            _ => Ok(Map::new()),
        };
        let env = self.env.iter();
        let env = env.map(|(name, value)| Ok((name.clone(), fill(value)?)));
        let plugins = self.plugins.iter().map(|plugin| {
            Ok(Plugin {
                source: fill(&plugin.source)?,
                config: matrix::fill_all(&plugin.config, job)?,
            })
        });
        let secrets = self.secrets.iter();
        Ok(Self {
            command: fill(&self.command)?,
            env: env.collect::<Result<_, MatrixError>>()?,
            plugins: plugins.collect::<Result<_, MatrixError>>()?,
            secrets: secrets
                .map(|secret| matrix::fill_all(secret, job))
                .collect::<Result<_, _>>()?,
            checkout: map(&self.checkout)?,
            rest: map(&self.rest)?,
            matrix: self.matrix.clone(),
            signature: self.signature.clone(),
        })
    }
}

fn object<'a>(part: &'static str, value: &'a Value) -> Result<&'a Map<String, Value>, Misread> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    match value {
        Value::Null => Ok(&EMPTY),
        Value::Object(map) => Ok(map),
        other => Err(Misread::new(part, named(other))),
    }
}

fn texts(value: &Value) -> Result<BTreeMap<String, String>, Misread> {
    let pairs = object("env", value)?.iter();
    pairs
        .map(|(name, value)| Ok((name.clone(), scalar("env", value)?)))
        .collect()
}

/// Secrets by name, as maps, or as one map from variables to names.
fn secrets(value: &Value) -> Result<Vec<Value>, Misread> {
    let secret = |key: &str, variable: &str| serde_json::json!({"key": key, "environment_variable": variable});
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Object(map) => map
            .iter()
            .map(|(variable, key)| Ok(secret(&scalar("secrets", key)?, variable)))
            .collect(),
        Value::Array(items) => items
            .iter()
            .map(|item| match item {
                Value::String(key) => Ok(secret(key, key)),
                Value::Object(map) => {
                    let mut map = map.clone();
                    let variable = map.get("environment_variable");
                    if variable.is_some_and(|name| name.is_null() || name == "") {
                        map.shift_remove("environment_variable");
                    }
                    Ok(Value::Object(map))
                }
                other => Err(Misread::new("secrets", named(other))),
            })
            .collect(),
        other => Err(Misread::new("secrets", named(other))),
    }
}

fn signature(value: &Value) -> Result<Option<Signature>, Misread> {
    let mut parts = match value {
        Value::Null => return Ok(None),
        Value::Object(parts) => parts.clone(),
        other => return Err(Misread::new("signature", named(other))),
    };
    parts.retain(|_, part| !part.is_null());
    // What the library says of a part may hold its value, which may hold line ends.
    Signature::deserialize(Value::Object(parts))
        .map(Some)
        .map_err(|_| {
            Misread::new(
                "signature",
                "its parts are texts, `signed_fields` a list of them",
            )
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn step(value: &Value) -> Step {
        Step::read(value).expect("step")
    }

    #[test]
    fn commands_are_joined_and_empty_fields_are_null() {
        for (written, command) in [
            (json!({"command": "a"}), "a"),
            (json!({"command": ["a", "b"]}), "a\nb"),
            (json!({"commands": ["a", 1], "command": "no"}), "a\n1"),
            (json!({}), ""),
            (json!(null), ""),
        ] {
            assert_eq!(step(&written).command, command, "{written}");
        }
        let empty = step(&json!({"env": {}, "plugins": [], "matrix": {}, "secrets": []}));
        for field in ["env", "plugins", "matrix"] {
            assert_eq!(empty.field(field, ""), Some(Value::Null), "{field}");
        }
        assert_eq!(empty.required().collect::<Vec<_>>(), ALWAYS);
        assert_eq!(empty.field("label", ""), None);
    }

    #[test]
    fn secrets_and_checkout_have_to_be_signed_when_they_are_there() {
        let step = step(&json!({
            "secrets": ["A", {"key": "b"}, {"key": "c", "environment_variable": null}],
            "checkout": {"skip": true},
        }));
        let required: Vec<_> = step.required().skip(ALWAYS.len()).collect();
        assert_eq!(required, ["secrets", "checkout"]);
        let secrets =
            json!([{"key": "A", "environment_variable": "A"}, {"key": "b"}, {"key": "c"}]);
        assert_eq!(step.field("secrets", ""), Some(secrets));
    }

    #[test]
    fn a_job_of_a_matrix_has_its_values_everywhere_but_in_names_of_variables() {
        let step = step(&json!({
            "command": "run {{matrix}}",
            "label": "{{matrix}}",
            "key": "{{matrix.unknown}}",
            "env": {"A": "{{matrix}}", "{{matrix}}": "x"},
            "plugins": [{"p#{{matrix}}": {"{{matrix}}": ["{{matrix}}"]}}],
            "matrix": ["a", "b"],
        }));
        let job = step.for_job(&Permutation::from([(String::new(), "b".into())]));
        let job = job.expect("job");
        assert_eq!(job.command, "run b");
        assert_eq!(job.env["A"], "b");
        assert_eq!(job.env["{{matrix}}"], "x");
        let full = "github.com/buildkite-plugins/p-buildkite-plugin#b";
        assert_eq!(job.plugins(), json!([{full: {"b": ["b"]}}]));
        assert!(step.for_job(&Permutation::new()).is_err());
    }

    #[test]
    fn a_signature_may_lack_parts() {
        for written in [
            json!({}),
            json!({"algorithm": null, "signed_fields": null, "value": null}),
        ] {
            let step = step(&json!({ "signature": written }));
            assert_eq!(step.signature(), Some(&Signature::default()), "{written}");
        }
    }

    #[test]
    fn a_step_of_odd_values_is_an_error_that_shows_none() {
        for odd in [
            json!({"signature": "secret"}),
            json!({"signature": {"value": {"secret": 1}}}),
            json!({"signature": {"signed_fields": "a\nsecret"}}),
            json!({"env": {"A": ["secret"]}}),
            json!({"plugins": "secret"}),
            json!({"matrix": "secret"}),
            json!({"checkout": "secret"}),
            json!({"signature": {"algorithm": 1}}),
            json!("secret"),
        ] {
            let error = Step::read(&odd).expect_err("odd").to_string();
            assert!(
                error.contains("cannot be read") && !error.contains("secret"),
                "{error}"
            );
        }
    }
}

//! What a plugin says about itself in its `plugin.yml`: programs it needs, and a JSON Schema of its
//! configuration.

use jsonschema::Draft;
use serde::Deserialize;
use serde_json::Value;

use crate::json::{Map, map_to_value};

/// The file names of definitions, in the order in which they are looked for.
pub const DEFINITIONS: [&str; 3] = ["plugin.json", "plugin.yaml", "plugin.yml"];

/// Longest definition, in bytes.
pub const DEFINITION_BYTES: u64 = 1 << 20;

/// Most problems that are told.
const MOST_PROBLEMS: usize = 20;

/// What a plugin says about itself. Other keys are for people and catalogues.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Definition {
    /// Programs that must be in `PATH`.
    requirements: Option<Vec<String>>,
    /// JSON Schema of the configuration.
    configuration: Option<Value>,
}

/// Why a definition cannot be read. Says where.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// It is no YAML, has another shape, or is larger than anything a plugin has to say.
    #[error("its definition cannot be read: {0}")]
    Text(String),
}

impl Definition {
    /// Reads a definition. JSON is YAML too. Aliases of YAML are followed as far as a definition of
    /// an honest size needs.
    pub fn parse(text: &str) -> Result<Self, DefinitionError> {
        let options = serde_saphyr::options! { with_snippet: false };
        serde_saphyr::from_str_with_options(text, options)
            .map_err(|error| DefinitionError::Text(error.to_string()))
    }

    /// What keeps the plugin from running here with this configuration; nothing if all is well.
    /// `has` says whether the host has a program.
    pub fn problems(&self, configuration: &Map, has: impl Fn(&str) -> bool) -> Vec<String> {
        let needed = self.requirements.iter().flatten();
        let mut problems: Vec<String> = needed
            .filter(|program| !has(program))
            .map(|program| format!("it needs the program {program:?}, which is not in PATH"))
            .collect();
        if let Some(schema) = &self.configuration {
            problems.extend(mismatches(schema, &map_to_value(configuration)));
        }
        problems.truncate(MOST_PROBLEMS);
        problems
    }
}

/// Where the configuration is not as the schema wants it. Plugins were written for this draft.
fn mismatches(schema: &Value, configuration: &Value) -> Vec<String> {
    let options = jsonschema::options().with_draft(Draft::Draft201909);
    let validator = match options.build(schema) {
        Ok(validator) => validator,
        Err(error) => return vec![format!("the schema in its definition is wrong: {error}")],
    };
    let errors = validator.iter_errors(configuration).take(MOST_PROBLEMS);
    let told = errors.map(|error| match error.instance_path().as_str() {
        "" => format!("its configuration: {error}"),
        path => format!("its configuration at {path}: {error}"),
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;

    const WINCH: &str = "
name: Winch
requirements: [sh, winch-tool]
configuration:
  properties:
    turns: {type: integer}
    mode: {type: string, enum: [fast, slow]}
    yes: {type: string}
  required: [turns]
  additionalProperties: false
";

    fn problems(definition: &str, configuration: &str) -> Vec<String> {
        let Ok(Json::Map(map)) = Json::parse(configuration) else {
            panic!("{configuration}")
        };
        let definition = Definition::parse(definition).unwrap();
        definition.problems(&map, |program| program != "no-tool")
    }

    #[test]
    fn a_configuration_is_held_to_the_schema() {
        for (configuration, problem) in [
            (r#"{"turns": 3, "mode": "slow"}"#, None),
            (r#"{"turns": 3.0, "yes": "x"}"#, None),
            (r#"{"mode": "slow"}"#, Some("turns")),
            (r#"{"turns": 3, "mode": "mad"}"#, Some("/mode")),
            (r#"{"turns": "3"}"#, Some("/turns")),
            (r#"{"turns": 3, "more": 1}"#, Some("more")),
        ] {
            let found = problems(WINCH, configuration);
            match problem {
                None => assert_eq!(found, [""; 0], "{configuration}"),
                Some(text) => assert!(found.len() == 1 && found[0].contains(text), "{found:?}"),
            }
        }
    }

    #[test]
    fn programs_that_are_missing_are_named() {
        let found = problems("requirements: [sh, no-tool]", "{}");
        assert!(
            found.len() == 1 && found[0].contains("no-tool"),
            "{found:?}"
        );
    }

    #[test]
    fn json_is_read_too_and_a_definition_may_say_nothing() {
        let json = r#"{"requirements": ["no-tool"], "configuration": {"type": "object"}}"#;
        assert_eq!(problems(json, "{}").len(), 1);
        for text in ["name: x", "{}", "requirements:\nconfiguration:\n"] {
            assert_eq!(problems(text, r#"{"any": [1]}"#), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_definition_of_another_shape_is_refused() {
        for text in [
            "- a",
            "requirements: sh",
            "requirements: {a: 1}",
            "a: [",
            "a: *none",
            "\0",
        ] {
            assert!(Definition::parse(text).is_err(), "{text:?}");
        }
        let schema = "configuration: {properties: {a: {type: no-such-type}}}";
        assert!(problems(schema, "{}")[0].contains("schema"));
        let remote = "configuration: {$ref: 'https://schema.boat.test/x.json'}";
        assert!(problems(remote, "{}")[0].contains("schema"));
    }

    #[test]
    fn aliases_that_multiply_end_soon() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let below = vec![format!("*a{}", level - 1); 10].join(", ");
            text = format!("{text}a{level}: &a{level} [{below}]\n");
        }
        assert!(Definition::parse(&text).is_err());
        assert!(Definition::parse(&(text + "configuration: *a11\n")).is_err());
    }
}

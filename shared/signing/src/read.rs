//! Values of a step that may be written in several ways, read as one. Pure.

use serde_json::Value;

/// A part of a step is not what it has to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part} of the step cannot be read: {why}")]
pub struct Misread {
    part: &'static str,
    why: String,
}

impl Misread {
    pub(crate) fn new(part: &'static str, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { part, why }
    }
}

/// What a value is, in words, for errors; never the value itself.
pub(crate) fn named(value: &Value) -> &'static str {
    match value {
        Value::Null => "null is not allowed here",
        Value::Bool(_) => "a boolean is not allowed here",
        Value::Number(_) => "a number is not allowed here",
        Value::String(_) => "a text is not allowed here",
        Value::Array(_) => "a list is not allowed here",
        Value::Object(_) => "a map is not allowed here",
    }
}

/// A text, or another single value as text. Null is the empty text.
pub(crate) fn scalar(part: &'static str, value: &Value) -> Result<String, Misread> {
    match value {
        Value::Null => Ok(String::new()),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Number(value) => Ok(value.to_string()),
        Value::String(text) => Ok(text.clone()),
        Value::Array(_) | Value::Object(_) => Err(Misread::new(part, named(value))),
    }
}

/// Several single values; one alone is a list of one, null an empty list.
pub(crate) fn scalars(part: &'static str, value: &Value) -> Result<Vec<String>, Misread> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => items.iter().map(|item| scalar(part, item)).collect(),
        single => Ok(vec![scalar(part, single)?]),
    }
}

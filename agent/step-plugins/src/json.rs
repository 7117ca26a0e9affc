//! JSON whose numbers keep the text they were written with: `1.50` stays `1.50` in a variable.
//!
//! Reads with serde_json, level by level, so that what it accepts is what serde_json accepts.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use serde_json::Value;
use serde_json::value::RawValue;

/// How deep lists and maps may be nested.
const DEEPEST: usize = 100;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// As it was written.
    Number(String),
    /// A text.
    Text(String),
    /// Values in their order.
    List(Vec<Self>),
    /// Values by key. Of equal keys the last one counts.
    Map(Map),
}

/// Values by key, in the order of the keys' bytes.
pub type Map = BTreeMap<String, Json>;

/// Why a text is no JSON. Says where.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct JsonError(#[from] serde_json::Error);

impl Json {
    /// Reads one value and nothing after it.
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        let raw: &RawValue = serde_json::from_str(text)?;
        Ok(Self::read(raw, 0)?)
    }

    pub(crate) fn read(raw: &RawValue, depth: usize) -> serde_json::Result<Self> {
        if depth > DEEPEST {
            let text = "lists and maps are nested too deeply";
            return Err(serde::de::Error::custom(text));
        }
        let text = raw.get();
        Ok(match text.as_bytes().first() {
            Some(b'n') => Self::Null,
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'"') => Self::Text(serde_json::from_str(text)?),
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text)?;
                let items = items.into_iter().map(|item| Self::read(item, depth + 1));
                Self::List(items.collect::<Result<_, _>>()?)
            }
            Some(b'{') => {
                let entries: BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
                let entries = entries
                    .into_iter()
                    .map(|(key, value)| Ok((key, Self::read(value, depth + 1)?)));
                Self::Map(entries.collect::<Result<_, serde_json::Error>>()?)
            }
            _ => Self::Number(text.to_owned()),
        })
    }

    /// The value for libraries that know numbers as numbers.
    pub(crate) fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(text) => serde_json::from_str(text).unwrap_or(Value::Null),
            Self::Text(text) => Value::String(text.clone()),
            Self::List(items) => items.iter().map(Self::to_value).collect(),
            Self::Map(map) => map_to_value(map),
        }
    }
}

/// As [`Json::to_value`].
pub(crate) fn map_to_value(map: &Map) -> Value {
    map.iter()
        .map(|(key, value)| (key.clone(), value.to_value()))
        .collect()
}

/// Writes a map without blanks, as the peer's runtime does.
pub fn compact(map: &Map) -> String {
    Compact(map).to_string()
}

struct Compact<'a>(&'a Map);

impl fmt::Display for Compact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('{')?;
        for (index, (key, value)) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_char(',')?;
            }
            text(f, key)?;
            f.write_char(':')?;
            value.fmt(f)?;
        }
        f.write_char('}')
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(number) => f.write_str(number),
            Self::Text(value) => text(f, value),
            Self::List(items) => {
                f.write_char('[')?;
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        f.write_char(',')?;
                    }
                    item.fmt(f)?;
                }
                f.write_char(']')
            }
            Self::Map(map) => Compact(map).fmt(f),
        }
    }
}

/// A text in quotes. What has a meaning in web pages and scripts is written as its code.
fn text(f: &mut fmt::Formatter<'_>, value: &str) -> fmt::Result {
    f.write_char('"')?;
    for character in value.chars() {
        match character {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            '\u{8}' => f.write_str("\\b")?,
            '\u{c}' => f.write_str("\\f")?,
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                write!(f, "\\u{:04x}", u32::from(character))?;
            }
            other => f.write_char(other)?,
        }
    }
    f.write_char('"')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_map_is_written_sorted_without_blanks_and_with_its_numbers_as_they_were() {
        for (read, written) in [
            (r"{ }", "{}"),
            (
                r#"{"z": 1.0, "a": [1, {"y": false, "b": null}]}"#,
                r#"{"a":[1,{"b":null,"y":false}],"z":1.0}"#,
            ),
            (
                r#"{"n": [1.50, -0, 1E5, 1e+06, 123456789012345678901234567890]}"#,
                r#"{"n":[1.50,-0,1E5,1e+06,123456789012345678901234567890]}"#,
            ),
            (
                r#"{"<&>": "<&>\u2028\"\\\/é"}"#,
                r#"{"\u003c\u0026\u003e":"\u003c\u0026\u003e\u2028\"\\/é"}"#,
            ),
            (
                r#"{"c": "\n\t\r\b\f\u0001\u007f"}"#,
                "{\"c\":\"\\n\\t\\r\\b\\f\\u0001\u{7f}\"}",
            ),
            (r#"{"a": 1, "a": 2}"#, r#"{"a":2}"#),
        ] {
            let Json::Map(map) = Json::parse(read).unwrap() else {
                panic!("{read}")
            };
            assert_eq!(compact(&map), written);
        }
    }

    #[test]
    fn what_is_no_json_or_too_deep_is_refused() {
        let deep = format!("{}{}", "[".repeat(60_000), "]".repeat(60_000));
        for text in [
            "",
            "x",
            "[1,]",
            "{a: 1}",
            "[1] x",
            "01",
            "\"\\ud800\"",
            &deep,
        ] {
            assert!(Json::parse(text).is_err(), "{text:.20}");
        }
    }

    fn any_json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::Bool),
            "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,9})?([eE][+-]?[0-9]{1,3})?".prop_map(Json::Number),
            any::<String>().prop_map(Json::Text),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Json::List),
                prop::collection::btree_map(any::<String>(), inner, 0..6).prop_map(Json::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(json in any_json()) {
            prop_assert_eq!(Json::parse(&json.to_string()).unwrap(), json);
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = Json::parse(&text);
        }
    }
}

//! The list of a step's plugins, as the variable `BUILDKITE_PLUGINS` holds it: an array of
//! references, or of maps from reference to configuration.

use std::fmt;

use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::json::{Json, JsonError, Map};
use crate::reference::{Reference, ReferenceError};

/// How many characters of a text that cannot be used are shown.
const SHOWN: usize = 80;

/// A plugin that the step wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Which.
    pub reference: Reference,
    /// With which settings; none for `null`.
    pub configuration: Map,
}

/// Why the list cannot be used. Nothing of it was used then.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// Not JSON at all.
    #[error("it is no JSON: {0}")]
    Json(#[from] JsonError),
    /// JSON, but no array.
    #[error("it is no JSON array")]
    NoArray,
    /// An item that is neither a text nor a map.
    #[error("item {0} is neither a reference nor a map from reference to configuration")]
    Item(String),
    /// A configuration that is no map.
    #[error("the configuration of {0:?} is no map")]
    Configuration(String),
    /// A reference that cannot be read.
    #[error("plugin {0:?}: {1}")]
    Reference(String, ReferenceError),
}

impl From<serde_json::Error> for ListError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error.into())
    }
}

/// Reads the list.
pub fn parse_list(text: &str) -> Result<Vec<Wanted>, ListError> {
    let whole: &RawValue = serde_json::from_str(text)?;
    if !whole.get().starts_with('[') {
        return Err(ListError::NoArray);
    }
    let items: Vec<&RawValue> = serde_json::from_str(whole.get())?;
    let mut wanted = Vec::new();
    for item in items {
        match item.get().as_bytes().first() {
            Some(b'"') => {
                let text: String = serde_json::from_str(item.get())?;
                wanted.push(plugin(&text, Map::new())?);
            }
            Some(b'{') => {
                let entries =
                    serde_json::Deserializer::from_str(item.get()).deserialize_map(Entries)?;
                for (reference, configuration) in entries {
                    let configuration = match Json::read(configuration, 1)? {
                        Json::Map(map) => map,
                        Json::Null => Map::new(),
                        _ => return Err(ListError::Configuration(shown(&reference))),
                    };
                    wanted.push(plugin(&reference, configuration)?);
                }
            }
            _ => return Err(ListError::Item(item.get().chars().take(SHOWN).collect())),
        }
    }
    Ok(wanted)
}

fn plugin(text: &str, configuration: Map) -> Result<Wanted, ListError> {
    match Reference::parse(text) {
        Ok(reference) => Ok(Wanted {
            reference,
            configuration,
        }),
        Err(error) => Err(ListError::Reference(shown(text), error)),
    }
}

/// The beginning of a reference, without what may be a password.
fn shown(reference: &str) -> String {
    let (scheme, rest) = match reference.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), reference),
    };
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    let place = place.chars().take(SHOWN);
    scheme.chars().take(SHOWN).chain(place).collect()
}

/// A map in the order it was written; of equal keys the last value counts, in the first place.
struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries: Self::Value = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
            match entries.iter_mut().find(|(known, _)| *known == key) {
                Some((_, old)) => *old = value,
                None => entries.push((key, value)),
            }
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_maps_are_plugins_in_their_order() {
        let text = r#"[ "/a#v1", {"/b": {"k": 1.50}, "/a": null}, {}, {"/c": {}, "/d": {}, "/c": {"x": ""}}, "./e" ]"#;
        let list = parse_list(text).unwrap();
        let shown: Vec<String> = list
            .iter()
            .map(|one| {
                format!(
                    "{} {}",
                    one.reference.label(),
                    crate::json::compact(&one.configuration)
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "/a#v1 {}",
                "/b {\"k\":1.50}",
                "/a {}",
                "/c {\"x\":\"\"}",
                "/d {}",
                "./e {}"
            ]
        );
        assert_eq!(parse_list(" [ ]\n").unwrap(), []);
    }

    #[test]
    fn a_list_that_cannot_be_used_says_why() {
        for (text, reason) in [
            ("winch#v1", "no JSON"),
            ("", "no JSON"),
            ("[] []", "no JSON"),
            ("null", "no JSON array"),
            ("{}", "no JSON array"),
            ("\"/a\"", "no JSON array"),
            ("[null]", "item null"),
            ("[[\"/a\"]]", "item [\"/a\"]"),
            ("[7]", "item 7"),
            (r#"[{"/a": "x"}]"#, "configuration of \"/a\""),
            (r#"[{"/a": []}]"#, "configuration of \"/a\""),
            (r#"["/a#b#c"]"#, "plugin \"/a#b#c\": it has more than one #"),
            (
                r#"["https://me:pass@h/a#b#c"]"#,
                "plugin \"https://h/a#b#c\": it",
            ),
            (r#"["a\u0000b"]"#, "control character"),
        ] {
            let error = parse_list(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}

//! One pass over JSON before it is read into types: what two readers could understand differently,
//! or what is made to exhaust a reader, is refused.
//!
//! Reading into types ignores unknown fields, so it would also ignore that one of them is there
//! twice or is nested a thousand times.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// Levels of lists and objects; our documents have five.
const MAX_DEPTH: u8 = 16;

/// Refuses bytes that are not exactly one JSON value, in which a key is there twice in one object,
/// or which is nested too deep. The caller has capped the length.
pub(crate) fn check(bytes: &[u8]) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Item { below: MAX_DEPTH }.deserialize(&mut reader)?;
    reader.end()
}

/// One value, and how many levels may lie below it.
#[derive(Clone, Copy)]
struct Item {
    below: u8,
}

impl Item {
    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        let below = self.below.checked_sub(1);
        below
            .map(|below| Self { below })
            .ok_or_else(|| E::custom(format_args!("it is nested deeper than {MAX_DEPTH} levels")))
    }
}

impl<'de> DeserializeSeed<'de> for Item {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Item {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        while list.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        let mut keys = BTreeSet::new();
        while let Some(key) = object.next_key::<String>()? {
            object.next_value_seed(inner)?;
            if let Some(twice) = keys.replace(key) {
                return Err(A::Error::custom(format_args!("{twice:?} is there twice")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_readers_could_understand_differently_is_refused() {
        for (text, part) in [
            (r#"{"a":1,"a":2}"#, "twice"),
            (r#"{"a":[{"b":1,"\u0062":2}]}"#, "twice"),
            (&format!("{}1{}", "[".repeat(17), "]".repeat(17)), "deeper"),
            (&"[".repeat(500_000), "deeper"),
            (r#"{"a":1} {}"#, "trailing"),
            (r#"{"a":1"#, "EOF"),
            ("", "EOF"),
        ] {
            let error = check(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn ordinary_documents_pass() {
        let text = r#" {"a":[1,-2,2.5,true,null,"x"],"b":{"a":{"a":[]}}} "#;
        check(text.as_bytes()).unwrap();
        check(format!("{}1{}", "[".repeat(16), "]".repeat(16)).as_bytes()).unwrap();
    }
}

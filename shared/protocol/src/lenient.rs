//! Reading what endpoints really send: `null` where a value could stand means "not given".

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// Reads `null` as the default value.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads texts by their names, of which each may be `null`; so may all of them.
pub(crate) fn texts<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<BTreeMap<String, String>>, D::Error> {
    let texts = Option::<BTreeMap<String, Option<String>>>::deserialize(deserializer)?;
    let given = |(name, text): (String, Option<String>)| (name, text.unwrap_or_default());
    Ok(texts.map(|texts| texts.into_iter().map(given).collect()))
}

/// Reads a number of seconds. One below zero, which endpoints written for signed numbers may send,
/// means "not given", as `null` does.
pub(crate) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let given = Option::<i128>::deserialize(deserializer)?.unwrap_or_default();
    Ok(u64::try_from(given.max(0)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Field(#[serde(deserialize_with = "seconds")] u64);

    #[test]
    fn seconds_below_zero_are_not_given() {
        for (json, expected) in [
            ("7", 7),
            ("0", 0),
            ("-1", 0),
            ("null", 0),
            ("18446744073709551615", u64::MAX),
        ] {
            let Field(read) = serde_json::from_str(json).unwrap();
            assert_eq!(read, expected, "{json}");
        }
        assert!(serde_json::from_str::<Field>("\"7\"").is_err());
    }
}

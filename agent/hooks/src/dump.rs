//! The environment a shell had when its hook was over, as `env -0` or the agent's own `env dump`
//! writes it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// Why a written environment cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("read the environment that the hook left: {0}")]
pub struct DumpError(String);

/// Variables by name. A hook that called `exit` leaves none at all.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Dump {
    variables: BTreeMap<OsString, OsString>,
}

impl Dump {
    /// Reads `NAME=VALUE` entries, each ended by a zero byte, which no value can hold. An entry
    /// without a name or an equals sign is passed over; of equal names the last counts.
    pub fn parse(bytes: &[u8]) -> Self {
        let entries = bytes.split(|byte| *byte == 0);
        let variables = entries.filter_map(|entry| {
            // A name may begin with an equals sign on Windows, and nowhere else.
            let equals = entry.iter().skip(1).position(|byte| *byte == b'=')? + 1;
            Some((os_string(&entry[..equals]), os_string(&entry[equals + 1..])))
        });
        Self {
            variables: variables.collect(),
        }
    }

    /// Reads an object of names and values.
    pub fn parse_json(bytes: &[u8]) -> Result<Self, DumpError> {
        let variables: BTreeMap<String, String> =
            serde_json::from_slice(bytes).map_err(|error| DumpError(error.to_string()))?;
        Ok(variables.into_iter().collect())
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.variables.is_empty()
    }

    /// The value of a variable.
    pub fn get(&self, name: impl AsRef<OsStr>) -> Option<&OsStr> {
        self.variables.get(name.as_ref()).map(OsString::as_os_str)
    }

    /// Takes a variable out.
    pub fn take(&mut self, name: impl AsRef<OsStr>) -> Option<OsString> {
        self.variables.remove(name.as_ref())
    }

    /// Every variable, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.variables
            .iter()
            .map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Dump {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let pairs = pairs.into_iter();
        Self {
            variables: pairs
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        }
    }
}

/// Names only: values may be secrets.
impl std::fmt::Debug for Dump {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

#[cfg(unix)]
fn os_string(bytes: &[u8]) -> OsString {
    use std::os::unix::ffi::OsStringExt;
    OsString::from_vec(bytes.to_vec())
}

#[cfg(not(unix))]
fn os_string(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn entries_end_with_a_zero_byte_and_odd_ones_are_passed_over() {
        let dump = Dump::parse(b"A=1\0B=x=y\nz\0C=\0NONE\0=odd\0\0A=2\0");
        let wanted = [("A", "2"), ("B", "x=y\nz"), ("C", "")];
        assert_eq!(dump, wanted.into_iter().collect());
        assert!(Dump::parse(b"").is_empty());
    }

    #[test]
    fn json_is_read_and_anything_else_is_an_error() {
        let dump = Dump::parse_json(br#"{"A":"1","B":"x\ny"}"#);
        assert_eq!(dump, Ok([("A", "1"), ("B", "x\ny")].into_iter().collect()));
        for bad in ["", "[]", r#"{"A":1}"#, r#"{"A":"1""#] {
            assert!(Dump::parse_json(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn values_are_not_shown() {
        let dump = Dump::parse(b"TOKEN=sesame\0");
        assert_eq!(format!("{dump:?}"), r#"{"TOKEN"}"#);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Dump::parse(&bytes);
            let _ = Dump::parse_json(&bytes);
        }
    }
}

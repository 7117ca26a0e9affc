//! A value that must not be shown.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A secret text, such as a token. `Debug` and `Display` print `****`; [`Secret::expose`] is the
/// one way to the value, so that every use can be found by name.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for a request header or a child's environment.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no value at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints_its_value() {
        let secret = Secret::new("llamas");
        assert_eq!(
            format!("{secret} {secret:?} {:?}", Some(&secret)),
            "**** **** Some(****)"
        );
    }
}

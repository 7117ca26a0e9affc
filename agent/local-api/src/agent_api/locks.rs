//! The table of locks: values by key, changed only by who knows the present one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// More locks than any host needs at once; an agent must not grow without end.
const MOST_LOCKS: usize = 100_000;
/// The most bytes of a key or a value.
const MOST_BYTES: usize = 4096;

/// All locks. One that is not in it has the empty value.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Table(BTreeMap<String, String>);

/// What a swap did.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Swap {
    /// The value that the lock has now.
    pub(super) value: String,
    pub(super) swapped: bool,
}

/// Why a swap is not even tried.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    #[error("there are {MOST_LOCKS} locks already; free some")]
    Locks,
    #[error("a key or value is longer than {MOST_BYTES} bytes")]
    Bytes,
}

impl Table {
    /// The value of a lock.
    pub(super) fn get(&self, key: &str) -> &str {
        self.0.get(key).map_or("", String::as_str)
    }

    /// Gives a lock a new value if it still has the old one.
    pub(super) fn swap(&mut self, key: &str, old: &str, new: &str) -> Result<Swap, Full> {
        if key.len() > MOST_BYTES || new.len() > MOST_BYTES {
            return Err(Full::Bytes);
        }
        let present = self.get(key);
        if present != old {
            let value = present.to_owned();
            return Ok(Swap {
                value,
                swapped: false,
            });
        }
        if new.is_empty() {
            self.0.remove(key);
        } else if self.0.len() < MOST_LOCKS || self.0.contains_key(key) {
            self.0.insert(key.to_owned(), new.to_owned());
        } else {
            return Err(Full::Locks);
        }
        let value = new.to_owned();
        Ok(Swap {
            value,
            swapped: true,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_knows_the_value_changes_it() {
        let mut table = Table::default();
        for (old, new, value, swapped) in [
            ("x", "y", "", false),
            ("", "a", "a", true),
            ("", "b", "a", false),
            ("a", "b", "b", true),
            ("b", "", "", true),
            ("b", "", "", false),
            ("", "", "", true),
        ] {
            let value = value.to_owned();
            assert_eq!(
                table.swap("k", old, new),
                Ok(Swap { value, swapped }),
                "{old} {new}"
            );
        }
        assert!(table.is_empty());
    }

    #[test]
    fn a_table_has_an_end_and_what_is_in_it_can_still_change() {
        let mut table = Table::default();
        for key in 0..MOST_LOCKS {
            assert!(table.swap(&key.to_string(), "", "x").is_ok());
        }
        assert_eq!(table.swap("more", "", "x"), Err(Full::Locks));
        assert!(table.swap("7", "x", "y").is_ok_and(|swap| swap.swapped));
        assert!(table.swap("7", "y", "").is_ok_and(|swap| swap.swapped));
        assert!(table.swap("more", "", "x").is_ok_and(|swap| swap.swapped));
        let long = "x".repeat(MOST_BYTES + 1);
        assert_eq!(table.swap(&long, "", "x"), Err(Full::Bytes));
        assert_eq!(table.swap("k", "", &long), Err(Full::Bytes));
    }
}

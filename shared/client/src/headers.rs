//! Headers that an endpoint asks to get back with every request, for its own routing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use shared_protocol::header::REQUEST_HEADER_PREFIX;

/// The headers of one worker. Clones share one set, so that what a ping brings also holds for the
/// requests of the running job.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestHeaders(Arc<Mutex<BTreeMap<String, String>>>);

impl RequestHeaders {
    /// Takes what an answer says: nothing leaves the set as it is, a map replaces it. Names that do
    /// not start with the one allowed prefix, and pairs that cannot be headers, are dropped.
    pub(crate) fn replace(&self, wanted: Option<&BTreeMap<String, String>>) {
        let Some(wanted) = wanted else { return };
        let kept = wanted
            .iter()
            .filter(|(name, value)| name.starts_with(REQUEST_HEADER_PREFIX) && is_pair(name, value))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = kept;
    }

    /// The set as it is now.
    pub(crate) fn get(&self) -> BTreeMap<String, String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Adds the set to the headers of a request.
    pub(crate) fn add_to(&self, headers: &mut HeaderMap) {
        for (name, value) in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if let (Ok(name), Ok(value)) =
                (name.parse::<HeaderName>(), HeaderValue::from_str(value))
            {
                headers.insert(name, value);
            }
        }
    }
}

fn is_pair(name: &str, value: &str) -> bool {
    name.parse::<HeaderName>().is_ok() && HeaderValue::from_str(value).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn only_the_allowed_prefix_in_exactly_its_case_is_kept() {
        let headers = RequestHeaders::default();
        headers.replace(Some(&map(&[
            ("Buildkite-Shard", "s7"),
            ("buildkite-lower", "no"),
            ("X-Other", "1"),
            ("Buildkite-Bad", "a\nb"),
            ("Buildkite Bad", "a"),
        ])));
        assert_eq!(headers.get(), map(&[("Buildkite-Shard", "s7")]));
    }

    #[test]
    fn a_map_replaces_all_and_an_empty_one_clears_and_none_leaves() {
        let headers = RequestHeaders::default();
        headers.replace(Some(&map(&[("Buildkite-A", "1")])));
        headers.replace(None);
        assert_eq!(headers.get(), map(&[("Buildkite-A", "1")]));
        headers.replace(Some(&map(&[("Buildkite-B", "2")])));
        assert_eq!(headers.get(), map(&[("Buildkite-B", "2")]));
        headers.replace(Some(&map(&[])));
        assert_eq!(headers.get(), map(&[]));
    }
}

//! Tags from the variables that a controller sets in the agent's pod. Pure.

use std::collections::BTreeMap;

use crate::Tag;

const PREFIX: &str = "BUILDKITE_K8S_";

/// `BUILDKITE_K8S_NODE_NAME=a` as `k8s:node-name=a`, by name.
pub(crate) fn tags(variables: &BTreeMap<String, String>) -> Vec<Tag> {
    let of_pod = variables
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?, value)));
    of_pod
        .map(|(name, value)| {
            let key = name.to_lowercase().replace('_', "-");
            (format!("k8s:{key}"), value.clone())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_pods_variables_become_tags() {
        let variables = [
            ("BUILDKITE_K8S_NODE_NAME", "n"),
            ("BUILDKITE_K8S_ZONE", "z"),
            ("OTHER", "o"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            tags(&BTreeMap::from(variables)),
            [tag("k8s:node-name", "n"), tag("k8s:zone", "z")]
        );
    }
}

//! Which worker suits which job: a step's rules against a worker's tags, each `key=value`.
//!
//! Buildkite's meaning: every rule must be met by a tag; the value `*` is met by any value; who
//! names no queue means the queue `default`.

const QUEUE: &str = "queue";
const DEFAULT_QUEUE: &str = "default";

/// Whether a worker with `tags` may run a job with `rules`.
pub fn suits(rules: &[String], tags: &[String]) -> bool {
    let default = (QUEUE, DEFAULT_QUEUE);
    let names_queue = |list: &[String]| pairs(list).any(|(key, _)| key == QUEUE);
    let queue_of = |list: &[String]| (!names_queue(list)).then_some(default);
    let met = |(key, value): (&str, &str)| {
        pairs(tags)
            .chain(queue_of(tags))
            .any(|tag| tag.0 == key && (value == "*" || tag.1 == value))
    };
    pairs(rules).chain(queue_of(rules)).all(met)
}

/// Splits each entry at its first `=`. An entry without one is a key whose value is `true`, which is
/// how agents read a bare tag.
fn pairs(list: &[String]) -> impl Iterator<Item = (&str, &str)> {
    list.iter().map(|entry| {
        let (key, value) = entry.split_once('=').unwrap_or((entry, "true"));
        (key.trim(), value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_must_be_met_and_the_queue_is_always_one() {
        for (rules, tags, expected) in [
            ("", "", true),
            ("", "queue=default", true),
            ("", "queue=gpu", false),
            ("queue=gpu", "", false),
            ("queue=gpu", "queue=gpu os=linux", true),
            ("queue=gpu os=linux", "queue=gpu", false),
            ("queue=* os=linux", "queue=gpu os=linux", true),
            ("docker=true", "docker", true),
            ("docker=*", "podman=true", false),
            ("queue=a", "queue=a queue=b", true),
            ("queue=b", "queue=a queue=b", true),
        ] {
            let list = |text: &str| {
                text.split_whitespace()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            assert_eq!(
                suits(&list(rules), &list(tags)),
                expected,
                "{rules:?} {tags:?}"
            );
        }
    }
}

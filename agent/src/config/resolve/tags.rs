//! Which tags workers get, and from where.

use agent_tags::{Pair, Wanted, pairs};

use super::{BadValue, ConfigError, Values};

/// Tags, and the sources of more.
#[derive(Debug)]
pub struct TagsConfig {
    /// Tags as given, and sources.
    pub wanted: Wanted,
    /// The queue, which comes last and must not be among the others.
    pub queue: Option<String>,
}

pub(super) fn tags(values: &Values<'_>) -> Result<TagsConfig, ConfigError> {
    let explicit = values.list("tags");
    let queue = values.text("queue");
    if !queue.is_empty() && explicit.iter().any(|tag| tag.starts_with("queue=")) {
        return Err(ConfigError::Conflict(
            "the queue is given twice, by --queue and by a tag; remove one of them",
        ));
    }
    let wanted = Wanted {
        explicit,
        kubernetes: values.switch("kubernetes-exec")?,
        host: values.switch("tags-from-host")?,
        ec2: values.switch("tags-from-ec2-meta-data")?,
        ec2_paths: paths(values, "tags-from-ec2-meta-data-paths")?,
        ec2_tags: values.switch("tags-from-ec2-tags")?,
        ecs: values.switch("tags-from-ecs-meta-data")?,
        gcp: values.switch("tags-from-gcp-meta-data")?,
        gcp_paths: paths(values, "tags-from-gcp-meta-data-paths")?,
        gcp_labels: values.switch("tags-from-gcp-labels")?,
        ec2_limit: values.duration("wait-for-ec2-meta-data-timeout")?,
        ec2_tags_limit: values.duration("wait-for-ec2-tags-timeout")?,
        ecs_limit: values.duration("wait-for-ecs-meta-data-timeout")?,
        gcp_labels_limit: values.duration("wait-for-gcp-labels-timeout")?,
        fail_on_missing: values.switch("fail-on-missing-tags")?,
    };
    Ok(TagsConfig {
        wanted,
        queue: (!queue.is_empty()).then_some(queue),
    })
}

fn paths(values: &Values<'_>, name: &str) -> Result<Vec<Pair>, BadValue> {
    pairs(&values.list(name)).map_err(|bad| values.complain(name, &format!("has an entry {bad}")))
}

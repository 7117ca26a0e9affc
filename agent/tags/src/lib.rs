//! Facts about the host, as tags of its workers: the operating system, EC2, ECS, Google Cloud,
//! Kubernetes.
//!
//! ```text
//! Wanted ─▶ collect ─▶ explicit, kubernetes, host, ec2, ec2 paths, ec2 tags, ecs, gcp, gcp paths, gcp labels
//! ```
//!
//! Read once, before workers register, in that order. A source that does not answer in its time is
//! left out, or ends the start when the user says so. Nothing is asked that nobody wants.

mod ec2;
mod ecs;
mod gcp;
mod host;
mod kubernetes;
mod pairs;
mod patience;
mod service;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

pub use host::HostFacts;
pub use pairs::{BadPair, Pair, pairs};

use service::Trouble;

/// A tag's key and value. Sent as `key=value`.
type Tag = (String, String);

/// The environment.
type Variables = BTreeMap<String, String>;

/// What a variable says; one that is set to nothing says nothing.
fn set<'a>(variables: &'a Variables, name: &str) -> Option<&'a str> {
    let value = variables.get(name).map(String::as_str);
    value.filter(|value| !value.is_empty())
}

/// Which sources somebody wants, and how long each may take.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Tags as they were given, each `key=value`.
    pub explicit: Vec<String>,
    /// Variables of the pod that the agent runs in.
    pub kubernetes: bool,
    /// Name, system, architecture and id of the machine.
    pub host: bool,
    /// The identity of the EC2 instance.
    pub ec2: bool,
    /// Further values of its metadata.
    pub ec2_paths: Vec<Pair>,
    /// Tags of the EC2 instance.
    pub ec2_tags: bool,
    /// The task and container of ECS.
    pub ecs: bool,
    /// The identity of the instance in Google Cloud.
    pub gcp: bool,
    /// Further values of its metadata.
    pub gcp_paths: Vec<Pair>,
    /// Labels of the instance in Google Cloud.
    pub gcp_labels: bool,
    /// Time for EC2 metadata.
    pub ec2_limit: Duration,
    /// Time for EC2 tags.
    pub ec2_tags_limit: Duration,
    /// Time for ECS metadata.
    pub ecs_limit: Duration,
    /// Time for labels in Google Cloud.
    pub gcp_labels_limit: Duration,
    /// A source that does not answer is an error.
    pub fail_on_missing: bool,
}

/// What the sources are read from.
#[derive(Debug, Clone)]
pub struct Around {
    /// The machine.
    pub host: HostFacts,
    /// The environment.
    pub variables: BTreeMap<String, String>,
    /// Tells the time that requests to clouds are signed with.
    pub clock: fn() -> SystemTime,
}

/// A source that did not answer, where tags must not be missing.
#[derive(Debug, thiserror::Error)]
#[error(
    "tags from {source_name} are missing: {cause}; correct the source or remove --fail-on-missing-tags"
)]
pub struct Missing {
    source_name: &'static str,
    cause: String,
}

/// All tags, in the order of their sources. Takes as long as the slowest source may, once for each;
/// may be dropped at any time.
pub async fn collect(wanted: &Wanted, around: &Around) -> Result<Vec<String>, Missing> {
    let mut tags = Tags {
        all: wanted.explicit.clone(),
        fail_on_missing: wanted.fail_on_missing,
    };
    let variables = &around.variables;
    if wanted.kubernetes {
        tags.add(kubernetes::tags(variables));
    }
    if wanted.host {
        tags.add(host::tags(&around.host));
    }
    if wanted.ec2 {
        let found = ec2::identity(variables, wanted.ec2_limit).await;
        tags.take("EC2 metadata", found)?;
    }
    if !wanted.ec2_paths.is_empty() {
        let found = ec2::values(variables, wanted.ec2_limit, &wanted.ec2_paths).await;
        tags.take("EC2 metadata paths", found)?;
    }
    if wanted.ec2_tags {
        let found = ec2::instance_tags(variables, around.clock, wanted.ec2_tags_limit).await;
        tags.take("EC2 tags", found)?;
    }
    if wanted.ecs {
        let found = ecs::tags(variables, wanted.ecs_limit).await;
        tags.take("ECS metadata", found)?;
    }
    if wanted.gcp {
        let found = gcp::identity(variables).await;
        tags.take("Google Cloud metadata", found)?;
    }
    if !wanted.gcp_paths.is_empty() {
        let found = gcp::values(variables, &wanted.gcp_paths).await;
        tags.take("Google Cloud metadata paths", found)?;
    }
    if wanted.gcp_labels {
        let found = gcp::labels(variables, wanted.gcp_labels_limit).await;
        tags.take("Google Cloud labels", found)?;
    }
    Ok(tags.all)
}

/// What is collected so far.
struct Tags {
    all: Vec<String>,
    fail_on_missing: bool,
}

impl Tags {
    fn add(&mut self, tags: impl IntoIterator<Item = Tag>) {
        let tags = tags
            .into_iter()
            .map(|(key, value)| format!("{key}={value}"));
        self.all.extend(tags);
    }

    fn take(
        &mut self,
        name: &'static str,
        found: Result<Vec<Tag>, Trouble>,
    ) -> Result<(), Missing> {
        match found {
            Ok(tags) => self.add(tags),
            Err(trouble) if self.fail_on_missing => {
                return Err(Missing {
                    source_name: name,
                    cause: trouble.to_string(),
                });
            }
            Err(trouble) => tracing::error!("going on without tags from {name}: {trouble}"),
        }
        Ok(())
    }
}

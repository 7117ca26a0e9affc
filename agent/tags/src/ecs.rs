//! Tags from the ECS task that the agent runs in.
//!
//! Source: "Amazon ECS task metadata endpoint version 4" of the ECS developer guide.

use std::time::Duration;

use serde::Deserialize;

use crate::patience::{Patience, insist};
use crate::service::{Service, Trouble};
use crate::{Tag, Variables, set};

/// Variable with the container's address at the service.
const ADDRESS: &str = "ECS_CONTAINER_METADATA_URI_V4";

#[derive(Debug, Deserialize)]
struct Container {
    #[serde(rename = "Name", default)]
    name: String,
    #[serde(rename = "Image", default)]
    image: String,
    #[serde(rename = "Limits", default)]
    limits: Limits,
}

#[derive(Debug, Deserialize)]
struct Task {
    #[serde(rename = "TaskARN", default)]
    arn: String,
    #[serde(rename = "AvailabilityZone", default)]
    zone: String,
    #[serde(rename = "LaunchType", default)]
    launch_type: String,
}

/// Numbers as the service writes them, whole or not.
#[derive(Debug, Default, Deserialize)]
struct Limits {
    #[serde(rename = "CPU", default)]
    cpu: Option<serde_json::Number>,
    #[serde(rename = "Memory", default)]
    memory: Option<serde_json::Number>,
}

/// The tags.
pub(crate) async fn tags(variables: &Variables, limit: Duration) -> Result<Vec<Tag>, Trouble> {
    let address = set(variables, ADDRESS).ok_or(Trouble::Absent(ADDRESS))?;
    let address = address.trim_end_matches('/');
    let patience = Patience::within(limit);
    let service = Service::near(patience)?;
    let accept = ("Accept", "application/json");
    insist(patience, async || {
        let container = service.json(address, accept).await?;
        let task = service.json(&format!("{address}/task"), accept).await?;
        Ok(of(container, task))
    })
    .await
}

fn of(container: Container, task: Task) -> Vec<Tag> {
    let number = |number: Option<serde_json::Number>| match number {
        Some(number) => number.to_string(),
        None => "0".to_owned(),
    };
    [
        ("ecs:availability-zone", task.zone),
        ("ecs:container-name", container.name),
        ("ecs:cpu-limit", number(container.limits.cpu)),
        ("ecs:image", container.image),
        ("ecs:launch-type", task.launch_type),
        ("ecs:memory-limit", number(container.limits.memory)),
        ("ecs:task-arn", task.arn),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

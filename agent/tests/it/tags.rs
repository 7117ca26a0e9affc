//! Where the tags of a registration come from, and what happens without them.

use serde_json::{Value, json};

use crate::agent::Bench;
use crate::endpoint::{Endpoint, disconnect, ok, status};

const REGISTER: &str = "POST /v3/register";

/// The tags that an agent registered with, and with which status it ended.
async fn registered(
    endpoint: &Endpoint,
    args: &[&str],
    env: &[(&str, &str)],
) -> (Option<Value>, Option<i32>, String) {
    endpoint.on("GET /v3/ping", [disconnect()]);
    let ended = Bench::new().start_with(endpoint, args, env).ended().await;
    let asked = endpoint.asked(REGISTER);
    let tags = asked.first().map(|asked| asked.json()["meta_data"].clone());
    (tags, ended.code, ended.log)
}

#[tokio::test]
async fn tags_come_in_the_order_of_their_sources_and_the_queue_last() {
    let (endpoint, metadata) = (Endpoint::start().await, Endpoint::start().await);
    metadata.on("GET /v3", [ok(&json!({"Name": "c", "Image": "i"}))]);
    metadata.on("GET /v3/task", [ok(&json!({"TaskARN": "arn"}))]);
    let args = [
        "--tags=own=1",
        "--queue=slow",
        "--tags-from-host",
        "--tags-from-ecs-meta-data",
    ];
    let variable = ("ECS_CONTAINER_METADATA_URI_V4", metadata.url.as_str());
    let (tags, code, log) = registered(&endpoint, &args, &[variable]).await;
    assert_eq!(code, Some(0), "{log}");
    let tags: Vec<String> = serde_json::from_value(tags.unwrap()).unwrap();
    let keys: Vec<&str> = tags
        .iter()
        .map(|tag| tag.split_once('=').unwrap().0)
        .collect();
    let ecs = keys
        .iter()
        .position(|key| *key == "ecs:availability-zone")
        .unwrap();
    assert_eq!(keys[..4], ["own", "hostname", "os", "arch"], "{keys:?}");
    assert!(tags.contains(&"ecs:task-arn=arn".to_owned()), "{tags:?}");
    assert!(ecs > 3 && tags.last().unwrap() == "queue=slow", "{tags:?}");
}

#[tokio::test]
async fn a_silent_source_ends_the_start_only_when_tags_must_not_be_missing() {
    let (endpoint, metadata) = (Endpoint::start().await, Endpoint::start().await);
    metadata.on("GET /v3", [status(500)]);
    let variable = ("ECS_CONTAINER_METADATA_URI_V4", metadata.url.as_str());
    let args = [
        "--tags-from-ecs-meta-data",
        "--wait-for-ecs-meta-data-timeout=50ms",
    ];
    let (tags, code, log) = registered(&endpoint, &args, &[variable]).await;
    assert_eq!((tags, code), (Some(json!([])), Some(0)), "{log}");
    assert!(
        log.contains("going on without tags from ECS metadata"),
        "{log}"
    );

    let endpoint = Endpoint::start().await;
    let args = [args[0], args[1], "--fail-on-missing-tags"];
    let (tags, code, log) = registered(&endpoint, &args, &[variable]).await;
    assert_eq!((tags, code), (None, Some(1)), "{log}");
    assert!(log.contains("tags from ECS metadata are missing"), "{log}");
}

#[tokio::test]
async fn a_pair_that_is_none_is_named() {
    let endpoint = Endpoint::start().await;
    let args = ["--tags-from-ec2-meta-data-paths=rack"];
    let (tags, code, log) = registered(&endpoint, &args, &[]).await;
    assert_eq!((tags, code), (None, Some(1)));
    assert!(
        log.contains("--tags-from-ec2-meta-data-paths") && log.contains("tag=path"),
        "{log}"
    );
}

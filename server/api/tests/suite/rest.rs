//! Pipelines and builds over REST.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{Bed, answer};

/// Posts each body and compares the status and a part of the message.
async fn refused(bed: &Bed, cases: &[(&str, Value, u16, &str)]) {
    for (path, body, status, part) in cases {
        let (found, answer) = bed.rest(Method::POST, path, Some(body.clone())).await;
        assert_eq!(found.as_u16(), *status, "{body}: {answer}");
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains(part), "{body}: {message}");
    }
}

#[tokio::test]
async fn what_a_pipeline_cannot_be_is_said() {
    let bed = Bed::new().await;
    bed.build(&["make"]).await;
    let step = json!([{"command": "a"}]);
    let pipeline = |name: &str, repository: &str, steps: &Value| json!({"name": name, "repository": repository, "steps": steps});
    let cases = [
        (
            "pipelines",
            json!({"name": "x", "repository": "r"}),
            400,
            "steps",
        ),
        ("pipelines", pipeline("—", "r", &step), 422, "name"),
        ("pipelines", pipeline("x", " ", &step), 422, "repository"),
        (
            "pipelines",
            pipeline("x", "r", &json!([])),
            422,
            "at least one step",
        ),
        ("pipelines", pipeline("ROCKET", "r", &step), 422, "already"),
    ];
    refused(&bed, &cases).await;
    let (_, pipelines) = bed.rest(Method::GET, "pipelines", None).await;
    assert_eq!(pipelines.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_a_build_cannot_be_is_said() {
    let bed = Bed::new().await;
    bed.build(&["make"]).await;
    let builds = "pipelines/rocket/builds";
    let cases = [
        ("pipelines/none/builds", json!({}), 404, "no such pipeline"),
        (builds, json!({"commit": "--upload-pack=x"}), 422, "commit"),
        (builds, json!({"branch": ""}), 422, "branch"),
        (builds, json!({"env": {"A B": ""}}), 422, "A B"),
        (builds, json!({"env": {"A": 1}}), 400, "expected a string"),
    ];
    refused(&bed, &cases).await;
    let (_, builds) = bed.rest(Method::GET, builds, None).await;
    assert_eq!(builds.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn builds_are_numbered_and_listed_newest_first() {
    let bed = Bed::new().await;
    bed.build(&["make"]).await;
    let (_, second) = bed
        .rest(
            Method::POST,
            "pipelines/rocket/builds",
            Some(json!({"message": "again"})),
        )
        .await;
    assert_eq!(second["number"], 2);
    let (_, builds) = bed.rest(Method::GET, "pipelines/rocket/builds", None).await;
    assert_eq!(
        (&builds[0]["number"], &builds[1]["number"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(builds[0]["message"], "again");
}

#[tokio::test]
async fn another_organization_is_named_and_the_right_one_too() {
    let bed = Bed::new().await;
    let url = format!("{}/v2/organizations/acme/agents", bed.url);
    let (status, body) = answer(
        bed.client
            .get(url)
            .bearer_auth(&bed.api)
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(status, 404);
    assert_eq!(
        body["message"],
        "no organization acme; this server has trireme"
    );
}

#[tokio::test]
async fn anybody_may_ask_whether_the_server_is_well_and_learns_only_that() {
    let bed = Bed::new().await;
    let well = bed.client.get(format!("{}/healthz", bed.url));
    let answer = well.try_clone().unwrap().send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.text().await.unwrap(), "ok\n");
    bed.store.close().await;
    assert_eq!(well.send().await.unwrap().status(), 500);
}

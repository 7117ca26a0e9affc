//! Who may do what: tokens, offers, repetitions, limits.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{Bed, answer};

#[tokio::test]
async fn every_route_refuses_a_wrong_token_with_a_reason() {
    let bed = Bed::new().await;
    let agent = bed.register("a").await;
    bed.build(&["make"]).await;
    let job = bed.take(&agent).await;
    let start = format!("{}/start", job.path);
    let chunks = format!("{}/chunks?sequence=1&offset=0&size=0", job.path);
    for (method, path, token) in [
        (Method::POST, "register", "wrong"),
        (Method::POST, "register", &agent.token),
        (Method::POST, "register", &bed.api),
        (Method::GET, "ping", "wrong"),
        (Method::GET, "ping", ""),
        (Method::GET, "ping", &bed.registration),
        (Method::GET, "ping", &job.token),
        (Method::POST, "connect", &bed.registration),
        (Method::GET, &job.path, &bed.registration),
        (Method::PUT, &start, &bed.api),
        (Method::POST, &chunks, "wrong"),
    ] {
        let response = bed.agent(method, path, token, Some(json!({}))).await;
        let (status, body) = answer(response).await;
        assert_eq!(status, 401, "{path} with {token}");
        assert!(
            body["message"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{path}: {body}"
        );
    }
    let (status, _) = answer(
        bed.client
            .get(format!("{}/v2/organizations/trireme/agents", bed.url))
            .bearer_auth(&bed.registration)
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(status, 401, "an agent's token opens no REST route");
}

#[tokio::test]
async fn only_the_worker_that_was_offered_a_job_can_accept_it() {
    let bed = Bed::new().await;
    let (a, b) = (bed.register("a").await, bed.register("b").await);
    bed.build(&["make"]).await;
    let job = bed.ping(&a).await.unwrap();
    assert_eq!(bed.ping(&b).await, None);
    let (status, body) = bed.accept(&b, &job).await;
    assert_eq!(
        (status.as_u16(), &body["message"]),
        (422, &json!("the job belongs to another agent"))
    );
    assert_eq!(bed.accept(&a, &job).await.0, 200);
    assert_eq!(
        bed.accept(&a, &job).await.0,
        200,
        "its own repetition is granted"
    );
    assert_eq!(bed.accept(&b, &job).await.0, 422);
}

#[tokio::test]
async fn an_offer_that_was_not_accepted_in_time_goes_to_another() {
    let mut bed = Bed::new().await;
    let (slow, quick) = (bed.register("slow").await, bed.register("quick").await);
    bed.build(&["make"]).await;
    let job = bed.ping(&slow).await.unwrap();
    bed.pass(Duration::from_secs(30)).await;
    assert_eq!(bed.ping(&quick).await.as_ref(), Some(&job));
    assert_eq!(bed.accept(&slow, &job).await.0, 422);
    assert_eq!(bed.accept(&quick, &job).await.0, 200);
}

#[tokio::test]
async fn a_jobs_token_is_for_its_job_alone() {
    let bed = Bed::new().await;
    let (a, b) = (bed.register("a").await, bed.register("b").await);
    bed.build(&["make"]).await;
    bed.rest(Method::POST, "pipelines/rocket/builds", Some(json!({})))
        .await;
    let (first, second) = (bed.take(&a).await, bed.take(&b).await);
    for path in [
        second.path.clone(),
        format!("{}/chunks?sequence=1&offset=0&size=0", second.path),
    ] {
        let method = if path.contains('?') {
            Method::POST
        } else {
            Method::GET
        };
        let (status, body) = answer(bed.agent(method, &path, &first.token, None).await).await;
        assert_eq!(
            (status.as_u16(), &body["message"]),
            (401, &json!("this token is for another job")),
            "{path}"
        );
    }
    let (status, _) = answer(bed.agent(Method::GET, &second.path, &a.token, None).await).await;
    assert_eq!(status, 401, "another worker's token neither");
}

#[tokio::test]
async fn finishing_again_is_granted_when_it_says_the_same_and_refused_otherwise() {
    let bed = Bed::new().await;
    let agent = bed.register("a").await;
    bed.build(&["make"]).await;
    let job = bed.take(&agent).await;
    assert_eq!(bed.finish(&job, "3").await.0, 200);
    assert_eq!(bed.finish(&job, "3").await.0, 200);
    assert_eq!(bed.finish(&job, "0").await.0, 422);
    assert_eq!(bed.now().await["jobs"][0]["exit_status"], 3);
    assert_eq!(bed.chunk(&job, 1, 0, b"late").await, 422);
}

#[tokio::test]
async fn a_finish_that_makes_no_sense_is_refused_and_changes_nothing() {
    let bed = Bed::new().await;
    let agent = bed.register("a").await;
    bed.build(&["make"]).await;
    let job = bed.take(&agent).await;
    assert_eq!(bed.finish(&job, "fine").await.0, 422);
    let path = format!("{}/finish", job.path);
    let response = bed
        .agent(Method::PUT, &path, &job.token, Some(Value::Null))
        .await;
    assert_eq!(response.status(), 400);
    assert_eq!(bed.job_states().await, ["running"]);
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let bed = Bed::new().await;
    let body = json!({"name": "x".repeat(2 << 20)});
    let (status, body) = bed.rest(Method::POST, "pipelines", Some(body)).await;
    assert_eq!(status, 413);
    assert!(body["message"].is_string(), "{body}");
}

#[tokio::test]
async fn what_is_not_there_is_said_in_json() {
    let bed = Bed::new().await;
    let agent = bed.register("a").await;
    for path in ["jobs/none/accept", "jobs/%2E%2E/start", "nothing"] {
        let body = json!({"started_at": ""});
        let (status, body) =
            answer(bed.agent(Method::PUT, path, &agent.token, Some(body)).await).await;
        assert_eq!(status, 404, "{path}");
        assert!(body["message"].is_string(), "{path}: {body}");
    }
    let (status, body) = answer(bed.agent(Method::DELETE, "ping", &agent.token, None).await).await;
    assert_eq!((status.as_u16(), body["message"].is_string()), (405, true));
}

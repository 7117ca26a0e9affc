//! What time brings about: lost workers, time limits, goodbyes.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::{Bed, answer};

const LOST: Duration = Duration::from_mins(2);

#[tokio::test]
async fn a_silent_worker_is_lost_and_its_job_fails_once_with_the_reason() {
    let mut bed = Bed::new().await;
    let agent = bed.register("a").await;
    bed.build(&["one", "two"]).await;
    let job = bed.take(&agent).await;
    bed.pass(LOST).await;
    let build = bed.now().await;
    let lost = &build["jobs"][0];
    assert_eq!(
        (&lost["state"], &lost["reason"]),
        (&json!("failed"), &json!("agent_lost"))
    );
    assert_eq!(lost["exit_status"], -1);
    assert_eq!(build["state"], "failed");
    let (_, polled) = answer(bed.agent(Method::GET, &job.path, &job.token, None).await).await;
    assert_eq!(
        polled["state"], "canceled",
        "a runner that comes back must stop"
    );
    assert_eq!(bed.finish(&job, "0").await.0, 422);
    assert_eq!(&bed.now().await["jobs"][0], lost);
}

#[tokio::test]
async fn a_worker_that_is_heard_of_keeps_its_job() {
    let mut bed = Bed::new().await;
    let agent = bed.register("a").await;
    bed.build(&["one"]).await;
    bed.take(&agent).await;
    for _ in 0..5 {
        bed.pass(LOST / 2).await;
        let body = json!({"sent_at": "2026-01-01T00:00:00Z"});
        let response = bed
            .agent(Method::POST, "heartbeat", &agent.token, Some(body))
            .await;
        assert_eq!(response.status(), 200);
    }
    assert_eq!(bed.job_states().await, ["running"]);
}

#[tokio::test]
async fn a_lost_worker_that_pings_again_is_back() {
    let mut bed = Bed::new().await;
    let agent = bed.register("a").await;
    let state = async |bed: &Bed| bed.rest(Method::GET, "agents", None).await.1[0]["state"].clone();
    bed.pass(LOST).await;
    assert_eq!(state(&bed).await, "lost");
    bed.ping(&agent).await;
    assert_eq!(state(&bed).await, "idle");
}

#[tokio::test]
async fn a_worker_that_disconnects_gives_back_what_it_was_offered_and_is_not_heard_again() {
    let bed = Bed::new().await;
    let (a, b) = (bed.register("a").await, bed.register("b").await);
    bed.build(&["one"]).await;
    let job = bed.ping(&a).await.unwrap();
    for _ in 0..2 {
        let response = bed.agent(Method::POST, "disconnect", &a.token, None).await;
        assert_eq!(response.status(), 200);
    }
    assert_eq!(bed.ping(&b).await, Some(job));
    let response = bed.agent(Method::GET, "ping", &a.token, None).await;
    assert_eq!(response.status(), 401);
    let response = bed.agent(Method::POST, "connect", &a.token, None).await;
    assert_eq!(response.status(), 200);
    assert_eq!(bed.ping(&a).await, None);
}

#[tokio::test]
async fn a_job_that_runs_too_long_times_out() {
    let mut bed = Bed::new().await;
    let agent = bed.register("a").await;
    let steps = json!([{"command": "a", "timeout_in_minutes": 1}]);
    let body = json!({"name": "Rocket", "repository": "r", "steps": steps});
    bed.rest(Method::POST, "pipelines", Some(body)).await;
    bed.rest(Method::POST, "pipelines/rocket/builds", Some(json!({})))
        .await;
    let job = bed.take(&agent).await;
    bed.pass(Duration::from_mins(1)).await;
    let (_, polled) = answer(bed.agent(Method::GET, &job.path, &job.token, None).await).await;
    assert_eq!(polled["state"], "timing_out");
    bed.finish(&job, "-1").await;
    assert_eq!(bed.job_states().await, ["timed_out"]);
}

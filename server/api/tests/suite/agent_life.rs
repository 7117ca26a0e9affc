//! The life of a worker and its jobs, as the Agent API tells it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{Bed, answer};

#[tokio::test]
async fn a_job_lives_from_the_ping_to_the_end_of_its_build() {
    let bed = Bed::new().await;
    let agent = bed.register("a").await;
    assert_eq!(bed.ping(&agent).await, None);
    bed.build(&["make"]).await;
    let job = bed.take(&agent).await;
    assert_eq!(bed.now().await["state"], "running");
    assert_eq!(bed.chunk(&job, 1, 0, b"hello\n").await, 201);
    assert_eq!(bed.finish(&job, "0").await.0, 200);
    let build = bed.now().await;
    assert_eq!(build["state"], "passed");
    let done = &build["jobs"][0];
    assert_eq!(
        (&done["state"], &done["exit_status"]),
        (&json!("passed"), &json!(0))
    );
    assert_eq!(done["agent"]["id"], agent.id.as_str());
    assert!(
        done["started_at"].is_string() && done["finished_at"].is_string(),
        "{done}"
    );
}

#[tokio::test]
async fn a_job_finds_what_it_needs_in_its_environment() {
    let bed = Bed::new().await;
    let agent = bed.register("a").await;
    let steps = json!([{"label": "Build", "key": "b", "command": ["make", "make check"], "skip_checkout": true,
        "env": {"FROM_STEP": "1", "BOTH": "step", "BUILDKITE_BRANCH": "forged"}}]);
    let body = json!({"name": "Rocket", "repository": "/srv/rocket.git", "steps": steps});
    bed.rest(Method::POST, "pipelines", Some(body)).await;
    let body = json!({"commit": "abc", "branch": "topic", "message": "hi", "env": {"BOTH": "build", "FROM_BUILD": "1"}});
    bed.rest(Method::POST, "pipelines/rocket/builds", Some(body))
        .await;
    let env = bed.take(&agent).await.env;
    let expected = json!({"CI": "true", "BUILDKITE": "true", "BUILDKITE_COMMAND": "make\nmake check",
        "BUILDKITE_COMMIT": "abc", "BUILDKITE_BRANCH": "topic", "BUILDKITE_MESSAGE": "hi",
        "BUILDKITE_REPO": "/srv/rocket.git", "BUILDKITE_LABEL": "Build", "BUILDKITE_STEP_KEY": "b",
        "BUILDKITE_AGENT_ID": agent.id, "BUILDKITE_AGENT_NAME": "a", "BUILDKITE_BUILD_NUMBER": "1",
        "BUILDKITE_ORGANIZATION_SLUG": "trireme", "BUILDKITE_PIPELINE_SLUG": "rocket",
        "BUILDKITE_PIPELINE_PROVIDER": "git", "BUILDKITE_BUILD_CREATOR": "Ada",
        "BUILDKITE_SKIP_CHECKOUT": "true", "BUILDKITE_AGENT_META_DATA_QUEUE": "default",
        "FROM_STEP": "1", "FROM_BUILD": "1", "BOTH": "step"});
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&env[name], value, "{name}");
    }
    for name in [
        "BUILDKITE_JOB_ID",
        "BUILDKITE_BUILD_ID",
        "BUILDKITE_STEP_ID",
        "BUILDKITE_BUILD_URL",
    ] {
        assert!(
            env[name].as_str().is_some_and(|value| !value.is_empty()),
            "{name}"
        );
    }
}

#[tokio::test]
async fn the_next_step_is_offered_as_soon_as_the_one_before_passed() {
    let bed = Bed::new().await;
    let agent = bed.register("a").await;
    bed.build(&["one", "two"]).await;
    let first = bed.take(&agent).await;
    assert_eq!(
        bed.ping(&agent).await,
        None,
        "a worker has one job at a time"
    );
    bed.finish(&first, "0").await;
    let second = bed.take(&agent).await;
    bed.finish(&second, "7").await;
    assert_eq!(bed.job_states().await, ["passed", "failed"]);
    assert_eq!(bed.now().await["state"], "failed");
}

#[tokio::test]
async fn a_canceled_job_is_told_when_it_polls_and_ends_as_canceled() {
    let bed = Bed::new().await;
    let agent = bed.register("a").await;
    bed.build(&["one", "two"]).await;
    let job = bed.take(&agent).await;
    let state = async || -> Value {
        answer(bed.agent(Method::GET, &job.path, &job.token, None).await)
            .await
            .1["state"]
            .clone()
    };
    assert_eq!(state().await, "running");
    let (status, _) = bed
        .rest(Method::PUT, "pipelines/rocket/builds/1/cancel", None)
        .await;
    assert_eq!(status, 200);
    assert_eq!(state().await, "canceling");
    let body = json!({"exit_status": "-1", "signal": "SIGTERM", "signal_reason": "cancel",
        "finished_at": "2026-01-01T00:00:01Z", "chunks_failed_count": 0});
    let path = format!("{}/finish", job.path);
    bed.agent(Method::PUT, &path, &job.token, Some(body)).await;
    assert_eq!(bed.job_states().await, ["canceled", "canceled"]);
    let build = bed.now().await;
    assert_eq!(build["state"], "canceled");
    assert_eq!(build["jobs"][0]["signal_reason"], "cancel");
    let (status, again) = bed
        .rest(Method::PUT, "pipelines/rocket/builds/1/cancel", None)
        .await;
    assert_eq!(
        (status.as_u16(), &again["message"]),
        (422, &json!("the job is already finished"))
    );
}

#[tokio::test]
async fn a_job_goes_only_to_a_worker_with_its_tags() {
    let bed = Bed::new().await;
    let plain = bed.register("plain").await;
    let body = json!({"name": "Rocket", "repository": "r", "steps": [{"command": "a", "agents": {"queue": "gpu"}}]});
    bed.rest(Method::POST, "pipelines", Some(body)).await;
    bed.rest(Method::POST, "pipelines/rocket/builds", Some(json!({})))
        .await;
    assert_eq!(bed.ping(&plain).await, None);
    assert_eq!(bed.job_states().await, ["scheduled"]);
}

#[tokio::test]
async fn a_heartbeat_is_answered_with_the_servers_time() {
    let bed = Bed::new().await;
    let agent = bed.register("a").await;
    let body = json!({"sent_at": "2026-01-01T01:00:00+01:00"});
    let response = bed
        .agent(Method::POST, "heartbeat", &agent.token, Some(body))
        .await;
    let (_, heartbeat) = answer(response).await;
    assert_eq!(heartbeat["sent_at"], "2026-01-01T01:00:00+01:00");
    assert_eq!(heartbeat["received_at"], "2026-01-01T00:00:00.000Z");
}

#[tokio::test]
async fn registration_answers_with_intervals_and_a_full_name() {
    let bed = Bed::new().await;
    let agent = bed.register("%hostname-1").await;
    let (_, agents) = bed.rest(Method::GET, "agents", None).await;
    assert_eq!(agents[0]["id"], agent.id.as_str());
    assert_eq!(agents[0]["name"], "olympias-1");
    assert_eq!(
        (&agents[0]["state"], &agents[0]["connection_state"]),
        (&json!("idle"), &json!("connected"))
    );
}

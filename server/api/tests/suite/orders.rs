//! Workers that are asked to stop, to pause and to go on.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{Agent, Bed, answer};

impl Bed {
    async fn ask(&self, token: &str, what: &str, body: Option<Value>) -> StatusCode {
        self.agent(Method::POST, what, token, body).await.status()
    }

    /// Action and message of the answer to a ping.
    async fn told(&self, agent: &Agent) -> (String, String) {
        let response = self.agent(Method::GET, "ping", &agent.token, None).await;
        let (status, answer) = answer(response).await;
        assert_eq!(status, 200, "{answer}");
        let text = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
        (text("action"), text("message"))
    }

    async fn listed(&self) -> Value {
        self.rest(Method::GET, "agents", None).await.1[0].clone()
    }
}

fn said(action: &str, message: &str) -> (String, String) {
    (action.to_owned(), message.to_owned())
}

#[tokio::test]
async fn a_paused_worker_gets_no_jobs_until_it_is_resumed() {
    let bed = Bed::new().await;
    let agent = bed.register("a").await;
    bed.build(&["make"]).await;
    let why = json!({"note": "disk <full>"});
    assert_eq!(bed.ask(&agent.token, "pause", Some(why)).await, 200);
    for _ in 0..2 {
        assert_eq!(bed.told(&agent).await, said("pause", "disk <full>"));
    }
    let listed = bed.listed().await;
    assert_eq!(
        (&listed["state"], &listed["paused"], &listed["paused_note"]),
        (&json!("paused"), &json!(true), &json!("disk <full>"))
    );
    let cookie = format!("trireme_token={}", bed.api);
    let get = bed.client.get(&bed.url).header("Cookie", cookie);
    let page = get.send().await.unwrap().text().await.unwrap();
    assert!(page.contains(r#"<span class="state paused">"#), "{page}");
    assert_eq!(bed.job_states().await, ["scheduled"]);
    assert_eq!(bed.ask(&agent.token, "resume", None).await, 200);
    assert_eq!(bed.listed().await["state"], "idle");
    bed.take(&agent).await;
}

#[tokio::test]
async fn a_pause_ends_when_its_minutes_are_over() {
    let mut bed = Bed::new().await;
    let agent = bed.register("a").await;
    let minutes = |minutes: i64| Some(json!({"timeout_in_minutes": minutes}));
    assert_eq!(bed.ask(&agent.token, "pause", minutes(2)).await, 200);
    bed.pass(Duration::from_mins(1)).await;
    assert_eq!(bed.told(&agent).await, said("pause", ""));
    bed.pass(Duration::from_mins(1)).await;
    assert_eq!(bed.told(&agent).await, said("", ""));
    assert_eq!(bed.listed().await["state"], "idle");
    assert_eq!(bed.ask(&agent.token, "pause", minutes(-1)).await, 422);
    assert_eq!(bed.ask(&agent.token, "pause", minutes(i64::MAX)).await, 200);
    assert_eq!(bed.told(&agent).await, said("pause", ""));
    assert!(bed.listed().await["paused_until"].is_string());
}

#[tokio::test]
async fn a_worker_that_is_to_stop_keeps_its_job_unless_forced() {
    for force in [false, true] {
        let bed = Bed::new().await;
        let agent = bed.register("a").await;
        bed.build(&["make"]).await;
        let job = bed.take(&agent).await;
        let body = if force {
            json!({"force": true})
        } else {
            json!({})
        };
        // The job asks, with its own token.
        assert_eq!(bed.ask(&job.token, "stop", Some(body)).await, 200);
        let state = if force { "canceling" } else { "running" };
        assert_eq!(bed.job_states().await, [state]);
        assert_eq!(bed.listed().await["state"], "busy");
        bed.finish(&job, "0").await;
        let gone = bed.told(&agent).await;
        assert_eq!(gone.0, "disconnect");
        assert_eq!(bed.ask(&agent.token, "resume", None).await, 200);
        assert_eq!(bed.told(&agent).await, gone, "a stop is not taken back");
    }
}

#[tokio::test]
async fn a_job_that_was_only_offered_is_not_canceled_with_the_worker() {
    let mut bed = Bed::new().await;
    let (first, second) = (bed.register("a").await, bed.register("b").await);
    bed.build(&["make"]).await;
    assert!(bed.ping(&first).await.is_some());
    let force = Some(json!({"force": true}));
    assert_eq!(bed.ask(&first.token, "stop", force).await, 200);
    bed.agent(Method::POST, "disconnect", &first.token, None)
        .await;
    bed.pass(Duration::from_secs(1)).await;
    bed.take(&second).await;
}

#[tokio::test]
async fn only_a_worker_and_its_job_are_heard() {
    let bed = Bed::new().await;
    let agent = bed.register("a").await;
    bed.build(&["make"]).await;
    let job = bed.take(&agent).await;
    for token in [&bed.registration, &bed.api, "nonsense"] {
        assert_eq!(bed.ask(token, "stop", Some(json!({}))).await, 401);
    }
    bed.finish(&job, "0").await;
    let late = bed.ask(&job.token, "stop", Some(json!({}))).await;
    assert!(late == 401 || late == 422, "{late}");
    let long = Some(json!({"note": "x".repeat(1001)}));
    assert_eq!(bed.ask(&agent.token, "pause", long).await, 422);
    assert_eq!(bed.told(&agent).await, said("", ""));
}

fn disk_full() -> Value {
    json!({"note": "disk full"})
}

#[tokio::test]
async fn a_person_pauses_resumes_and_stops_a_worker_over_rest() {
    let bed = Bed::new().await;
    let agent = bed.register("a").await;
    let path = |what: &str| format!("agents/{}/{what}", agent.id);
    let put = async |what: &str, body| bed.rest(Method::PUT, &path(what), body).await.0;
    assert_eq!(put("pause", Some(disk_full())).await, 204);
    assert_eq!(bed.told(&agent).await, said("pause", "disk full"));
    assert_eq!(put("resume", None).await, 204);
    assert_eq!(bed.told(&agent).await, said("", ""));
    assert_eq!(put("stop", Some(json!({}))).await, 204);
    assert_eq!(bed.told(&agent).await.0, "disconnect");
    let (status, _) = bed.rest(Method::PUT, "agents/nobody/resume", None).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_pause_is_for_the_place_whoever_takes_it_next() {
    let bed = Bed::new().await;
    let (first, second) = (bed.register("host-3").await, bed.register("host-4").await);
    assert_eq!(bed.ask(&first.token, "pause", Some(disk_full())).await, 200);
    // An upgrade: the new agent's workers are there before the old ones go.
    let (third, fourth) = (bed.register("host-3").await, bed.register("host-4").await);
    for (agent, action) in [
        (&first, "pause"),
        (&second, ""),
        (&third, "pause"),
        (&fourth, ""),
    ] {
        assert_eq!(bed.told(agent).await.0, action, "{}", agent.id);
    }
    assert_eq!(bed.told(&third).await.1, "disk full");
    let fifth = bed.register("host-3").await;
    assert_eq!(bed.told(&fifth).await, said("pause", "disk full"));
}

#[tokio::test]
async fn who_is_resumed_takes_the_one_in_its_place_along() {
    let bed = Bed::new().await;
    let first = bed.register("a").await;
    bed.ask(&first.token, "pause", Some(disk_full())).await;
    let next = bed.register("a").await;
    assert_eq!(bed.told(&next).await.0, "pause");
    assert_eq!(bed.ask(&first.token, "resume", None).await, 200);
    assert_eq!(bed.told(&next).await, said("", ""));
    let last = bed.register("a").await;
    assert_eq!(bed.told(&last).await, said("", ""));
}

#[tokio::test]
async fn what_is_over_or_long_ago_is_not_handed_on() {
    for (what, body, passes) in [
        ("stop", json!({}), Duration::ZERO),
        (
            "pause",
            json!({"timeout_in_minutes": 1}),
            Duration::from_mins(1),
        ),
        ("pause", json!({}), Duration::from_mins(61)),
    ] {
        let mut bed = Bed::new().await;
        let first = bed.register("a").await;
        bed.ask(&first.token, what, Some(body)).await;
        bed.pass(passes).await;
        let next = bed.register("a").await;
        assert_eq!(bed.told(&next).await, said("", ""), "{what} {passes:?}");
    }
}

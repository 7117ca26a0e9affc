//! How a machine without a token is let in, shut out, forgotten, and told that it is a copy.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Agent, Bed, answer};

const ID: &str = "6f9619ff-8b86-4011-b42d-00c04fc964ff";
const SECRET: &str = "trireme_host_0123456789abcdef0123456789abcdef0123456789abcdef";

fn asking(boot: &str) -> Value {
    json!({"id": ID, "boot": boot, "hostname": "box", "os": "linux", "arch": "amd64",
        "version": "1", "location": "/builds", "free_bytes": 5_u64 << 30,
        "resources": ["docker"], "environments": ["prod"]})
}

impl Bed {
    async fn enroll(&self, secret: &str, body: Value) -> (StatusCode, Value) {
        answer(self.agent(Method::POST, "enroll", secret, Some(body)).await).await
    }

    async fn decide(&self, method: Method, path: &str) -> StatusCode {
        self.rest(method, &format!("hosts/{ID}{path}"), None)
            .await
            .0
    }

    async fn host_state(&self) -> Value {
        let (_, hosts) = self.rest(Method::GET, "hosts", None).await;
        hosts[0]["state"].clone()
    }

    /// Registers and connects a worker with the machine's secret.
    async fn worker(&self) -> (StatusCode, Agent) {
        let body = json!({"name": "w", "hostname": "box", "os": "", "arch": "amd64",
            "version": "1", "build": "x", "meta_data": ["queue=default"], "features": []});
        let response = self
            .agent(Method::POST, "register", SECRET, Some(body))
            .await;
        let (status, registered) = answer(response).await;
        let text = |field: &str| registered[field].as_str().unwrap_or_default().to_owned();
        let agent = Agent {
            id: text("id"),
            token: text("access_token"),
        };
        self.agent(Method::POST, "connect", &agent.token, None)
            .await;
        (status, agent)
    }
}

#[tokio::test]
async fn a_host_waits_until_a_person_lets_it_in_and_registers_with_its_own_secret() {
    let bed = Bed::new().await;
    for _ in 0..2 {
        let (status, body) = bed.enroll(SECRET, asking("a")).await;
        assert_eq!(
            (status.as_u16(), &body["waiting"]),
            (202, &json!("approval"))
        );
    }
    assert_eq!(bed.worker().await.0, 401, "not let in yet");
    assert_eq!(bed.host_state().await, "pending");
    assert_eq!(bed.decide(Method::PUT, "/approve").await, 200);
    assert_eq!(bed.enroll(SECRET, asking("a")).await.0, 200);
    assert_eq!(bed.host_state().await, "missing");
    let (status, _) = bed.worker().await;
    assert_eq!(status, 200);
    assert_eq!(bed.host_state().await, "idle");
    let (_, agents) = bed.rest(Method::GET, "agents", None).await;
    let tags = json!(["queue=default", "resource=docker", "environment=prod"]);
    assert_eq!(agents[0]["meta_data"], tags, "{agents}");
}

#[tokio::test]
async fn a_key_lets_a_host_in_at_once_and_a_wrong_one_is_told() {
    let bed = Bed::new().await;
    let mut body = asking("a");
    body["key"] = json!("wrong");
    assert_eq!(bed.enroll(SECRET, body.clone()).await.0, 422);
    assert_eq!(bed.host_state().await, Value::Null, "nothing was written");
    body["key"] = json!(bed.registration);
    assert_eq!(bed.enroll(SECRET, body).await.0, 200);
    assert_eq!(bed.worker().await.0, 200);
}

#[tokio::test]
async fn a_disabled_host_gets_no_jobs_and_a_removed_one_asks_anew() {
    let bed = Bed::new().await;
    bed.enroll(SECRET, asking("a")).await;
    bed.decide(Method::PUT, "/approve").await;
    let (_, worker) = bed.worker().await;
    bed.build(&["true"]).await;
    assert_eq!(bed.decide(Method::PUT, "/disable").await, 200);
    assert_eq!(bed.ping(&worker).await, None);
    assert_eq!(bed.enroll(SECRET, asking("a")).await.0, 403);
    assert_eq!(bed.worker().await.0, 401);
    assert_eq!(bed.decide(Method::PUT, "/approve").await, 200);
    assert!(bed.ping(&worker).await.is_some());
    assert_eq!(bed.decide(Method::DELETE, "").await, 204);
    let ping = bed.agent(Method::GET, "ping", &worker.token, None).await;
    assert_eq!(ping.status(), 401);
    assert_eq!(bed.enroll(SECRET, asking("a")).await.0, 202);
    assert_eq!(bed.decide(Method::DELETE, "").await, 204);
    assert_eq!(bed.decide(Method::DELETE, "").await, 404);
}

#[tokio::test]
async fn an_identity_opens_nothing_without_its_secret() {
    let bed = Bed::new().await;
    bed.enroll(SECRET, asking("a")).await;
    bed.decide(Method::PUT, "/approve").await;
    let other = SECRET.replace('0', "f");
    assert_eq!(bed.enroll(&other, asking("a")).await.0, 401);
    let mut renamed = asking("a");
    renamed["id"] = json!("00000000-0000-4000-8000-000000000000");
    assert_eq!(bed.enroll(SECRET, renamed).await.0, 401);
    assert_eq!(bed.enroll("short", asking("a")).await.0, 422);
}

#[tokio::test]
async fn a_copy_is_told_while_the_first_is_alive_and_a_reboot_is_no_copy() {
    let mut bed = Bed::new().await;
    bed.enroll(SECRET, asking("a")).await;
    bed.decide(Method::PUT, "/approve").await;
    let (_, worker) = bed.worker().await;
    let other_run = json!("other_run");
    let waiting = async |bed: &Bed, boot: &str| bed.enroll(SECRET, asking(boot)).await.1;
    assert_eq!(waiting(&bed, "b").await["waiting"], other_run);
    bed.pass(Duration::from_secs(5)).await;
    assert_eq!(waiting(&bed, "b").await["waiting"], other_run);
    bed.ping(&worker).await;
    bed.pass(Duration::from_secs(5)).await;
    let both_alive = bed.enroll(SECRET, asking("b")).await;
    assert_eq!(both_alive.0, 409);
    // The first falls silent, as a machine does that was switched off.
    assert_eq!(waiting(&bed, "c").await["waiting"], other_run);
    bed.pass(Duration::from_mins(1)).await;
    assert_eq!(bed.enroll(SECRET, asking("c")).await.0, 200);
    // After a goodbye nobody has to wait.
    let (_, next) = bed.worker().await;
    for gone in [&worker, &next] {
        bed.agent(Method::POST, "disconnect", &gone.token, None)
            .await;
    }
    assert_eq!(bed.enroll(SECRET, asking("d")).await.0, 200);
}

#[tokio::test]
async fn hosts_that_wait_are_few_and_forgotten_when_silent() {
    let mut bed = Bed::new().await;
    let host = |n: u32| {
        let mut body = asking("a");
        body["id"] = json!(format!("00000000-0000-4000-8000-{n:012}"));
        (format!("trireme_host_{n:048}"), body)
    };
    for n in 0..100 {
        let (secret, body) = host(n);
        assert_eq!(bed.enroll(&secret, body).await.0, 202, "host {n}");
    }
    let (secret, body) = host(100);
    assert_eq!(bed.enroll(&secret, body.clone()).await.0, 422);
    let (first, again) = host(0);
    let (status, _) = bed.enroll(&first, again).await;
    assert_eq!(status, 202, "who waits may ask again");
    bed.pass(Duration::from_mins(6)).await;
    assert_eq!(bed.enroll(&secret, body).await.0, 202);
    let (_, hosts) = bed.rest(Method::GET, "hosts", None).await;
    assert_eq!(hosts.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn the_page_shows_who_waits_and_lets_them_in() {
    let bed = Bed::new().await;
    let mut body = asking("a");
    body["hostname"] = json!("<b>box");
    bed.enroll(SECRET, body).await;
    let cookie = format!("trireme_token={}", bed.api);
    let get = bed.client.get(&bed.url).header("Cookie", &cookie);
    let page = get.send().await.unwrap().text().await.unwrap();
    assert!(page.contains("pending") && page.contains("box"), "{page}");
    assert!(!page.contains("<b>box"), "{page}");
    assert!(
        page.contains(&format!(">{ID}<")),
        "names can be alike: {page}"
    );
    let path = format!("{}/hosts/{ID}/approve", bed.url);
    let post = |site: &'static str| {
        bed.client
            .post(&path)
            .header("Cookie", &cookie)
            .header("Sec-Fetch-Site", site)
            .send()
    };
    assert_eq!(post("cross-site").await.unwrap().status(), 403);
    assert_eq!(bed.host_state().await, "pending");
    assert_eq!(post("same-origin").await.unwrap().status(), 303);
    assert_eq!(bed.host_state().await, "missing");
}

#[tokio::test]
async fn a_host_that_is_known_stays_paused_however_long_it_was_away() {
    let mut bed = Bed::new().await;
    bed.enroll(SECRET, asking("a")).await;
    bed.decide(Method::PUT, "/approve").await;
    let (_, first) = bed.worker().await;
    let pause = Some(json!({"note": "broken fan"}));
    let path = format!("agents/{}/pause", first.id);
    assert_eq!(bed.rest(Method::PUT, &path, pause).await.0, 204);
    bed.pass(Duration::from_hours(72)).await;
    let (_, next) = bed.worker().await;
    let ping = bed.agent(Method::GET, "ping", &next.token, None).await;
    let (_, told) = answer(ping).await;
    assert_eq!(
        (&told["action"], &told["message"]),
        (&json!("pause"), &json!("broken fan"))
    );
}

#[tokio::test]
async fn two_copies_that_start_together_are_told_apart() {
    let mut bed = Bed::new().await;
    let with_key = |boot| {
        let mut body = asking(boot);
        body["key"] = json!(bed.registration);
        body
    };
    let (one, other) = (with_key("a"), with_key("b"));
    assert_eq!(bed.enroll(SECRET, one).await.0, 200);
    let (status, answer) = bed.enroll(SECRET, other.clone()).await;
    assert_eq!(
        (status.as_u16(), &answer["waiting"]),
        (202, &json!("other_run"))
    );
    bed.pass(Duration::from_secs(5)).await;
    let (_, worker) = bed.worker().await;
    bed.ping(&worker).await;
    assert_eq!(bed.enroll(SECRET, other).await.0, 409);
}

#[tokio::test]
async fn hosts_that_were_not_seen_for_days_are_forgotten_at_once() {
    let mut bed = Bed::new().await;
    let key = bed.registration.clone();
    let host = |n: u32| {
        let mut body = asking("a");
        body["id"] = json!(format!("00000000-0000-4000-8000-{n:012}"));
        body["key"] = json!(key);
        (format!("trireme_host_{n:048}"), body)
    };
    for n in 1..=2 {
        let (secret, body) = host(n);
        assert_eq!(bed.enroll(&secret, body).await.0, 200);
    }
    bed.rest(
        Method::PUT,
        &format!("hosts/{}/disable", host(2).1["id"].as_str().unwrap()),
        None,
    )
    .await;
    bed.enroll(SECRET, asking("a")).await;
    bed.decide(Method::PUT, "/approve").await;
    let (_, worker) = bed.worker().await;
    bed.pass(Duration::from_hours(24 * 31)).await;
    bed.ping(&worker).await;
    bed.pass(Duration::from_secs(5)).await;
    let forget = async |days: u32| {
        let path = format!("hosts?unseen_for_days={days}");
        bed.rest(Method::DELETE, &path, None).await
    };
    assert_eq!(forget(0).await.0, 422);
    assert_eq!(forget(32).await.1, json!({"removed": []}));
    assert_eq!(forget(30).await.1, json!({"removed": [host(1).1["id"]]}));
    let (_, hosts) = bed.rest(Method::GET, "hosts", None).await;
    let left: Vec<_> = hosts.as_array().unwrap().iter().collect();
    assert_eq!(left.len(), 2, "who is there or shut out stays: {hosts}");
    let seen = |host: &&&Value| host["id"] == ID;
    let seen = left.iter().find(seen).unwrap()["last_seen_at"].clone();
    assert_eq!(seen, "2026-02-01T00:00:00.000Z", "{hosts}");
}

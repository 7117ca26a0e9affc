//! Pages as a browser asks for them, and as an attacker would.

use reqwest::{Response, StatusCode};

use crate::Bed;

impl Bed {
    async fn page(&self, path: &str, token: Option<&str>) -> Response {
        let mut request = self.client.get(format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.header("Cookie", format!("other=1; trireme_token={token}"));
        }
        request.send().await.unwrap()
    }

    async fn html(&self, path: &str) -> String {
        let response = self.page(path, Some(&self.api)).await;
        assert_eq!(response.status(), 200, "{path}");
        response.text().await.unwrap()
    }

    async fn sign_in(&self, token: &str, next: &str) -> Response {
        let form = format!("token={token}&next={next}");
        let request = self
            .client
            .post(format!("{}/login", self.url))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form);
        request.send().await.unwrap()
    }
}

fn header(response: &Response, name: &str) -> String {
    let value = response.headers().get(name);
    value
        .map(|value| value.to_str().unwrap().to_owned())
        .unwrap_or_default()
}

#[tokio::test]
async fn every_page_sends_strangers_to_the_sign_in_and_back() {
    let bed = Bed::new().await;
    bed.build(&["make"]).await;
    for path in ["/", "/events", "/pipelines/rocket/builds/1?job=2"] {
        for token in [None, Some("wrong"), Some(bed.registration.as_str())] {
            let response = bed.page(path, token).await;
            assert_eq!(response.status(), StatusCode::SEE_OTHER, "{path}");
            assert!(
                header(&response, "location").starts_with("/login?next=%2F"),
                "{path}"
            );
        }
    }
    let response = bed
        .sign_in(&bed.api, "%2Fpipelines%2Frocket%2Fbuilds%2F1")
        .await;
    assert_eq!(header(&response, "location"), "/pipelines/rocket/builds/1");
}

#[tokio::test]
async fn signing_in_sets_a_cookie_that_scripts_and_other_sites_cannot_use() {
    let bed = Bed::new().await;
    let response = bed.sign_in(&bed.api, "").await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    let cookie = header(&response, "set-cookie");
    assert!(
        cookie.starts_with(&format!("trireme_token={};", bed.api)),
        "{cookie}"
    );
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    for token in ["wrong", &bed.registration] {
        let response = bed.sign_in(token, "").await;
        assert_eq!(response.status(), 401);
        assert_eq!(header(&response, "set-cookie"), "");
        assert!(
            response
                .text()
                .await
                .unwrap()
                .contains("not a valid API token")
        );
    }
}

#[tokio::test]
async fn nothing_that_people_or_jobs_write_becomes_markup() {
    let bed = Bed::new().await;
    let agent = bed.register("<script>agent</script>").await;
    let evil = "<script>alert(1)</script>";
    let body = serde_json::json!({"name": format!("Rocket {evil}"), "repository": "r", "steps": [
        {"label": format!("l{evil}"), "command": format!("c{evil}\"'")}]});
    bed.rest(reqwest::Method::POST, "pipelines", Some(body))
        .await;
    let body = serde_json::json!({"message": format!("m{evil}"), "branch": evil});
    let path = "pipelines/rocket-script-alert-1-script/builds";
    let (status, _) = bed.rest(reqwest::Method::POST, path, Some(body)).await;
    assert_eq!(status, 201);
    let job = bed.take(&agent).await;
    bed.chunk(&job, 1, 0, format!("log {evil}\n\x1b[31m{evil}").as_bytes())
        .await;
    for path in ["/", "/pipelines/rocket-script-alert-1-script/builds/1"] {
        let html = bed.html(path).await;
        assert!(!html.contains("<script>"), "{path}");
        assert!(html.contains("alert(1)"), "{path} shows the text itself");
    }
    let events = format!(
        "/pipelines/rocket-script-alert-1-script/builds/1/{}/log/events",
        job.path
    );
    let mut stream = bed.page(&events, Some(&bed.api)).await;
    let first = stream.chunk().await.unwrap().unwrap();
    let first = String::from_utf8(first.to_vec()).unwrap();
    assert!(
        first.contains("log &lt;script&gt;") && !first.contains("<script>"),
        "{first}"
    );
}

#[tokio::test]
async fn pages_allow_no_foreign_content_and_no_frames() {
    let bed = Bed::new().await;
    for path in ["/login", "/", "/nowhere"] {
        let response = bed.page(path, Some(&bed.api)).await;
        let policy = header(&response, "content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}"
        );
        let html = response.text().await.unwrap();
        assert!(
            !html.contains("src=\"http") && !html.contains("style="),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_builds_page_shows_its_jobs_and_the_log_in_colour() {
    let bed = Bed::new().await;
    let agent = bed.register("a").await;
    bed.build(&["make", "ship"]).await;
    let job = bed.take(&agent).await;
    bed.chunk(&job, 1, 0, b"\x1b_bk;t=1\x07\x1b[32mgreen\x1b[0m\n")
        .await;
    let html = bed.html("/pipelines/rocket/builds/1").await;
    assert!(html.contains("<span class=\"f2\">green</span>"), "{html}");
    assert!(html.contains("running") && html.contains("waiting") && html.contains("Cancel build"));
    assert!(!html.contains("bk;t="));
    bed.finish(&job, "2").await;
    let html = bed.html("/pipelines/rocket/builds/1").await;
    assert!(
        html.contains("exit 2") && html.contains("a step before it did not pass"),
        "{html}"
    );
    assert!(!html.contains("Cancel build"));
}

#[tokio::test]
async fn an_empty_server_says_what_to_do_next() {
    let bed = Bed::new().await;
    let html = bed.html("/").await;
    assert!(
        html.contains("token create --kind agent")
            && html.contains("/v2/organizations/trireme/pipelines")
    );
}

#[tokio::test]
async fn the_cancel_button_cancels_and_comes_back_to_the_build() {
    let bed = Bed::new().await;
    bed.build(&["make"]).await;
    let url = format!("{}/pipelines/rocket/builds/1/cancel", bed.url);
    let stranger = bed.client.post(&url).send().await.unwrap();
    assert!(header(&stranger, "location").starts_with("/login"));
    assert_eq!(bed.job_states().await, ["scheduled"]);
    let cookie = format!("trireme_token={}", bed.api);
    let response = bed
        .client
        .post(&url)
        .header("Cookie", cookie)
        .send()
        .await
        .unwrap();
    assert_eq!(header(&response, "location"), "/pipelines/rocket/builds/1");
    assert_eq!(bed.job_states().await, ["canceled"]);
}

#[tokio::test]
async fn an_open_page_hears_of_every_change() {
    let bed = Bed::new().await;
    let mut stream = bed.page("/events", Some(&bed.api)).await;
    bed.build(&["make"]).await;
    let event = stream.chunk().await.unwrap().unwrap();
    assert!(event.starts_with(b"event: changed"), "{event:?}");
}

#[tokio::test]
async fn a_form_on_another_page_of_the_same_host_changes_nothing() {
    let bed = Bed::new().await;
    bed.build(&["make"]).await;
    let cancel = async |from: &str| {
        let url = format!("{}/pipelines/rocket/builds/1/cancel", bed.url);
        let request = bed.client.post(url).header("Sec-Fetch-Site", from);
        let cookie = format!("trireme_token={}", bed.api);
        request.header("Cookie", cookie).send().await.unwrap()
    };
    for from in ["same-site", "cross-site"] {
        assert_eq!(cancel(from).await.status(), StatusCode::FORBIDDEN);
        assert_eq!(bed.job_states().await, ["scheduled"]);
    }
    assert_eq!(cancel("same-origin").await.status(), StatusCode::SEE_OTHER);
    assert_eq!(bed.job_states().await, ["canceled"]);
}

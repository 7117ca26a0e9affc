//! A host without a token: nothing but the server's address is needed to bring it up.

use reqwest::Method;
use serde_json::Value;
use tests::api::Api;
use tests::bed::Bed;
use tests::host::{Host, HostSettings};
use tests::wait::until_async;

use crate::binaries;

/// How a host of the bed is started without a token.
fn without_token(bed: &Bed) -> HostSettings {
    let mut settings = bed.host_settings();
    let lines = settings.agent_config.split_inclusive('\n');
    settings.agent_config = lines.filter(|line| !line.starts_with("token=")).collect();
    settings
}

/// The one host that the server knows, as soon as it is in this state.
async fn until_host(api: &Api, state: &str) -> Value {
    until_async(&format!("a host that is {state}"), || async {
        let (_, hosts) = api.call(Method::GET, "hosts", None).await;
        let host = hosts.as_array()?.first()?.clone();
        (host["state"] == state).then_some(host)
    })
    .await
}

async fn runs_a_job(api: &Api, pipeline: &str) {
    let jobs = api.run_commands(pipeline, &["echo hello"]).await;
    let job = api.until_ended(&jobs[0]).await;
    assert_eq!(job["state"], "passed", "{job}");
}

#[tokio::test]
async fn a_host_that_a_person_lets_in_runs_jobs_and_is_known_again_after_a_restart() {
    let bed = Bed::new(binaries()).await;
    let api = bed.server.api();
    let mut host = Host::start(without_token(&bed));
    let waiting = until_host(&api, "pending").await;
    let path = format!("hosts/{}/approve", waiting["id"].as_str().unwrap());
    assert!(api.call(Method::PUT, &path, None).await.0.is_success());
    until_host(&api, "idle").await;
    runs_a_job(&api, "first").await;

    host.signal(rustix::process::Signal::TERM);
    host.ended().await;
    host.resume();
    runs_a_job(&api, "second").await;
    let known = until_host(&api, "idle").await;
    assert_eq!(known["id"], waiting["id"], "the same host as before");
}

#[tokio::test]
async fn a_key_in_a_file_lets_a_host_in_without_anybody() {
    let bed = Bed::new(binaries()).await;
    let api = bed.server.api();
    let settings = without_token(&bed);
    let state = settings.folder.join("state");
    let file = state.join("autoregister.properties");
    std::fs::create_dir_all(&state).unwrap();
    let key = &bed.server.agent_token;
    std::fs::write(&file, format!("agent.auto.register.key={key}\n")).unwrap();
    let _host = Host::start(settings);
    until_host(&api, "idle").await;
    runs_a_job(&api, "first").await;
    let left = std::fs::read_to_string(&file).unwrap();
    assert!(!left.contains(key.as_str()), "{left}");
}

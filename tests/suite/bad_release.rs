//! A bad release arrives: it is refused or undone, with a clear line, and the host works on.

use rustix::process::Signal;
use tests::api::Api;
use tests::bed::Bed;
use tests::host::Host;
use tests::processes::signal;

use crate::binaries;

/// A host that runs its first release, and has proved it with a job.
async fn settled() -> (Bed, Host, Api) {
    let bed = Bed::new(binaries()).await;
    let host = bed.host();
    let api = bed.server.api();
    let jobs = api.run_commands("before", &["true"]).await;
    assert_eq!(api.until_ended(&jobs[0]).await["state"], "passed");
    host.log_line("launcher", &["agent committed"]).await;
    (bed, host, api)
}

/// The host still runs jobs, on the agent it had.
async fn works_on(host: &Host, api: &Api, agent: u32) {
    let jobs = api.run_commands("after", &["true"]).await;
    assert_eq!(api.until_ended(&jobs[0]).await["state"], "passed");
    assert_eq!(host.agent_pid().await, agent, "the agent was not touched");
}

#[tokio::test]
async fn a_bad_signature_is_refused() {
    let (bed, host, api) = settled().await;
    let agent = host.agent_pid().await;
    while_the_launcher_sleeps(&host, || {
        let next = bed.variant(&bed.binaries.agent, "next");
        bed.server.publish("2.0.0", &bed.binaries.launcher, &next);
        let file = bed.server.manifest_file();
        let text = std::fs::read_to_string(&file).unwrap();
        let at = text.find("\"sig\"").unwrap() + "\"sig\":\"".len();
        let forged = if &text[at..=at] == "0" { "1" } else { "0" };
        std::fs::write(&file, [&text[..at], forged, &text[at + 1..]].concat()).unwrap();
    })
    .await;

    host.log_line("launcher", &["WARN", "manifest", "signature"])
        .await;
    works_on(&host, &api, agent).await;
}

#[tokio::test]
async fn a_file_with_the_wrong_content_is_refused() {
    refused("sha256", |whole| {
        whole.iter().map(|byte| byte ^ 1).collect()
    })
    .await;
}

#[tokio::test]
async fn a_cut_file_is_refused() {
    refused("truncated", |whole| whole[..whole.len() / 2].to_vec()).await;
}

#[tokio::test]
async fn a_file_that_is_too_long_is_refused() {
    refused("longer than", |whole| [whole, &[0; 4096]].concat()).await;
}

/// A release whose agent was tampered with on the server is refused with a line that says `word`.
async fn refused(word: &str, tamper: impl Fn(&[u8]) -> Vec<u8>) {
    let (bed, host, api) = settled().await;
    let agent = host.agent_pid().await;
    while_the_launcher_sleeps(&host, || {
        let next = bed.variant(&bed.binaries.agent, "next");
        bed.server.publish("2.0.0", &bed.binaries.launcher, &next);
        let blob = bed.server.blob_file(&Bed::digest(&next).to_string());
        let tampered = tamper(&std::fs::read(&blob).unwrap());
        std::fs::remove_file(&blob).unwrap();
        std::fs::write(&blob, tampered).unwrap();
    })
    .await;

    host.log_line("launcher", &["WARN", "agent 2.0.0 not installed", word])
        .await;
    works_on(&host, &api, agent).await;
}

/// Does something on the server that no launcher may see half done.
async fn while_the_launcher_sleeps(host: &Host, change: impl FnOnce()) {
    let launcher = host.launcher_pid().await;
    signal(launcher, Signal::STOP);
    change();
    signal(launcher, Signal::CONT);
}

#[tokio::test]
async fn an_agent_that_exits_at_once_is_rolled_back_and_marked() {
    let (bed, host, api) = settled().await;
    undone(&bed, &host, &api, &bed.binaries.exits_at_once).await;
}

#[tokio::test]
async fn an_agent_that_never_reports_is_rolled_back_and_marked() {
    let (bed, host, api) = settled().await;
    undone(&bed, &host, &api, &bed.binaries.never_reports_ready).await;
}

async fn undone(bed: &Bed, host: &Host, api: &Api, bad: &std::path::Path) {
    bed.server.publish("2.0.0", &bed.binaries.launcher, bad);
    host.log_line("launcher", &["WARN", "agent rejected", "version=2.0.0"])
        .await;
    let jobs = api.run_commands("after", &["true"]).await;
    let job = api.until_ended(&jobs[0]).await;
    assert_eq!(job["state"], "passed", "{job}");
    // A good release is taken as soon as there is one, though the bad one stays marked.
    let good = bed.variant(&bed.binaries.agent, "good");
    bed.server.publish("3.0.0", &bed.binaries.launcher, &good);
    host.log_line("launcher", &["agent committed", "version=3.0.0"])
        .await;
    let rejections = host
        .log("launcher")
        .lines()
        .filter(|line| line.contains("agent rejected"))
        .count();
    assert_eq!(rejections, 1, "the marked release was not tried again");
}

#[tokio::test]
async fn a_launcher_that_exits_at_once_is_given_up_by_the_bootstrapper() {
    let (bed, host, api) = settled().await;
    let agent = host.agent_pid().await;
    bed.server
        .publish("2.0.0", &bed.binaries.exits_at_once, &bed.binaries.agent);

    let digest = Bed::digest(&bed.binaries.exits_at_once).to_string();
    host.log_line("bootstrapper", &["given up", &digest]).await;
    host.launcher_pid().await;
    works_on(&host, &api, agent).await;
}

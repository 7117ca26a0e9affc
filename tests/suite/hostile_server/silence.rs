//! A server that accepts and then hardly says a word, that wants to be left alone for a year, or that
//! cannot prove who it is. Jobs run meanwhile, and nobody has to wait for it to end.

use rustix::process::Signal;
use tests::lying_server::Answer;
use tests::processes::signal;
use tests::release_tree::{MANIFEST, blob_path};
use tests::wait::until;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use super::Stage;

#[tokio::test]
async fn a_download_that_stalls_holds_no_job_up_and_goes_on_in_the_next_launcher() {
    let mut stage = Stage::new().await;
    let (version, agent) = stage.next_agent();
    let file = std::fs::read(&agent).unwrap();
    let digest = stage.tree.add(&version, &agent);
    let path = blob_path(digest);
    let half = &file[..file.len() / 2];
    let header = format!("etag: {}\r\n", tests::lying_server::etag(&file));
    let stalled = Answer::raw("200 OK", &header, file.len() as u64, half);
    stage.tree.issue();
    stage
        .tree
        .server
        .lie(&path, vec![Answer::Stall(stalled), Answer::Honest]);
    let partial = stage.host.state().partial().join(format!("{digest}.part"));
    until("half of it is here", || {
        let there = std::fs::metadata(&partial).ok()?.len();
        (there == half.len() as u64).then_some(())
    })
    .await;
    stage.works("while-stalled").await;
    stage.is_untouched("stalled", &version, digest);

    let launcher = stage.host.launcher_pid().await;
    signal(launcher, Signal::KILL);
    stage.takes(&version, digest).await;
    let asked = stage.tree.server.asked(&path);
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert_eq!(asked[1].range, Some(half.len() as u64), "{asked:?}");
    stage.works("after").await;
}

#[tokio::test]
async fn a_manifest_that_trickles_holds_no_job_up() {
    let mut stage = Stage::new().await;
    let head = Answer::raw("200 OK", "", 4096, b"{\"pay");
    stage
        .tree
        .server
        .lie(MANIFEST, vec![Answer::Stall(head), Answer::Honest]);
    let before = stage.tree.server.asked(MANIFEST).len();
    until("the launcher waits for a manifest", || {
        (stage.tree.server.asked(MANIFEST).len() > before).then_some(())
    })
    .await;
    stage.works("while-it-trickles").await;
    let launcher = stage.host.launcher_pid().await;
    signal(launcher, Signal::KILL);
    stage.takes_the_next_release().await;
}

/// Orders the launcher to ask for a release, and waits until it has. Returns its last word.
async fn orders_a_check(stage: &Stage) -> String {
    let socket = stage.host.state().launcher_socket();
    let mut socket = UnixStream::connect(socket).await.unwrap();
    let order = b"{\"v\":1,\"ask\":\"check\"}\n";
    socket.write_all(order).await.unwrap();
    let mut replies = String::new();
    socket.read_to_string(&mut replies).await.unwrap();
    replies.lines().last().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_server_that_wants_to_be_left_alone_for_a_year_is_and_a_person_is_not_held_up() {
    let mut stage = Stage::new().await;
    let year = "retry-after: 31536000\r\n";
    let busy = Answer::reply("429 Too Many Requests", year, b"");
    let start = stage.host.log_end("launcher");
    stage.tree.server.lie(MANIFEST, vec![busy]);
    let words = ["WARN", "cannot fetch the manifest", "answered 429"];
    stage.host.log_line_after(start, "launcher", &words).await;
    let asked = stage.tree.server.asked(MANIFEST).len();
    // Several polls go by meanwhile.
    stage.works("meanwhile-1").await;
    stage.works("meanwhile-2").await;
    assert_eq!(
        stage.tree.server.asked(MANIFEST).len(),
        asked,
        "it is left alone"
    );

    let (version, agent) = stage.next_agent();
    let digest = stage.tree.add(&version, &agent);
    stage.tree.issue();
    let said = orders_a_check(&stage).await;
    assert!(said.contains("done"), "{said}");
    stage.takes(&version, digest).await;
    stage.works("after").await;
}

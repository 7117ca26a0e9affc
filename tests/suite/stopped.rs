//! A host is stopped, or started twice.

use rustix::process::Signal;
use shared_handover::exit::Exit;
use tests::bed::Bed;

use crate::{binaries, waits_for};

#[tokio::test]
async fn sigterm_lets_the_running_job_finish_and_leaves_nothing() {
    let bed = Bed::new(binaries()).await;
    let mut host = bed.host();
    let api = bed.server.api();
    let go = bed.folder().join("go");
    let jobs = api
        .run_commands("stop", &[&waits_for(&go), "echo never"])
        .await;
    api.until_logged(&jobs[0], "started").await;

    host.signal(Signal::TERM);
    host.log_line("agent", &["stop"]).await;
    std::fs::write(&go, "").unwrap();

    assert!(host.ended().await.success());
    host.gone().await;
    assert_eq!(api.job(&jobs[0]).await["state"], "passed");
    assert_eq!(
        api.job(&jobs[1]).await["state"],
        "scheduled",
        "no further job was taken"
    );
    assert_eq!(host.handles(), [0; 0]);
}

#[tokio::test]
async fn a_second_sigterm_cancels_the_job() {
    let bed = Bed::new(binaries()).await;
    let mut host = bed.host();
    let api = bed.server.api();
    let jobs = api
        .run_commands("cancel", &["echo started; sleep 600"])
        .await;
    api.until_logged(&jobs[0], "started").await;

    host.signal(Signal::TERM);
    host.log_line("agent", &["stop"]).await;
    host.signal(Signal::TERM);

    assert!(host.ended().await.success());
    host.gone().await;
    let job = api.job(&jobs[0]).await;
    assert_eq!(job["signal_reason"], "agent_stop", "{job}");
}

#[tokio::test]
async fn when_the_grace_is_over_the_whole_tree_is_killed() {
    let bed = Bed::new(binaries()).await;
    let mut settings = bed.host_settings();
    settings.bootstrapper_args = vec!["--stop-grace".into(), "1".into()];
    let mut host = tests::host::Host::start(settings);
    let api = bed.server.api();
    let jobs = api
        .run_commands(
            "stubborn",
            &["trap '' TERM INT HUP; echo started; sleep 600"],
        )
        .await;
    api.until_logged(&jobs[0], "started").await;

    host.signal(Signal::TERM);

    host.ended().await;
    host.gone().await;
}

#[tokio::test]
async fn a_second_bootstrapper_on_one_folder_refuses_and_names_the_first() {
    let bed = Bed::new(binaries()).await;
    let host = bed.host();
    host.launcher_pid().await;

    let second = host
        .command()
        .stderr(std::process::Stdio::piped())
        .output()
        .unwrap();

    assert_eq!(second.status.code(), Some(i32::from(Exit::LockHeld.code())));
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(
        said.contains(&host.bootstrapper_pid().to_string()),
        "{said}"
    );
    assert_eq!(host.pids("launcher").len(), 1);
}

#[tokio::test]
async fn a_build_canceled_by_a_person_ends_the_job_with_that_reason() {
    let bed = Bed::new(binaries()).await;
    let _host = bed.host();
    let api = bed.server.api();
    let jobs = api
        .run_commands("unwanted", &["echo started; sleep 600"])
        .await;
    api.until_logged(&jobs[0], "started").await;

    let (status, answer) = api
        .call(
            reqwest::Method::PUT,
            "pipelines/unwanted/builds/1/cancel",
            None,
        )
        .await;

    assert!(status.is_success(), "{status} {answer}");
    let job = api.until_ended(&jobs[0]).await;
    assert_eq!(
        (&job["state"], &job["signal_reason"]),
        (&"canceled".into(), &"cancel".into()),
        "{job}"
    );
}

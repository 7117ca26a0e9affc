//! A good release arrives: every tier is switched, and no job notices.

use tests::bed::Bed;
use tests::wait::until;

use crate::{binaries, waits_for};

#[tokio::test]
async fn agent_and_launcher_are_upgraded_while_a_job_runs() {
    let bed = Bed::new(binaries()).await;
    let host = bed.host();
    let api = bed.server.api();
    let go = bed.folder().join("go");
    let jobs = api
        .run_commands("through", &[&waits_for(&go), "echo on the next"])
        .await;
    api.until_logged(&jobs[0], "started").await;
    let first_agent = host.agent_pid().await;
    let first_launcher = host.launcher_pid().await;

    let launcher = bed.variant(&bed.binaries.launcher, "launcher-2");
    let agent = bed.variant(&bed.binaries.agent, "agent-2");
    bed.server.publish("2.0.0", &launcher, &agent);

    let new_launcher = until("the next launcher", || {
        let pids = host.pids("launcher");
        (pids.len() == 1 && pids[0] != first_launcher).then(|| pids[0])
    })
    .await;
    host.log_line("launcher", &["adopted", &format!("pid={first_agent}")])
        .await;
    until("the next agent stands by", || {
        (host.handles().len() == 2).then_some(())
    })
    .await;
    std::fs::write(&go, "").unwrap();

    assert_eq!(api.until_ended(&jobs[0]).await["state"], "passed");
    assert_eq!(api.until_ended(&jobs[1]).await["state"], "passed");
    host.log_line("launcher", &["agent committed", "version=2.0.0"])
        .await;
    host.log_line(
        "bootstrapper",
        &["now committed", &Bed::digest(&launcher).to_string()],
    )
    .await;
    assert_ne!(host.agent_pid().await, first_agent);
    assert_eq!(host.launcher_pid().await, new_launcher);
}

#[tokio::test]
async fn a_host_that_is_started_again_runs_what_it_committed() {
    let bed = Bed::new(binaries()).await;
    let mut host = bed.host();
    host.log_line("launcher", &["agent committed"]).await;
    host.signal(rustix::process::Signal::TERM);
    assert!(host.ended().await.success());

    host.resume();

    let api = bed.server.api();
    let jobs = api.run_commands("again", &["echo hello"]).await;
    assert_eq!(api.until_ended(&jobs[0]).await["state"], "passed");
    let starts = host
        .log("launcher")
        .lines()
        .filter(|line| line.contains("downloaded"))
        .count();
    assert_eq!(starts, 1, "nothing is downloaded a second time");
}

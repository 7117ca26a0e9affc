//! A tier is killed with SIGKILL while a job runs.

use rustix::process::Signal;
use tests::bed::Bed;
use tests::processes::{is_alive, signal};
use tests::wait::until;

use crate::{binaries, waits_for};

#[tokio::test]
async fn a_killed_agent_comes_back_and_its_job_is_reported_lost_once() {
    let bed = Bed::new(binaries()).await;
    let host = bed.host();
    let api = bed.server.api();
    let jobs = api
        .run_commands("lost", &["echo started; sleep 600 & sleep 600"])
        .await;
    api.until_logged(&jobs[0], "started").await;
    let agent = host.agent_pid().await;
    let of_the_job: Vec<u32> = host.pids("sleep");
    assert!(
        !of_the_job.is_empty(),
        "the job's commands carry the mark of the bed"
    );

    signal(agent, Signal::KILL);

    let job = api.until_ended(&jobs[0]).await;
    assert_eq!(
        (&job["state"], &job["exit_status"]),
        (&"failed".into(), &(-1).into()),
        "{job}"
    );
    assert_eq!(job["signal_reason"], "agent_stop", "{job}");
    until("the job's processes are gone", || {
        host.pids("sleep").is_empty().then_some(())
    })
    .await;
    let next = host.agent_pid().await;
    assert_ne!(next, agent);
    let records: Vec<_> = std::fs::read_dir(host.state().jobs())
        .into_iter()
        .flatten()
        .collect();
    assert!(
        records.is_empty(),
        "the record of the lost job is settled: {records:?}"
    );

    let after = api.run_commands("after", &["echo still alive"]).await;
    assert_eq!(api.until_ended(&after[0]).await["state"], "passed");
    assert_eq!(
        api.job(&jobs[0]).await["finished_at"],
        job["finished_at"],
        "the loss was reported once"
    );
}

#[tokio::test]
async fn a_killed_launcher_is_replaced_by_one_that_adopts_the_agent_and_the_job_goes_on() {
    let bed = Bed::new(binaries()).await;
    let host = bed.host();
    let api = bed.server.api();
    let go = bed.folder().join("go");
    let jobs = api.run_commands("adopt", &[&waits_for(&go)]).await;
    api.until_logged(&jobs[0], "started").await;
    let agent = host.agent_pid().await;
    let launcher = host.launcher_pid().await;

    signal(launcher, Signal::KILL);

    let line = host
        .log_line("launcher", &["adopted", &format!("pid={agent}")])
        .await;
    assert!(!line.is_empty());
    assert_ne!(host.launcher_pid().await, launcher);
    std::fs::write(&go, "").unwrap();
    let job = api.until_ended(&jobs[0]).await;
    assert_eq!(
        (&job["state"], &job["exit_status"]),
        (&"passed".into(), &0.into()),
        "{job}"
    );
    assert_eq!(host.agent_pid().await, agent, "the same agent works on");
}

#[tokio::test]
async fn after_a_killed_bootstrapper_the_next_one_takes_over_the_same_tree() {
    let bed = Bed::new(binaries()).await;
    let mut host = bed.host();
    let api = bed.server.api();
    let go = bed.folder().join("go");
    let jobs = api.run_commands("orphan", &[&waits_for(&go)]).await;
    api.until_logged(&jobs[0], "started").await;
    let agent = host.agent_pid().await;
    let launcher = host.launcher_pid().await;

    host.signal(Signal::KILL);
    host.ended().await;
    until("the launcher follows its bootstrapper", || {
        (!is_alive(launcher)).then_some(())
    })
    .await;
    assert!(is_alive(agent), "the agent stays with its job");
    host.resume();

    host.log_line("launcher", &["adopted", &format!("pid={agent}")])
        .await;
    assert_eq!(host.pids("launcher").len(), 1, "there is no second tree");
    std::fs::write(&go, "").unwrap();
    assert_eq!(api.until_ended(&jobs[0]).await["state"], "passed");
    assert_eq!(host.agent_pid().await, agent);
}

#[tokio::test]
async fn after_a_killed_bootstrapper_without_a_next_one_the_job_ends_and_nothing_stays() {
    let bed = Bed::new(binaries()).await;
    let mut settings = bed.host_settings();
    settings
        .launcher_args
        .extend(["--agent-arg", "--orphan-grace", "--agent-arg", "1"].map(str::to_owned));
    let mut host = tests::host::Host::start(settings);
    let api = bed.server.api();
    let go = bed.folder().join("go");
    let jobs = api.run_commands("orphan", &[&waits_for(&go)]).await;
    api.until_logged(&jobs[0], "started").await;

    host.signal(Signal::KILL);
    host.ended().await;

    host.log_line("agent", &["no launcher"]).await;
    std::fs::write(&go, "").unwrap();
    assert_eq!(api.until_ended(&jobs[0]).await["state"], "passed");
    host.gone().await;
}

//! Processes that are stopped, killed, doubled, or whose ids are somebody else's now.

use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use shared_handover::exit::Exit;
use shared_handover::handle::Handle;
use shared_handover::layout::Component;
use shared_slots::Slot;
use tests::bed::Bed;
use tests::processes::{is_alive, signal};
use tests::wait::until;

use super::{takes, works};
use crate::binaries;

#[tokio::test]
async fn of_ten_launchers_that_start_at_once_one_runs() {
    let bed = Bed::new(binaries()).await;
    let host = bed.host();
    host.log_line("launcher", &["agent committed"]).await;
    let agent = host.agent_pid().await;
    let launcher = host.launcher_pid().await;
    let state = host.state();

    let mut racers: Vec<_> = (0..10)
        .map(|_| {
            Command::new(&bed.binaries.launcher)
                .args(["run", "--server-url", &bed.server.url, "--state-dir"])
                .arg(state.root())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for racer in &mut racers {
        let status = until("a racer gives up", || racer.try_wait().unwrap()).await;
        assert_eq!(status.code(), Some(i32::from(Exit::LockHeld.code())));
    }

    assert_eq!(host.launcher_pid().await, launcher);
    assert_eq!(host.agent_pid().await, agent);
    works(&bed, "after").await;
}

#[tokio::test]
async fn a_stopped_launcher_costs_time_and_nothing_else() {
    let bed = Bed::new(binaries()).await;
    let host = bed.host();
    host.log_line("launcher", &["agent committed"]).await;
    let next = bed.variant(&bed.binaries.agent, "next");
    bed.server.publish("2.0.0", &bed.binaries.launcher, &next);
    host.log_line("launcher", &["agent started", "version=2.0.0"])
        .await;

    let launcher = host.launcher_pid().await;
    signal(launcher, Signal::STOP);
    // Long enough for every gate, ping and poll of this bed to be over several times.
    works(&bed, "meanwhile-1").await;
    works(&bed, "meanwhile-2").await;
    signal(launcher, Signal::CONT);

    host.log_line("launcher", &["agent committed", "version=2.0.0"])
        .await;
    assert!(!host.log("launcher").contains("rejected"));
}

#[tokio::test]
async fn a_trial_that_is_stopped_is_rejected_and_the_old_agent_works() {
    let bed = Bed::new(binaries()).await;
    let host = bed.host();
    host.log_line("launcher", &["agent committed"]).await;
    // It stops itself: a signal from here could come after it was committed.
    let next = bed.small_agent("next", 0);
    let script = std::fs::read_to_string(&next).unwrap();
    std::fs::write(&next, script.replacen("exec ", "kill -STOP $$\nexec ", 1)).unwrap();
    bed.server.publish("2.0.0", &bed.binaries.launcher, &next);
    let started = host
        .log_line("launcher", &["agent started", "version=2.0.0"])
        .await;
    let pid = started.split_once("pid=").unwrap().1.split(' ').next();
    let trial = pid.unwrap().parse().unwrap();

    host.log_line("launcher", &["agent rejected", "version=2.0.0"])
        .await;
    works(&bed, "after").await;
    until("the stopped trial is gone", || {
        (!is_alive(trial)).then_some(())
    })
    .await;
    let page = Slot::new(host.state().pages(Component::Agent)).read().page;
    assert_eq!(page.committed(), Some(Bed::digest(&bed.binaries.agent)));
}

#[tokio::test]
async fn a_trial_that_is_killed_from_outside_is_not_taken_and_the_next_release_is() {
    let bed = Bed::new(binaries()).await;
    let host = bed.host();
    host.log_line("launcher", &["agent committed"]).await;
    let first = host.agent_pid().await;
    let next = bed.small_agent("2.0.0", 0);
    bed.server.publish("2.0.0", &bed.binaries.launcher, &next);
    // As the kernel does when memory runs out: again and again, until it is given up.
    until("the trial is rejected", || {
        for trial in host.handles().into_iter().filter(|pid| *pid != first) {
            signal(trial, Signal::KILL);
        }
        let log = host.log("launcher");
        let is_it = |line: &str| line.contains("agent rejected") && line.contains("version=2.0.0");
        log.lines().any(is_it).then_some(())
    })
    .await;
    works(&bed, "after").await;
    let page = Slot::new(host.state().pages(Component::Agent)).read().page;
    assert_eq!(page.committed(), Some(Bed::digest(&bed.binaries.agent)));
    takes(&bed, &host, "3.0.0").await;
    works(&bed, "at-the-end").await;
}

#[tokio::test]
async fn a_job_that_leaves_two_hundred_processes_leaves_none_when_the_host_stops() {
    let bed = Bed::new(binaries()).await;
    let mut host = bed.host();
    let api = bed.server.api();
    let fork =
        "for n in $(seq 100); do sleep 600 & setsid sleep 600 & done; echo started; sleep 600";
    let jobs = api.run_commands("forks", &[fork]).await;
    api.until_logged(&jobs[0], "started").await;
    until("two hundred processes run", || {
        (host.pids("sleep").len() >= 200).then_some(())
    })
    .await;
    host.signal(Signal::TERM);
    host.log_line("agent", &["stop"]).await;
    host.signal(Signal::TERM);
    assert!(host.ended().await.success());
    host.gone().await;
}

#[tokio::test]
async fn a_process_that_got_the_id_of_an_old_agent_is_left_alone() {
    let bed = Bed::new(binaries()).await;
    let mut host = bed.host();
    host.log_line("launcher", &["agent committed"]).await;
    host.signal(Signal::TERM);
    assert!(host.ended().await.success());
    let mut stranger = Command::new("sleep").arg("600").spawn().unwrap();
    let handle = Handle {
        pid: stranger.id(),
        start: 1,
        digest: Bed::digest(&bed.binaries.agent).to_string(),
    };
    let path = host.state().agent_handle(stranger.id());
    std::fs::write(&path, handle.encode()).unwrap();

    host.resume();
    works(&bed, "after").await;
    until("the handle of the stranger is gone", || {
        (!path.exists()).then_some(())
    })
    .await;
    host.signal(Signal::TERM);
    assert!(host.ended().await.success());
    assert!(
        stranger.try_wait().unwrap().is_none(),
        "the stranger was killed"
    );
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

/// A FIFO blocks whoever opens it, a folder cannot be read, a link leads elsewhere, zeros have no
/// end, and a name can be a number that no process has.
#[tokio::test]
async fn hostile_files_where_agents_leave_their_handles_hold_nobody_up() {
    let bed = Bed::new(binaries()).await;
    let mut host = bed.host();
    host.log_line("launcher", &["agent committed"]).await;
    host.signal(Signal::TERM);
    assert!(host.ended().await.success());
    let run = host.state().run();
    let fifo = Command::new("mkfifo").arg(run.join("agent-11")).status();
    assert!(fifo.unwrap().success());
    std::fs::create_dir(run.join("agent-12")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", run.join("agent-13")).unwrap();
    std::os::unix::fs::symlink("/nowhere", run.join("agent-14")).unwrap();
    std::fs::write(run.join("agent-15"), vec![b'='; 1 << 20]).unwrap();
    std::fs::write(run.join("agent-99999999999999999999"), "pid=1").unwrap();
    std::fs::write(run.join("agent-x"), [0xff; 64]).unwrap();
    std::fs::write(run.join("launcher.sock"), "not a socket").unwrap();
    // Somebody listens where an agent did, and never says a word.
    let mut stranger = Command::new("sleep").arg("600").spawn().unwrap();
    let handle = Handle {
        pid: stranger.id(),
        start: 1,
        digest: Bed::digest(&bed.binaries.agent).to_string(),
    };
    let listener = UnixListener::bind(run.join(format!("agent-{}.sock", stranger.id())));
    std::fs::write(
        run.join(format!("agent-{}", stranger.id())),
        handle.encode(),
    )
    .unwrap();

    host.resume();
    works(&bed, "after").await;
    takes(&bed, &host, "2.0.0").await;
    works(&bed, "at-the-end").await;
    drop(listener);
    assert!(
        stranger.try_wait().unwrap().is_none(),
        "the stranger was killed"
    );
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

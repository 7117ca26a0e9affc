//! Files of the state folder vanish while the host runs.

use std::path::{Path, PathBuf};

use futures_util::future::join_all;
use rustix::process::Signal;
use shared_handover::layout::{Component, StateDir};
use tests::bed::Bed;
use tests::host::Host;
use tests::processes::signal;
use tests::wait::until;

use super::{takes, works};
use crate::binaries;

/// What is removed.
type Lost = fn(&StateDir) -> Vec<PathBuf>;

const LOST: &[Lost] = &[
    |state| state.pages(Component::Agent)[..1].to_vec(),
    |state| state.pages(Component::Agent).to_vec(),
    |state| state.pages(Component::Launcher).to_vec(),
    |state| vec![state.manifest()],
    |state| vec![state.trust()],
    |state| {
        vec![
            state.policy(),
            state.status(),
            state.metrics(),
            state.events(),
        ]
    },
    |state| vec![state.store()],
    |state| vec![state.run()],
    |state| vec![state.logs()],
];

fn remove(path: &Path) {
    let removed = if path.is_dir() {
        std::fs::remove_dir_all(path)
    } else {
        std::fs::remove_file(path)
    };
    // Not every host has every file.
    if let Err(error) = removed {
        assert_eq!(
            error.kind(),
            std::io::ErrorKind::NotFound,
            "{}",
            path.display()
        );
    }
}

/// Kills the launcher, and waits for the next.
async fn restarts(host: &Host) {
    let launcher = host.launcher_pid().await;
    signal(launcher, Signal::KILL);
    until("another launcher runs", || {
        let pids = host.pids("launcher");
        (pids.len() == 1 && pids[0] != launcher).then_some(())
    })
    .await;
}

/// Loses these one after the other, each followed by a restart and a release.
async fn loses(lost: &[Lost]) {
    let bed = Bed::without_release(binaries()).await;
    let mut settings = bed.host_settings();
    settings.bootstrapper_args = vec!["--restart-delay".into(), "0.05".into()];
    let host = Host::start(settings);
    takes(&bed, &host, "0.1.0").await;
    for (number, lost) in lost.iter().enumerate() {
        let state = host.state();
        for path in lost(&state) {
            remove(&path);
        }
        works(&bed, &format!("without-{number}")).await;
        restarts(&host).await;
        works(&bed, &format!("restarted-{number}")).await;
        takes(&bed, &host, &format!("{}.0.0", number + 1)).await;
    }
    works(&bed, "at-the-end").await;
}

#[tokio::test]
async fn files_that_vanish_while_it_runs_cost_a_host_neither_a_job_nor_an_upgrade() {
    join_all(LOST.chunks(3).map(loses)).await;
}

#[tokio::test]
async fn a_host_whose_state_folder_was_emptied_installs_itself_again() {
    let bed = Bed::new(binaries()).await;
    let mut settings = bed.host_settings();
    // The agent that nobody can find any more ends by itself after that.
    let grace = ["--agent-arg", "--orphan-grace", "--agent-arg", "2"];
    settings.launcher_args.extend(grace.map(str::to_owned));
    let host = Host::start(settings);
    host.log_line("launcher", &["agent committed"]).await;
    for entry in std::fs::read_dir(host.state().root()).unwrap() {
        remove(&entry.unwrap().path());
    }
    let launcher = host.launcher_pid().await;
    signal(launcher, Signal::KILL);
    host.log_line("launcher", &["agent committed"]).await;
    works(&bed, "after").await;
    until("one agent is left", || {
        (host.pids("agent").len() == 1).then_some(())
    })
    .await;
}

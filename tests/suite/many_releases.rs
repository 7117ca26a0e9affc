//! Release after release: what a host meets over years, in a minute. Jobs run all the while, none is
//! killed, none runs twice, and nothing is left over.

use std::env::consts::{ARCH, OS};
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use shared_delta::{Algorithm, create};
use shared_handover::layout::Component;
use shared_release::{Delta, Target};
use shared_slots::{Digest, Slot};
use tests::api::{Api, JobRef};
use tests::bed::Bed;
use tests::host::{Host, HostSettings};
use tests::release_tree::{ReleaseTree, blob_path};
use tests::wait::until;

use crate::{binaries, waits_for};

/// Size of the agents that are released in great number.
const LENGTH: usize = 64 * 1024;

/// A host with four workers.
fn with_four_workers(bed: &Bed) -> HostSettings {
    let mut settings = bed.host_settings();
    settings.agent_config.push_str("spawn=4\n");
    settings
}

/// A job runs on this host.
async fn works(bed: &Bed, name: &str) {
    let api = bed.server.api();
    let jobs = api.run_commands(name, &["true"]).await;
    let job = api.until_ended(&jobs[0]).await;
    assert_eq!(job["state"], "passed", "{job}");
}

fn committed(host: &Host, component: Component) -> Option<Digest> {
    Slot::new(host.state().pages(component))
        .read()
        .page
        .committed()
}

/// Waits until the host has committed both files of a release.
async fn runs(host: &Host, launcher: &Path, agent: &Path) {
    let wanted = [
        (Component::Launcher, Bed::digest(launcher)),
        (Component::Agent, Bed::digest(agent)),
    ];
    until("both tiers are committed", || {
        let is_there = |(component, digest)| committed(host, component) == Some(digest);
        wanted.into_iter().all(is_there).then_some(())
    })
    .await;
}

/// Four jobs at once, in builds of their own; each ends when its file appears.
async fn four_jobs(bed: &Bed, api: &Api, name: &str) -> Vec<(JobRef, PathBuf)> {
    let mut jobs = Vec::new();
    for number in 0..4 {
        let go = bed.folder().join(format!("{name}-{number}"));
        let ledger = bed.folder().join("ledger");
        let command = format!(
            "echo {name}-{number} >> '{}'; {}",
            ledger.display(),
            waits_for(&go)
        );
        let mut started = api
            .run_commands(&format!("{name}-{number}"), &[&command])
            .await;
        jobs.push((started.remove(0), go));
    }
    for (job, _) in &jobs {
        api.until_logged(job, "started").await;
    }
    jobs
}

/// Lets the jobs end, and checks that each ran once and passed.
async fn all_pass(bed: &Bed, api: &Api, jobs: &[(JobRef, PathBuf)]) {
    for (job, go) in jobs {
        std::fs::write(go, "").unwrap();
        let ended = api.until_ended(job).await;
        assert_eq!(ended["state"], "passed", "{ended}");
    }
    let ledger = std::fs::read_to_string(bed.folder().join("ledger")).unwrap();
    let mut lines: Vec<&str> = ledger.lines().collect();
    let count = lines.len();
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), count, "a job ran twice:\n{ledger}");
}

/// One process of each tier, one agent with its handle and socket, nothing unfinished, and no more
/// versions than the two slots name and the clean-up spares.
async fn nothing_left_over(host: &Host) {
    until("one process of each tier and nothing unfinished", || {
        let state = host.state();
        let names = |folder: PathBuf| {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect::<Vec<_>>()
        };
        let store = names(state.store());
        let run = names(state.run());
        let agents = run.iter().filter(|name| name.starts_with("agent-"));
        let tidy = host.alive().len() == 3
            && host.pids("launcher").len() == 1
            && host.handles().len() == 1
            && agents.count() == 2
            && names(state.partial()).is_empty()
            && names(state.jobs()).is_empty()
            && names(state.quarantine()).is_empty()
            && store.iter().all(|name| !name.starts_with('.'))
            && store.len() <= 6;
        tidy.then_some(())
    })
    .await;
}

/// The times without a working worker at each switch, as the launcher measured them.
fn gaps(host: &Host) -> Vec<u64> {
    let log = host.log("launcher");
    let gap = |line: &str| {
        let text = line.split_once("gap_ms=")?.1;
        text.split(' ').next()?.parse().ok()
    };
    log.lines().filter_map(gap).collect()
}

#[tokio::test]
async fn four_running_jobs_do_not_notice_that_every_tier_is_replaced() {
    let bed = Bed::new(binaries()).await;
    let host = Host::start(with_four_workers(&bed));
    let api = bed.server.api();
    runs(&host, &bed.binaries.launcher, &bed.binaries.agent).await;
    let first = host.agent_pid().await;
    let jobs = four_jobs(&bed, &api, "four").await;

    let launcher = bed.variant(&bed.binaries.launcher, "launcher-2");
    let agent = bed.variant(&bed.binaries.agent, "agent-2");
    bed.server.publish("2.0.0", &launcher, &agent);
    until("the next agent stands by", || {
        (host.handles().len() == 2).then_some(())
    })
    .await;
    // Slot by slot: as soon as one of the four ends, its successor takes the next job.
    std::fs::write(&jobs[0].1, "").unwrap();
    let next = api.run_commands("next", &["echo $PPID taken"]).await;
    assert_eq!(api.until_ended(&next[0]).await["state"], "passed");
    assert!(
        tests::processes::is_alive(first),
        "the old agent still runs three jobs"
    );

    all_pass(&bed, &api, &jobs).await;
    runs(&host, &launcher, &agent).await;
    nothing_left_over(&host).await;
    assert_eq!(gaps(&host), [0], "at every instant a worker was working");
}

#[tokio::test]
async fn twenty_releases_in_a_row_cost_no_job_and_leave_nothing_over() {
    let bed = Bed::new(binaries()).await;
    let host = Host::start(with_four_workers(&bed));
    let api = bed.server.api();
    runs(&host, &bed.binaries.launcher, &bed.binaries.agent).await;
    let jobs = four_jobs(&bed, &api, "twenty").await;
    let mut launcher = bed.binaries.launcher.clone();
    for number in 2..22 {
        // Every fifth release brings another launcher, each another agent.
        if number % 5 == 0 {
            launcher = bed.variant(&bed.binaries.launcher, &format!("launcher-{number}"));
        }
        let agent = bed.small_agent(&format!("agent-{number}"), LENGTH);
        bed.server
            .publish(&format!("{number}.0.0"), &launcher, &agent);
        if number == 6 {
            // From here on the slots are free, and quick jobs run in between.
            all_pass(&bed, &api, &jobs).await;
        }
        if number > 6 {
            works(&bed, &format!("quick-{number}")).await;
            runs(&host, &launcher, &agent).await;
        }
    }
    nothing_left_over(&host).await;
    let log = host.log("launcher");
    assert!(!log.contains("rejected"), "a good release was rejected");
    let gaps = gaps(&host);
    assert!(gaps.len() >= 12, "switches were measured: {gaps:?}");
    // Milliseconds are for the benchmark, on a machine that does nothing else. A switch that waits
    // for a job, or for the gate, shows here on any machine.
    assert!(
        gaps.iter().all(|gap| *gap < 10_000),
        "no gap in which nobody works: {gaps:?}"
    );
}

#[tokio::test]
async fn a_release_that_is_taken_back_gives_way_to_the_one_before_and_then_to_the_next() {
    let bed = Bed::without_release(binaries()).await;
    let agents = ["one", "two", "three"].map(|name| bed.small_agent(name, LENGTH));
    let launcher = &bed.binaries.launcher;
    bed.server.publish("1.0.0", launcher, &agents[0]);
    let host = bed.host();
    runs(&host, launcher, &agents[0]).await;
    bed.server.publish("2.0.0", launcher, &agents[1]);
    runs(&host, launcher, &agents[1]).await;

    bed.server.release(&["revoke", "2.0.0"]);
    runs(&host, launcher, &agents[0]).await;
    host.log_line("launcher", &["to=1.0.0", "was taken back"])
        .await;
    works(&bed, "back").await;

    bed.server.publish("3.0.0", launcher, &agents[2]);
    runs(&host, launcher, &agents[2]).await;
    nothing_left_over(&host).await;
}

#[tokio::test]
async fn a_host_goes_back_to_a_pinned_version_only_by_a_signed_permission() {
    let bed = Bed::without_release(binaries()).await;
    let agents = ["one", "two"].map(|name| bed.small_agent(name, LENGTH));
    let launcher = &bed.binaries.launcher;
    bed.server.publish("1.0.0", launcher, &agents[0]);
    let host = bed.host();
    runs(&host, launcher, &agents[0]).await;
    bed.server.publish("2.0.0", launcher, &agents[1]);
    runs(&host, launcher, &agents[1]).await;

    let policy = host.state().policy();
    let pin = r#"{"pins": [{"component": "agent", "version": "1.0.0"}]}"#;
    std::fs::write(&policy, pin).unwrap();
    let words = ["agent 1.0.0 not installed", "no signature allows that"];
    host.log_line("launcher", &words).await;
    works(&bed, "pinned").await;
    let second = Bed::digest(&agents[1]);
    assert_eq!(committed(&host, Component::Agent), Some(second));

    let permission = "agent:1:version 2 loses logs";
    let allow = ["--plain", "--allow-downgrade", permission];
    bed.server
        .publish_with("2.0.0", launcher, &agents[1], &allow);
    runs(&host, launcher, &agents[0]).await;
    works(&bed, "back").await;

    std::fs::remove_file(&policy).unwrap();
    runs(&host, launcher, &agents[1]).await;
    nothing_left_over(&host).await;
}

/// The ids of the keys that the newest root names.
fn keys(bed: &Bed) -> Vec<String> {
    let shown = bed.server.release(&["show"]);
    let id = |line: &str| {
        let mut words = line.split_whitespace();
        let role = words.next()?;
        let id = words.next()?;
        matches!(role, "root" | "release")
            .then(|| id.to_owned())
            .filter(|id| id.len() == 16)
    };
    shown.lines().filter_map(id).collect()
}

/// Replaces all keys, as after a theft.
fn rotate(bed: &Bed) {
    let old = keys(bed);
    assert_eq!(old.len(), 2, "{old:?}");
    let mut args = vec!["rotate", "--new-root-keys", "1", "--new-release-keys", "1"];
    for id in &old {
        args.extend(["--drop-key", id]);
    }
    bed.server.release(&args);
    assert!(keys(bed).iter().all(|key| !old.contains(key)));
}

#[tokio::test]
async fn a_host_follows_ten_changes_of_all_keys_in_one_step() {
    let bed = Bed::without_release(binaries()).await;
    let launcher = &bed.binaries.launcher;
    let agents = ["one", "two"].map(|name| bed.small_agent(name, LENGTH));
    bed.server.publish("1.0.0", launcher, &agents[0]);
    let mut host = bed.host();
    runs(&host, launcher, &agents[0]).await;
    host.signal(Signal::TERM);
    assert!(host.ended().await.success());

    for _ in 0..10 {
        rotate(&bed);
    }
    bed.server.publish("2.0.0", launcher, &agents[1]);
    host.resume();
    host.log_line("launcher", &["new trust root", "version=11"])
        .await;
    runs(&host, launcher, &agents[1]).await;
    works(&bed, "after").await;
    // What it follows is kept: it starts again without asking anybody.
    assert!(host.state().trust().join("11.root.json").exists());
    nothing_left_over(&host).await;
}

#[tokio::test]
async fn a_host_that_was_off_for_fifty_releases_comes_through_the_barrier_to_the_newest() {
    let bed = Bed::without_release(binaries()).await;
    let launcher = &bed.binaries.launcher;
    let first = bed.small_agent("1", LENGTH);
    bed.server.publish("1.0.0", launcher, &first);
    let mut host = bed.host();
    runs(&host, launcher, &first).await;
    host.signal(Signal::TERM);
    assert!(host.ended().await.success());

    let mut newest = first;
    for number in 2..=51 {
        newest = bed.small_agent(&number.to_string(), LENGTH);
        let flags: &[&str] = match number {
            20 => &["--plain", "--barrier"],
            _ => &["--plain"],
        };
        let version = format!("{number}.0.0");
        bed.server.publish_with(&version, launcher, &newest, flags);
        if matches!(number, 10 | 30 | 40) {
            rotate(&bed);
        }
    }
    host.resume();
    runs(&host, launcher, &newest).await;
    let ran: Vec<usize> = (1..=51)
        .filter(|number| bed.has_run(&number.to_string()))
        .collect();
    assert_eq!(ran, [1, 20, 51], "through the barrier and no other");
    works(&bed, "after").await;
    nothing_left_over(&host).await;
}

#[tokio::test]
async fn a_delta_brings_the_next_version_with_a_few_bytes() {
    let bed = Bed::without_release(binaries()).await;
    let mut tree = ReleaseTree::start(bed.folder()).await;
    let mut last = bed.small_agent("0", 512 * 1024);
    tree.add("0.0.0", &last);
    tree.issue();
    let host = Host::start(bed.host_settings_of(&tree));
    host.log_line("launcher", &["agent committed", "version=0.0.0"])
        .await;
    for (number, algorithm) in [(1, Algorithm::Bsdiff4), (2, Algorithm::Zstd)] {
        // The same but for its first lines.
        let next = bed.small_agent(&number.to_string(), 0);
        let old = std::fs::read(&last).unwrap();
        let new = [&std::fs::read(&next).unwrap(), &old[512..]].concat();
        std::fs::write(&next, &new).unwrap();
        let patch = create(algorithm, &old, &new).unwrap();
        let size = patch.len() as u64;
        let sha256 = tree.lay(patch);
        let digest = tree.lay(new.clone());
        let mut target = Target::plain(OS, ARCH, digest, new.len() as u64);
        target.deltas.push(Delta {
            from: Bed::digest(&last),
            algo: algorithm.name().to_owned(),
            url: vec![format!("blobs/{sha256}")],
            size,
            sha256,
        });
        let version = format!("{number}.0.0");
        tree.list(&version, target);
        tree.issue();
        let version = format!("version={version}");
        host.log_line("launcher", &["agent committed", &version])
            .await;
        let bytes = format!("bytes={size}");
        let words = ["downloaded", &version, "way=delta", &bytes];
        host.log_line("launcher", &words).await;
        assert!(size < new.len() as u64 / 50, "{size} bytes");
        assert!(tree.server.asked(&blob_path(digest)).is_empty());
        assert!(bed.has_run(&number.to_string()));
        last = next;
    }
    works(&bed, "after").await;
    nothing_left_over(&host).await;
}

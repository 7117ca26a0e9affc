//! Disks that are full, small, read-only, or must not be executed from. Each host has a file system
//! of its own for its state, in a mount namespace of its own.

use std::io::Read as _;
use std::process::{Command, Stdio};

use futures_util::future::join_all;
use shared_handover::exit::Exit;
use shared_handover::layout::Component;
use shared_slots::Slot;
use tests::bed::Bed;
use tests::host::Host;
use tests::wait::until;

use super::{committed, works};
use crate::binaries;

/// Prepares a state folder of its own file system, with these mount options.
fn on_tmpfs(options: &str) -> String {
    format!(
        "mkdir -p \"$STATE\"; mount -t tmpfs -o mode=0700,{options} tmpfs \"$STATE\"; exec \"$@\""
    )
}

/// Mounts the state folder of a host anew, with these options.
fn remount(host: &Host, options: &str) {
    let state = host.settings().folder.join("state");
    let target = host.bootstrapper_pid().to_string();
    let mut command = Command::new("nsenter");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--preserve-credentials"]);
    }
    let status = command
        .args(["--mount", "--target", &target, "mount", "-o"])
        .arg(format!("remount,{options}"))
        .arg(state)
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "remount,{options}: {status}");
}

/// Bytes that the disk of the state folder has in use.
fn used(host: &Host) -> u64 {
    let disk = rustix::fs::statvfs(host.state().root()).unwrap();
    (disk.f_blocks - disk.f_bfree) * disk.f_frsize
}

#[tokio::test]
async fn a_state_folder_that_cannot_execute_is_said_clearly_and_heals() {
    let bed = Bed::new(binaries()).await;
    let mut settings = bed.host_settings();
    settings.mounts = on_tmpfs("noexec,size=512m");
    let host = Host::start(settings);
    host.log_line("bootstrapper", &["launcher", "ermission denied"])
        .await;
    remount(&host, "exec");
    host.log_line("launcher", &["agent committed"]).await;
    works(&bed, "after").await;
}

#[tokio::test]
async fn a_full_disk_stops_upgrades_and_no_job() {
    let bed = Bed::new(binaries()).await;
    let mut settings = bed.host_settings();
    settings.mounts = on_tmpfs("size=512m");
    let host = Host::start(settings);
    host.log_line("launcher", &["agent committed"]).await;
    let agent = host.agent_pid().await;
    let fill = host.state().root().join("fill");
    let filled = std::fs::File::create(&fill)
        .and_then(|mut file| std::io::copy(&mut std::io::repeat(0).take(1 << 30), &mut file));
    assert_eq!(filled.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    let next = bed.variant(&bed.binaries.agent, "next");
    bed.server.publish("2.0.0", &bed.binaries.launcher, &next);
    let words = ["agent 2.0.0 waits", "blocked: disk"];
    host.log_line("launcher", &words).await;
    works(&bed, "full").await;
    assert_eq!(host.agent_pid().await, agent);

    std::fs::remove_file(&fill).unwrap();
    host.log_line("launcher", &["agent committed", "version=2.0.0"])
        .await;
    works(&bed, "after").await;
}

#[tokio::test]
async fn a_file_system_without_free_inodes_stops_upgrades_and_no_job() {
    let bed = Bed::new(binaries()).await;
    let mut settings = bed.host_settings();
    settings.mounts = on_tmpfs("size=512m,nr_inodes=4000");
    let host = Host::start(settings);
    host.log_line("launcher", &["agent committed"]).await;
    let fill = host.state().root().join("fill");
    std::fs::create_dir(&fill).unwrap();
    let made = (0..5000)
        .take_while(|n| std::fs::write(fill.join(n.to_string()), "").is_ok())
        .count();
    assert!(made < 4000, "the file system ran out of inodes");
    let next = bed.variant(&bed.binaries.agent, "next");
    bed.server.publish("2.0.0", &bed.binaries.launcher, &next);
    let words = ["agent 2.0.0 waits", "blocked: disk", "remove files"];
    host.log_line("launcher", &words).await;
    works(&bed, "full").await;
    std::fs::remove_dir_all(&fill).unwrap();
    host.log_line("launcher", &["agent committed", "version=2.0.0"])
        .await;
    works(&bed, "after").await;
}

#[tokio::test]
async fn a_read_only_state_folder_is_refused_with_its_name() {
    let bed = Bed::new(binaries()).await;
    let mut settings = bed.host_settings();
    settings.mounts = on_tmpfs("ro,size=1m");
    let stderr = settings.folder.join("stderr.log");
    let mut host = Host::start(settings);
    let status = host.ended().await;
    assert_eq!(
        status.code(),
        Some(i32::from(Exit::StateDirUnusable.code()))
    );
    let said = std::fs::read_to_string(stderr).unwrap();
    assert!(
        said.contains("state") && said.contains("ead-only"),
        "{said}"
    );
}

/// Sizes between none and plenty, as far as they differ in what fits.
fn sizes(launcher: u64) -> Vec<u64> {
    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    let margin = 64 * MIB;
    let around = |size: u64| [size - 64 * KIB, size + 64 * KIB];
    let mut sizes = vec![4 * KIB, 64 * KIB, MIB, 8 * MIB];
    sizes.extend(around(launcher));
    sizes.extend(around(launcher + margin));
    sizes.push(launcher + margin + 8 * MIB);
    sizes
}

/// Starts a host on a disk of this size, sees what it makes of it, and gives it a larger one.
async fn starts_on(bed: &Bed, size: u64) -> bool {
    let mut settings = bed.host_settings();
    settings.folder = bed.folder().join(format!("host-{size}"));
    settings.mark = format!("{}-{size}", settings.mark);
    settings.agent_config = settings
        .agent_config
        .replace("bed-", &format!("bed-{size}-"));
    settings.mounts = on_tmpfs(&format!("size={size}"));
    let host = Host::start(settings);
    let outcomes = ["o space left", "blocked: disk", "agent committed"];
    let outcome = until(&format!("{size} bytes have an outcome"), || {
        let said = host.stderr();
        outcomes.into_iter().find(|outcome| said.contains(outcome))
    })
    .await;
    remount(&host, "size=512m");
    until(&format!("after {size} bytes an agent is committed"), || {
        let page = Slot::new(host.state().pages(Component::Agent)).read().page;
        page.committed()
    })
    .await;
    outcome == "agent committed"
}

#[tokio::test]
async fn on_a_disk_of_any_size_a_host_waits_for_room_and_then_works() {
    let bed = Bed::without_release(binaries()).await;
    let agent = bed.small_agent("1.0.0", 0);
    bed.server.publish("1.0.0", &bed.binaries.launcher, &agent);
    let launcher = std::fs::metadata(&bed.binaries.launcher).unwrap().len();
    let sizes = sizes(launcher);
    let mut outcomes = Vec::new();
    for sizes in sizes.chunks(3) {
        let hosts = sizes.iter().map(|size| starts_on(&bed, *size));
        outcomes.extend(join_all(hosts).await);
    }
    assert_eq!(outcomes.first(), Some(&false), "nothing fits: {outcomes:?}");
    assert_eq!(outcomes.last(), Some(&true), "all fits: {outcomes:?}");
    assert!(
        outcomes.is_sorted(),
        "more room is never worse: {outcomes:?}"
    );
}

#[tokio::test]
async fn an_upgrade_waits_for_room_while_what_is_installed_works() {
    let bed = Bed::without_release(binaries()).await;
    let first = bed.small_agent("1.0.0", 0);
    bed.server.publish("1.0.0", &bed.binaries.launcher, &first);
    let mut settings = bed.host_settings();
    settings.mounts = on_tmpfs("size=512m");
    let host = Host::start(settings);
    committed(&host, "1.0.0").await;
    let agent = host.agent_pid().await;

    // Less than the next version needs beside what must stay free.
    let next = bed.small_agent("2.0.0", 1 << 20);
    remount(&host, &format!("size={}", used(&host) + (64 << 20)));
    bed.server.publish("2.0.0", &bed.binaries.launcher, &next);
    let words = ["agent 2.0.0 waits", "blocked: disk"];
    host.log_line("launcher", &words).await;
    for (step, more) in [0, 64 << 10, 16 << 20, 48 << 20].into_iter().enumerate() {
        remount(&host, &format!("size={}", used(&host) + more));
        works(&bed, &format!("step-{step}")).await;
        assert_eq!(host.agent_pid().await, agent, "what is installed runs on");
        assert!(!bed.has_run("2.0.0"));
    }
    remount(&host, &format!("size={}", used(&host) + (80 << 20)));
    committed(&host, "2.0.0").await;
    works(&bed, "after").await;
}

//! What systemd hears of a host whose bootstrapper it started.

use std::path::Path;
use std::sync::{Arc, Mutex};

use rustix::process::Signal;
use tests::bed::Bed;
use tests::host::{Host, HostSettings};
use tests::wait::until;
use tokio::net::UnixDatagram;

use crate::{binaries, waits_for};

/// Listens as systemd would.
struct Ear(Arc<Mutex<Vec<String>>>);

impl Ear {
    fn open(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heard);
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok(count) = socket.recv(&mut buffer).await {
                let message = String::from_utf8_lossy(&buffer[..count]).into_owned();
                log.lock().unwrap().push(message);
            }
        });
        Self(heard)
    }

    /// Waits for a message with these words, the first one or any one after it, and returns its
    /// number and the whole of it.
    async fn hears(&self, from: usize, words: &str) -> (usize, String) {
        until(&format!("systemd hears {words}"), || {
            let heard = self.0.lock().unwrap();
            let mut numbered = heard.iter().cloned().enumerate().skip(from);
            numbered.find(|(_, message)| message.contains(words))
        })
        .await
    }
}

/// Listens, and puts into the settings what systemd would give the host's processes.
fn listen(bed: &Bed, settings: &mut HostSettings) -> Ear {
    let socket = bed.folder().join("notify");
    settings.env = vec![
        ("NOTIFY_SOCKET".into(), socket.to_str().unwrap().into()),
        ("WATCHDOG_USEC".into(), "400000".into()),
    ];
    Ear::open(&socket)
}

fn host_with(bed: &Bed) -> (Ear, Host) {
    let mut settings = bed.host_settings();
    (listen(bed, &mut settings), Host::start(settings))
}

#[tokio::test]
async fn a_host_that_works_is_ready_and_its_jobs_cannot_speak_for_it() {
    let bed = Bed::new(binaries()).await;
    let (ear, mut host) = host_with(&bed);
    ear.hears(0, "READY=1").await;
    ear.hears(0, "STATUS=agent 1.0.0: idle, 1 worker connected")
        .await;
    ear.hears(0, "WATCHDOG=1").await;

    let go = bed.folder().join("go");
    let quiet = "if env | grep -e ^NOTIFY_ -e ^WATCHDOG_; then exit 1; fi";
    let api = bed.server.api();
    let command = format!("{quiet}; {}", waits_for(&go));
    let jobs = api.run_commands("quiet", &[&command]).await;
    let (running, _) = ear.hears(0, "STATUS=agent 1.0.0: 1 job running").await;
    std::fs::write(&go, "").unwrap();
    assert_eq!(api.until_ended(&jobs[0]).await["state"], "passed");
    ear.hears(running, "STATUS=agent 1.0.0: idle").await;

    host.signal(Signal::TERM);
    ear.hears(running, "STOPPING=1\nSTATUS=stopping").await;
    assert!(host.ended().await.success());
}

#[tokio::test]
async fn an_upgrade_of_the_launcher_leaves_no_gap_for_the_watchdog() {
    let bed = Bed::new(binaries()).await;
    let (ear, host) = host_with(&bed);
    let (proved, _) = ear.hears(0, "WATCHDOG_USEC=400000").await;
    let first = host.launcher_pid().await;
    let launcher = bed.variant(&bed.binaries.launcher, "launcher-2");
    bed.server.publish("2.0.0", &launcher, &bed.binaries.agent);

    let (over, message) = ear.hears(proved, "the next launcher takes over").await;
    assert!(message.contains("WATCHDOG_USEC=3600000000"), "{message}");
    ear.hears(over, "READY=1").await;
    let (again, _) = ear.hears(over, "WATCHDOG_USEC=400000").await;
    ear.hears(again, "WATCHDOG=1").await;
    host.log_line(
        "bootstrapper",
        &["now committed", &Bed::digest(&launcher).to_string()],
    )
    .await;
    assert_ne!(host.launcher_pid().await, first);
}

#[tokio::test]
async fn a_host_without_a_server_says_what_it_lacks() {
    let bed = Bed::new(binaries()).await;
    let mut settings = bed.host_settings_at("http://127.0.0.1:1");
    let ear = listen(&bed, &mut settings);
    let _host = Host::start(settings);
    let wanted = "STATUS=no agent is installed yet; cannot reach http://127.0.0.1:1/";
    ear.hears(0, wanted).await;
}

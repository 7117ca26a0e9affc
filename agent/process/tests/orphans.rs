//! Daemons. One test alone in this file, for it adopts and kills everything below its process.

use std::time::Duration;

use agent_process::{Command, Exit, Orphans, Signal, follow};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_mins(5);

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_daemon_is_found_and_killed_and_ended_orphans_are_buried() {
    let mut orphans = Orphans::adopt().expect("adopt");
    // The daemon holds the output until it has a session of its own, so that `follow` waits for that.
    let daemon = "setsid sh -c 'echo $$; exec sleep 300 >/dev/null 2>&1'";
    let script = format!("({daemon} &); (true &); (true &); exit 3");
    let (mut running, mut output) = Command::new("/bin/sh")
        .args(["-c", &script])
        .env([("PATH", "/usr/bin:/bin")])
        .start()
        .expect("start");
    let group = running.group();
    let mut text = Vec::new();
    let work = follow(&mut running, &mut output, LONG, async |bytes| {
        text.extend_from_slice(bytes);
        Ok(())
    });
    let ending = tokio::select! {
        ending = work => ending.expect("follow"),
        never = orphans.bury(group) => match never {},
    };
    assert_eq!(ending.exit, Exit::Code(3));
    group
        .signal(Signal::KILL)
        .expect("the group is gone, which is no error");

    let daemon = String::from_utf8(text).expect("text").trim().to_owned();
    let alive = || {
        let stat = std::fs::read_to_string(format!("/proc/{daemon}/stat")).unwrap_or_default();
        let state = stat
            .rsplit(") ")
            .next()
            .and_then(|rest| rest.chars().next());
        !matches!(state, None | Some('Z' | 'X'))
    };
    assert!(alive(), "the daemon outlives the child and its group");
    assert_eq!(orphans.kill(), 1);
    // The signal that the daemon's end sends is what wakes the burial.
    let buried = tokio::time::timeout(LONG, async {
        while std::fs::exists(format!("/proc/{daemon}")).unwrap_or(true) {
            let _ = tokio::time::timeout(Duration::from_millis(20), orphans.bury(group)).await;
        }
    });
    buried.await.expect("the daemon is gone and buried");
}

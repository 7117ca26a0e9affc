//! Hooks on a host that is installed by the chain: they find the agent under the name they know.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tests::bed::Bed;
use tests::host::Host;

use crate::binaries;

#[tokio::test]
async fn a_hook_of_the_host_calls_the_agent_by_its_usual_name() {
    let bed = Bed::new(binaries()).await;
    let hooks = bed.folder().join("hooks");
    fs::create_dir(&hooks).expect("folder");
    write(
        &hooks.join("environment"),
        "export FROM_HOOK=exported\nbuildkite-agent env set FROM_API=told >/dev/null\n",
    );
    let mut settings = bed.host_settings();
    let line = format!("hooks-path=\"{}\"\n", hooks.display());
    settings.agent_config.push_str(&line);
    let _host = Host::start(settings);
    let api = bed.server.api();
    let command = "echo \"hook: $FROM_HOOK $FROM_API $(buildkite-agent env get FROM_API)\"";
    let jobs = api.run_commands("hooks", &[command]).await;
    let job = api.until_ended(&jobs[0]).await;
    let log = api.log(&jobs[0]).await;
    let log = String::from_utf8_lossy(&log);
    assert_eq!(job["state"], "passed", "{log}");
    assert!(log.contains("hook: exported told told"), "{log}");
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("hook");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("mode");
}

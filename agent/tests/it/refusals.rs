//! Jobs that this host does not run.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use shared_supervise::{ProcessId, Signal};

use crate::agent::{Bench, Ended, appears, until};
use crate::endpoint::{Endpoint, disconnect, offer, ok};

/// Offers a job with these variables to an agent with these flags; how the job was reported, its
/// log, and how the agent ended. The job leaves a file `ran` below the builds if it runs.
async fn offered(bench: &Bench, args: &[&str], env: &Value) -> (Value, String, Ended) {
    let endpoint = Endpoint::start().await;
    endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
    endpoint.job("j1", env);
    bench.executor("touch ran");
    let agent = bench.start(&endpoint, args);
    let finish = endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(endpoint.asked("PUT /v3/jobs/j1/start").len(), 1);
    (finish[0].json(), endpoint.log("j1"), ended)
}

fn ran(bench: &Bench) -> bool {
    bench.path("builds/ran").exists()
}

#[tokio::test]
async fn a_job_that_no_list_allows_is_finished_unrun_and_its_log_says_why() {
    let names = "--enable-environment-variable-allowlist";
    for (args, env, why) in [
        (
            &["--allowed-repositories=^https://git\\.example/acme/"][..],
            json!({"BUILDKITE_REPO": "https://git.example/evil/x.git"}),
            "https://git.example/evil/x.git has no match in [^https://git\\.example/acme/]",
        ),
        (
            &["--allowed-plugins=^github\\.com/good/"],
            json!({"BUILDKITE_PLUGINS": "[{\"bad/thing#v1\":null}]"}),
            "github.com/bad/thing-buildkite-plugin#v1 has no match in",
        ),
        (
            &[names, "--allowed-environment-variables=^MY_"],
            json!({"MY_OK": "1", "NOT_OK": "2", "BUILDKITE_X": "3", "CI": "true"}),
            "environment variables: NOT_OK has no match in [^BUILDKITE$ ^BUILDKITE_.*$ ^CI$ ^MY_]",
        ),
        (
            &[names],
            json!({"A": "1"}),
            "environment variables: A has no match",
        ),
    ] {
        let bench = Bench::new();
        let (finish, log, _) = offered(&bench, args, &env).await;
        assert_eq!(finish["exit_status"], "-1", "{args:?}");
        assert_eq!(finish["signal_reason"], "agent_refused", "{args:?}");
        assert!(log.contains(why), "{args:?}: {log}");
        assert!(!ran(&bench), "{args:?}");
    }
}

#[tokio::test]
async fn a_job_that_every_list_allows_runs() {
    let bench = Bench::new();
    let args = [
        "--allowed-repositories=^no$,acme",
        "--allowed-plugins=^github\\.com/buildkite-plugins/[\\w-]+#v\\d$",
        "--enable-environment-variable-allowlist",
        "--allowed-environment-variables=^MY_\\d$",
    ];
    let env = json!({
        "BUILDKITE_REPO": "https://git.example/acme/x.git",
        "BUILDKITE_PLUGINS": "[{\"docker#v1\":{\"a\":1}}]",
        "MY_1": "1",
    });
    let (finish, ..) = offered(&bench, &args, &env).await;
    assert_eq!(finish["exit_status"], "0");
    assert!(ran(&bench));
}

#[tokio::test]
async fn where_plugins_are_off_their_list_means_nothing() {
    let bench = Bench::new();
    let args = ["--no-plugins", "--allowed-plugins=^none$"];
    let env = json!({"BUILDKITE_PLUGINS": "[\"docker#v1\"]"});
    let (finish, ..) = offered(&bench, &args, &env).await;
    assert_eq!(finish["exit_status"], "0");
}

#[tokio::test]
async fn a_mirror_that_is_not_allowed_is_not_used_and_the_job_runs() {
    let bench = Bench::new();
    let args = ["--allowed-repositories=^https://git\\.example/"];
    let env = json!({
        "BUILDKITE_REPO": "https://git.example/x.git",
        "BUILDKITE_GIT_REMOTE_MIRROR_URL": "https://evil.example/x.git",
    });
    let endpoint = Endpoint::start().await;
    endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
    endpoint.job("j1", &env);
    bench.executor("echo \"mirror=<$BUILDKITE_GIT_REMOTE_MIRROR_URL>\"");
    let agent = bench.start(&endpoint, &args);
    let finish = endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
    assert_eq!(agent.ended().await.code, Some(0));
    assert_eq!(finish[0].json()["exit_status"], "0");
    let log = endpoint.log("j1");
    assert!(
        log.contains("mirror=<>") && log.contains("not allowed"),
        "{log}"
    );
}

#[tokio::test]
async fn lists_that_cannot_hold_end_the_agent_before_it_registers() {
    for (args, why) in [
        (
            &["--allowed-environment-variables=^A$"][..],
            "--enable-environment-variable-allowlist",
        ),
        (&["--allowed-repositories=("], "--allowed-repositories"),
        (&["--allowed-plugins=a(?=b)"], "not a pattern of RE2"),
    ] {
        let (endpoint, bench) = (Endpoint::start().await, Bench::new());
        let ended = bench.start(&endpoint, args).ended().await;
        assert_eq!(ended.code, Some(1), "{args:?}");
        assert!(ended.log.contains(why), "{args:?}: {}", ended.log);
        assert!(endpoint.routes().is_empty(), "{args:?}");
    }
}

/// Writes a hook; the flag that makes the agent find it.
fn hook(bench: &Bench, script: &str) -> String {
    let folder = bench.path("hooks");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("pre-bootstrap"), script).unwrap();
    format!("--hooks-path={}", folder.display())
}

#[tokio::test]
async fn a_hook_decides_by_its_status_and_says_why_in_the_agents_log_only() {
    for (script, runs) in [
        ("echo spoken; exit 0", true),
        ("echo spoken; exit 1", false),
        ("#!/bin/sh\necho spoken; kill -9 $$", false),
        ("#!/bin/sh\necho spoken\n", true),
        ("echo spoken; sleep 600 & exit 0", true),
    ] {
        let bench = Bench::new();
        let flag = hook(&bench, script);
        let (finish, log, ended) = offered(&bench, &[&flag], &json!({})).await;
        let status = if runs { "0" } else { "-1" };
        assert_eq!(finish["exit_status"], status, "{script}");
        let refused = finish["signal_reason"] == "agent_refused";
        assert_eq!(refused, !runs, "{script}: {finish}");
        assert_eq!(ran(&bench), runs, "{script}");
        assert!(ended.log.contains("spoken"), "{script}: {}", ended.log);
        assert!(!log.contains("spoken"), "{script}: {log}");
        let told = log.contains("pre-bootstrap hook rejected this job");
        assert_eq!(told, !runs, "{script}: {log}");
    }
}

#[tokio::test]
async fn a_hook_that_cannot_be_run_refuses_the_job() {
    for script in ["#!/no/such/interpreter/sh\n", "\x7fELF nonsense"] {
        let bench = Bench::new();
        let flag = hook(&bench, script);
        let file = bench.path("hooks/pre-bootstrap");
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
        let (finish, ..) = offered(&bench, &[&flag], &json!({})).await;
        assert_eq!(finish["signal_reason"], "agent_refused", "{script:?}");
        assert!(!ran(&bench), "{script:?}");
    }
}

#[tokio::test]
async fn a_hook_knows_the_job_by_its_files_and_the_agent_by_its_environment() {
    let bench = Bench::new();
    let seen = bench.path("seen");
    let script = format!(
        "env > {0}.env; cp \"$BUILDKITE_ENV_FILE\" {0}.file; cp \"$BUILDKITE_ENV_JSON_FILE\" {0}.json",
        seen.display()
    );
    let flag = hook(&bench, &script);
    let env = json!({"BUILDKITE_COMMAND": "c", "PROBE": "p"});
    offered(&bench, &[&flag], &env).await;
    let read =
        |ending: &str| std::fs::read_to_string(format!("{}.{ending}", seen.display())).unwrap();
    let own = read("env");
    let has = |line: &str| own.lines().any(|own| own.starts_with(line));
    for line in [
        "BUILDKITE_JOB_ID=j1",
        "BUILDKITE_AGENT_ACCESS_TOKEN=token-of-j1",
        "BUILDKITE_AGENT_ENDPOINT=http://127.0.0.1:",
        "BUILDKITE_NO_HTTP2=false",
        "BUILDKITE_AGENT_DEBUG=false",
        "BUILDKITE_AGENT_DEBUG_HTTP=false",
        "HOME=",
    ] {
        assert!(has(line), "{line}: {own}");
    }
    for line in [
        "PROBE",
        "BUILDKITE_COMMAND",
        "BUILDKITE_AGENT_TOKEN",
        "BUILDKITE_BUILD_PATH",
    ] {
        assert!(!has(line), "{line}: {own}");
    }
    assert!(read("file").contains("PROBE=\"p\""));
    assert!(read("json").contains("\"PROBE\":\"p\""));
}

#[tokio::test]
async fn the_setting_for_shells_runs_the_hook() {
    let bench = Bench::new();
    let shell = bench.path("shell");
    std::fs::write(
        &shell,
        "#!/bin/sh\necho \"shell $1\"; exec /bin/sh \"$2\"\n",
    )
    .unwrap();
    std::fs::set_permissions(&shell, PermissionsExt::from_mode(0o755)).unwrap();
    let flag = hook(&bench, "echo spoken");
    let setting = format!("--hooks-shell={} -x", shell.display());
    let (finish, _, ended) = offered(&bench, &[&flag, &setting], &json!({})).await;
    assert_eq!(finish["exit_status"], "0");
    assert!(
        ended.log.contains("shell -x") && ended.log.contains("spoken"),
        "{}",
        ended.log
    );
}

/// A hook that hangs, with a daemon that left its group and does not hear polite signals; the
/// daemon's process once it runs.
fn hanging(bench: &Bench) -> (String, impl Future<Output = ProcessId>) {
    let file = bench.path("daemon");
    let script = format!(
        "setsid sh -c 'trap \"\" TERM; echo $$ > {}; while :; do sleep 1; done' &\nsleep 600",
        file.display()
    );
    let flag = hook(bench, &script);
    let daemon = async move {
        let pid = appears(&file).await.trim().parse().unwrap();
        ProcessId::of(pid).unwrap()
    };
    (flag, daemon)
}

#[tokio::test]
async fn a_hook_that_hangs_ends_with_all_it_started_when_the_job_is_canceled() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
    endpoint.job("j1", &json!({}));
    bench.executor("touch ran");
    let (flag, daemon) = hanging(&bench);
    let agent = bench.start(&endpoint, &[&flag, "--cancel-grace-period=2"]);
    let daemon = daemon.await;
    endpoint.on("GET /v3/jobs/j1", [ok(&json!({"state": "canceling"}))]);
    let finish = endpoint.wait("PUT /v3/jobs/j1/finish", 1).await[0].json();
    assert_eq!(finish["exit_status"], "-1");
    assert_eq!(finish["signal_reason"], "cancel");
    assert_eq!(agent.ended().await.code, Some(0));
    until("the daemon is gone", || {
        (!daemon.is_same_alive()).then_some(())
    })
    .await;
    assert!(!ran(&bench));
}

#[tokio::test]
async fn an_agent_that_has_to_go_does_not_wait_for_a_hook() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1")]);
    endpoint.job("j1", &json!({}));
    bench.executor("touch ran");
    let (flag, daemon) = hanging(&bench);
    let agent = bench.start(&endpoint, &[&flag]);
    let daemon = daemon.await;
    agent.signal(Signal::Terminate);
    agent.signal(Signal::Interrupt);
    let finish = endpoint.wait("PUT /v3/jobs/j1/finish", 1).await[0].json();
    assert_eq!(finish["signal_reason"], "agent_stop");
    agent.ended().await;
    until("the daemon is gone", || {
        (!daemon.is_same_alive()).then_some(())
    })
    .await;
    assert!(!ran(&bench));
}

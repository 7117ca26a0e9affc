//! Jobs from offer to finish.

use serde_json::json;

use crate::agent::{Bench, appears};
use crate::endpoint::{Endpoint, PATIENCE, disconnect, offer, ok, status};

#[tokio::test]
async fn a_job_goes_from_offer_to_finish_with_its_own_token_and_its_whole_log() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
    endpoint.job("j1", &json!({"GREETING": "hello"}));
    bench.executor("echo \"$GREETING from $(pwd)\"; tty; exit 3");
    let agent = bench.start(&endpoint, &[]);
    let finish = endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
    assert_eq!(agent.ended().await.code, Some(0));
    let body = finish[0].json();
    assert_eq!(body["exit_status"], "3");
    assert_eq!(body["chunks_failed_count"], 0);
    assert!(body.get("signal").is_none() && body.get("signal_reason").is_none());
    assert_eq!(finish[0].token, "Token token-of-j1");
    let log = endpoint.log("j1");
    let builds = bench.path("builds");
    assert!(
        log.contains(&format!("hello from {}\r\n", builds.display())),
        "{log}"
    );
    assert!(log.contains("/dev/pts/"), "{log}");
    let routes = endpoint.routes();
    let steps: Vec<&str> = routes
        .iter()
        .map(String::as_str)
        .filter(|route| !route.starts_with("GET /v3/jobs/"))
        .collect();
    assert_eq!(
        steps,
        [
            "POST /v3/register",
            "POST /v3/connect",
            "GET /v3/ping",
            "PUT /v3/jobs/j1/accept",
            "PUT /v3/jobs/j1/start",
            "POST /v3/jobs/j1/chunks",
            "PUT /v3/jobs/j1/finish",
            "GET /v3/ping",
            "POST /v3/disconnect",
        ]
    );
}

#[tokio::test]
async fn two_workers_run_two_jobs_at_the_same_time() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), offer("j2"), disconnect()]);
    for job in ["j1", "j2"] {
        endpoint.job(job, &json!({"BUILDKITE_JOB_ID": job}));
    }
    // Each waits for the other, so both must run at once to end at all.
    bench.executor(
        "touch $BUILDKITE_JOB_ID; until [ -e j1 ] && [ -e j2 ]; do sleep 0.02; done; exit 0",
    );
    let agent = bench.start(&endpoint, &["--spawn=2"]);
    for job in ["j1", "j2"] {
        let finish = endpoint
            .wait(&format!("PUT /v3/jobs/{job}/finish"), 1)
            .await;
        assert_eq!(finish[0].json()["exit_status"], "0");
    }
    assert_eq!(agent.ended().await.code, Some(0));
    let mut names: Vec<_> = endpoint
        .asked("POST /v3/register")
        .iter()
        .map(|asked| asked.json()["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["box-1", "box-2"]);
}

#[tokio::test]
async fn a_canceled_job_is_asked_to_end_and_reported_as_canceled() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
    endpoint.on("GET /v3/jobs/j1", [ok(&json!({"state": "canceling"}))]);
    endpoint.job("j1", &json!({}));
    bench.executor("sleep 600 & wait");
    let agent = bench.start(&endpoint, &[]);
    let finish = endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
    let body = finish[0].json();
    assert_eq!(body["exit_status"], "-1");
    assert_eq!(body["signal"], "SIGTERM");
    assert_eq!(body["signal_reason"], "cancel");
    assert_eq!(agent.ended().await.code, Some(0));
}

#[tokio::test]
async fn a_job_that_will_not_end_is_killed_with_everything_below_it() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
    endpoint.on("GET /v3/jobs/j1", [ok(&json!({"state": "canceled"}))]);
    endpoint.job("j1", &json!({}));
    bench.executor("trap '' TERM; setsid sleep 600 & echo $! > child; wait; wait; sleep 600");
    let agent = bench.start(&endpoint, &["--cancel-grace-period=1"]);
    let child = appears(&bench.path("builds/child")).await;
    let finish = endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
    assert_eq!(finish[0].json()["signal"], "SIGKILL");
    let child: u32 = child.trim().parse().unwrap();
    let left = shared_supervise::ProcessId::of(child);
    let gone = left.is_none_or(|child| shared_supervise::wait_gone(&[child], PATIENCE));
    assert!(gone, "a process in a session of its own survived");
    assert_eq!(agent.ended().await.code, Some(0));
}

#[tokio::test]
async fn a_job_that_cannot_be_started_is_finished_all_the_same() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
    endpoint.job("j1", &json!({}));
    let agent = bench.start(&endpoint, &[]); // there is no executor
    let finish = endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
    let body = finish[0].json();
    assert_eq!(body["exit_status"], "-1");
    assert_eq!(body["signal_reason"], "process_run_error");
    assert!(endpoint.log("j1").contains("executor"), "the log says why");
    assert_eq!(agent.ended().await.code, Some(0));
}

#[tokio::test]
async fn jobs_see_neither_the_registration_token_nor_settings_of_the_agent() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
    endpoint.job("j1", &json!({"OWN": "1"}));
    bench.executor("env > env; echo done >> env");
    let env = [
        ("BUILDKITE_AGENT_TAGS", "a=1"),
        ("TRIREME_RELEASE_SERIAL", "3"),
        ("MINE", "2"),
    ];
    let agent = bench.start_with(&endpoint, &[], &env);
    endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
    agent.ended().await;
    let env = std::fs::read_to_string(bench.path("builds/env")).unwrap();
    assert!(env.contains("OWN=1\n") && env.contains("MINE=2\n"));
    assert!(env.contains("BUILDKITE_AGENT_ACCESS_TOKEN=token-of-j1\n"));
    for hidden in [
        "registration-token",
        "access-token",
        "BUILDKITE_AGENT_TAGS",
        "TRIREME_",
    ] {
        assert!(!env.contains(hidden), "{hidden} in {env}");
    }
    let left = std::fs::read_dir(bench.path("tmp")).unwrap().count();
    assert_eq!(left, 0, "files beside the job are gone");
}

#[tokio::test]
async fn a_result_is_delivered_once_after_the_endpoint_was_down() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
    endpoint.on("PUT /v3/jobs/j1/finish", [status(503), ok(&json!({}))]);
    endpoint.on("POST /v3/jobs/j1/chunks", [status(500), ok(&json!({}))]);
    endpoint.job("j1", &json!({}));
    bench.executor("echo precious");
    let agent = bench.start(&endpoint, &["--no-pty", "--no-ansi-timestamps"]);
    let finish = endpoint.wait("PUT /v3/jobs/j1/finish", 2).await;
    assert_eq!(agent.ended().await.code, Some(0));
    assert_eq!(endpoint.asked("PUT /v3/jobs/j1/finish").len(), 2);
    assert_eq!(finish[0].body, finish[1].body);
    assert_eq!(
        endpoint.log("j1"),
        "precious\nprecious\n",
        "the refused and the accepted one"
    );
}

#[tokio::test]
async fn an_experiment_puts_the_names_of_settings_before_the_variables_of_containers() {
    for (args, first) in [
        (&[][..], "BUILDKITE_GIT_REMOTE_MIRROR_URL=\"\""),
        (
            &["--experiment=propagate-agent-config-vars"][..],
            "BUILDKITE_GIT_CHECKOUT_FLAGS",
        ),
    ] {
        let (endpoint, bench) = (Endpoint::start().await, Bench::new());
        endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
        endpoint.job("j1", &json!({"GREETING": "hello"}));
        bench.executor("head -n 1 \"$BUILDKITE_ENV_FILE\"; tail -n 1 \"$BUILDKITE_ENV_FILE\"");
        let agent = bench.start(&endpoint, args);
        assert_eq!(agent.ended().await.code, Some(0));
        let log = endpoint.log("j1");
        assert!(log.contains(&format!("{first}\r\n")), "{log}");
        assert!(log.contains("GREETING=\"hello\"\r\n"), "{log}");
    }
}

//! The agent dies at each step of a job as by SIGKILL, and the next one makes it good: the endpoint
//! hears of the job once, and no process and no file is left.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::json;
use shared_supervise::Signal;

use crate::agent::{Bench, until};
use crate::endpoint::{Endpoint, disconnect, offer, ok, status};

/// Leaves a process behind in a session of its own, and hangs.
const HANGS: &str = "setsid sleep 600 >/dev/null 2>&1 & echo words; sleep 600";
/// Ends by itself.
const ENDS: &str = "echo words; exit 3";

/// A step, the executor meanwhile, and what the endpoint is told in the end.
struct Step {
    at: &'static str,
    executor: &'static str,
    exit_status: &'static str,
}

const fn step(at: &'static str, executor: &'static str, exit_status: &'static str) -> Step {
    Step {
        at,
        executor,
        exit_status,
    }
}

const STEPS: [Step; 11] = [
    step("job-step.accepted", ENDS, "-1"),
    step("job-step.started", ENDS, "-1"),
    step("job-step.files-written", ENDS, "-1"),
    step("job-step.executor-started", HANGS, "-1"),
    step("job-step.executor-recorded", HANGS, "-1"),
    step("job-step.exited", ENDS, "-1"),
    step("job-step.result-recorded", ENDS, "3"),
    step("job-step.log-delivered", ENDS, "3"),
    step("job-step.result-completed", ENDS, "3"),
    step(REPORTED, ENDS, "3"),
    step("job-step.finished", ENDS, "3"),
];

/// Here the endpoint knows and the agent has no time to note that, so the next one says it again.
const REPORTED: &str = "job-step.reported";

#[test]
fn every_step_of_the_runner_has_its_crash() {
    let mut named = BTreeSet::new();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("runner/src");
    let folders = [sources.join("check"), sources];
    let files = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap());
    for file in files.flatten() {
        let text = std::fs::read_to_string(file.path()).unwrap_or_default();
        let steps = text.split("reached(\"").skip(1);
        named.extend(steps.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
    }
    let tested: BTreeSet<String> = STEPS.iter().map(|step| step.at.to_owned()).collect();
    assert_eq!(named, tested);
}

#[tokio::test]
async fn a_crash_at_any_step_costs_no_report_and_leaves_nothing() {
    let mut crashes = tokio::task::JoinSet::new();
    for step in STEPS {
        crashes.spawn(crash_at(step));
    }
    while let Some(crash) = crashes.join_next().await {
        crash.unwrap();
    }
}

async fn crash_at(step: Step) {
    let at = step.at;
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), ok(&json!({}))]);
    endpoint.on("PUT /v3/jobs/j1/finish", [ok(&json!({})), status(422)]);
    endpoint.job("j1", &json!({"BUILDKITE_JOB_ID": "j1"}));
    bench.executor(step.executor);
    let (fault, hits) = (format!("agent/{at}:kill:1"), bench.path("hits"));
    let env = [
        ("TRIREME_FAULT", fault.as_str()),
        ("TRIREME_FAULT_HITS", hits.to_str().unwrap()),
    ];
    let first = bench.start_with(&endpoint, &[], &env).ended().await;
    assert_eq!(first.code, None, "killed at {at}: {}", first.log);

    endpoint.on("GET /v3/ping", [ok(&json!({}))]);
    let second = bench.start(&endpoint, &[]);
    endpoint.wait("POST /v3/register", 2).await;
    let finish = endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
    let records = bench.path("builds/.trireme/agent-1");
    until(&format!("nothing is owed after {at}"), || {
        (names(&records) == ["lock"]).then_some(())
    })
    .await;
    second.signal(Signal::Terminate);
    assert_eq!(second.ended().await.code, Some(0), "{at}");

    assert_eq!(finish[0].json()["exit_status"], step.exit_status, "{at}");
    let told = endpoint.asked("PUT /v3/jobs/j1/finish").len();
    assert_eq!(told, if at == REPORTED { 2 } else { 1 }, "{at}");
    assert_eq!(names(&bench.path("tmp")), [""; 0], "{at}");
    let mark = format!("TMPDIR={}", bench.path("tmp").display());
    until(&format!("no process is left after {at}"), || {
        agent_process::marked_by(&[&mark]).is_empty().then_some(())
    })
    .await;
}

/// Where a full disk meets a job first, and what the endpoint is told then.
const FULL: [(&str, &str); 7] = [
    ("job-record.create:enospc:1", "3"),
    ("job-record.append:short:1", "3"),
    ("job-record.append:enospc:2", "3"),
    ("job-record.remove:eacces:1", "3"),
    ("job-files.create:enospc:1", "-1"),
    ("job-files.write:short:1", "-1"),
    ("job-files.create:enospc:2", "-1"),
];

#[tokio::test]
async fn a_full_disk_costs_no_job_its_one_report() {
    let mut agents = tokio::task::JoinSet::new();
    for (fault, exit_status) in FULL {
        agents.spawn(full_at(fault, exit_status));
    }
    while let Some(agent) = agents.join_next().await {
        agent.unwrap();
    }
}

async fn full_at(at: &'static str, exit_status: &str) {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
    endpoint.job("j1", &json!({}));
    bench.executor(ENDS);
    let (fault, hits) = (format!("agent/{at}"), bench.path("hits"));
    let env = [
        ("TRIREME_FAULT", fault.as_str()),
        ("TRIREME_FAULT_HITS", hits.to_str().unwrap()),
    ];
    let ended = bench.start_with(&endpoint, &[], &env).ended().await;
    assert_eq!(ended.code, Some(0), "{at}: {}", ended.log);
    let told = endpoint.asked("PUT /v3/jobs/j1/finish");
    assert_eq!(told.len(), 1, "{at}");
    let body = told[0].json();
    assert_eq!(body["exit_status"], exit_status, "{at}: {}", ended.log);
    assert_eq!(names(&bench.path("tmp")), [""; 0], "{at}");
    if exit_status == "-1" {
        assert_eq!(body["signal_reason"], "process_run_error", "{at}");
        let log = endpoint.log("j1");
        assert!(log.contains("; make room there"), "{at}: {log}");
    } else {
        assert!(ended.log.contains("WARN"), "{at}: {}", ended.log);
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    entries.iter().map(name).collect()
}

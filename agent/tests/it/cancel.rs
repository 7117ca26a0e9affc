//! A job that has to end in the middle of one of its steps: always one finish, with the truth.

use serde_json::{Value, json};
use shared_supervise::Signal;

use crate::agent::{Agent, Bench, UNHURRIED, appears, until};
use crate::endpoint::{Endpoint, offer, ok, silence, status};

const FINISH: &str = "PUT /v3/jobs/j1/finish";

/// Who wants the job to end.
#[derive(Debug, Clone, Copy)]
enum Who {
    Endpoint,
    Agent,
}

/// Starts an agent whose jobs are run by its own executor. A hook that runs although the job is
/// canceled is asked to end after a second; whatever is asked at once has all the time to do so.
fn start(bench: &Bench, endpoint: &Endpoint, phase: &str) -> Agent {
    let endpoint = format!("--endpoint={}", endpoint.url);
    let builds = format!("--build-path={}", bench.path("builds").display());
    let hooks = format!("--hooks-path={}", bench.path("hooks").display());
    let sockets = format!("--sockets-path={}", bench.path("s").display());
    let places = [endpoint.as_str(), &builds, &hooks, &sockets];
    let runs_on = matches!(phase, "pre-artifact" | "pre-exit");
    let seconds = if runs_on { 1 } else { -1 };
    let soon = &format!("--signal-grace-period-seconds={seconds}");
    let all = [&["start", "--token=t", UNHURRIED, soon], &places[..]].concat();
    bench.run(&all, &[])
}

async fn stopped_in(phase: &'static str, who: Who) {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), ok(&json!({}))]);
    let up = bench.path("up");
    let hang = format!("echo up > {}; sleep 600", up.display());
    let command = if phase == "command" { &*hang } else { "true" };
    let skip_checkout = (phase != "checkout").to_string();
    endpoint.job(
        "j1",
        &json!({
            "BUILDKITE_JOB_ID": "j1", "BUILDKITE_COMMAND": command, "BUILDKITE_BUILD_ID": "b",
            "BUILDKITE_AGENT_NAME": "a", "BUILDKITE_ORGANIZATION_SLUG": "o",
            "BUILDKITE_PIPELINE_SLUG": "p", "BUILDKITE_SKIP_CHECKOUT": skip_checkout,
            "BUILDKITE_ARTIFACT_PATHS": "*.txt", "BUILDKITE_COMMIT": "HEAD", "BUILDKITE_BRANCH": "main", "BUILDKITE_REPO": "/nowhere.git",
            "BUILDKITE_PIPELINE_PROVIDER": "git",
        }),
    );
    std::fs::create_dir(bench.path("hooks")).unwrap();
    if phase != "command" {
        let hook = bench.path("hooks").join(phase);
        std::fs::write(&hook, format!("#!/bin/sh\n{hang}\n")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&hook, mode).unwrap();
    }
    let agent = start(&bench, &endpoint, phase);
    appears(&up).await;
    let reason = match who {
        Who::Endpoint => {
            endpoint.on("GET /v3/jobs/j1", [ok(&json!({"state": "canceling"}))]);
            "cancel"
        }
        Who::Agent => {
            agent.signal(Signal::Terminate);
            agent.signal(Signal::Interrupt);
            "agent_stop"
        }
    };
    let body = endpoint.wait(FINISH, 1).await[0].json();
    if matches!(who, Who::Endpoint) {
        agent.signal(Signal::Terminate);
    }
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{phase} {who:?}: {}", ended.log);
    assert_eq!(endpoint.asked(FINISH).len(), 1, "{phase} {who:?}");
    let told = (
        &body["exit_status"],
        &body["signal"],
        &body["signal_reason"],
    );
    let truth = (&json!("-1"), &json!("SIGTERM"), &json!(reason));
    assert_eq!(told, truth, "{phase} {who:?}: {}", endpoint.log("j1"));
}

#[tokio::test]
async fn a_job_that_is_stopped_in_any_phase_of_its_executor_says_so_once() {
    let phases = [
        "environment",
        "checkout",
        "pre-command",
        "command",
        "post-command",
        "pre-artifact",
        "pre-exit",
    ];
    let mut jobs = tokio::task::JoinSet::new();
    for phase in phases {
        for who in [Who::Endpoint, Who::Agent] {
            jobs.spawn(stopped_in(phase, who));
        }
    }
    while let Some(job) = jobs.join_next().await {
        job.unwrap();
    }
}

/// A request that the endpoint does not take for now, and what a stop meanwhile comes to: the
/// agent's own exit status and the job's, for one, two and three signals.
struct Held {
    route: &'static str,
    ends: [(i32, &'static str); 3],
}

const HELD: [Held; 3] = [
    Held {
        route: "PUT /v3/jobs/j1/start",
        ends: [(0, "3"), (0, "-1"), (1, "-1")],
    },
    Held {
        route: "POST /v3/jobs/j1/chunks",
        ends: [(0, "3"), (1, "3"), (1, "3")],
    },
    Held {
        route: FINISH,
        ends: [(0, "3"), (1, "3"), (1, "3")],
    },
];

async fn signalled_in(held: &'static Held, signals: usize) {
    let about = format!("{} {signals}", held.route);
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), ok(&json!({}))]);
    endpoint.job("j1", &json!({}));
    endpoint.on(held.route, [status(503)]);
    bench.executor("echo words; exit 3");
    let (code, exit_status) = held.ends[signals - 1];
    let hurried = ["--cancel-grace-period=1"];
    let hurry = if (signals, code) == (2, 1) {
        &hurried[..]
    } else {
        &[]
    };
    let agent = bench.start(&endpoint, hurry);
    endpoint.wait(held.route, 1).await;
    if exit_status == "3" && signals > 1 {
        // A part of the log may be sent while the executor still runs.
        recorded(&bench, "exit_status").await;
    }
    signal(&agent, &endpoint, held.route, signals).await;
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(code), "{about}: {}", ended.log);

    let told = || -> Vec<Value> {
        let asked = endpoint.asked(FINISH);
        asked.iter().map(crate::endpoint::Asked::json).collect()
    };
    let mut in_all = told().len();
    if code != 0 {
        endpoint.on(held.route, [ok(&json!({}))]);
        endpoint.on(FINISH, [ok(&json!({}))]);
        endpoint.on("GET /v3/ping", [ok(&json!({}))]);
        in_all += 1;
        let next = bench.start(&endpoint, &[]);
        endpoint.wait("POST /v3/register", 2).await;
        endpoint.wait(FINISH, in_all).await;
        next.signal(Signal::Terminate);
        assert_eq!(next.ended().await.code, Some(0), "{about}");
    }
    let all = told();
    assert_eq!(all.len(), in_all, "{about}");
    if held.route != FINISH && signals < 3 {
        assert_eq!(in_all, 1, "{about}");
    }
    let last = all.last().unwrap();
    assert_eq!(last["exit_status"], exit_status, "{about}: {}", ended.log);
    if exit_status == "-1" {
        assert_eq!(last["signal_reason"], "agent_stop", "{about}");
    }
}

/// Sends so many signals to an agent whose requests of this route are refused; after one, they are
/// not any more.
async fn signal(agent: &Agent, endpoint: &Endpoint, route: &str, signals: usize) {
    if signals == 3 {
        // Otherwise it might end in order before it hears of the third.
        endpoint.on(FINISH, [status(503)]);
    }
    agent.signal(Signal::Terminate);
    if signals == 1 {
        endpoint.on(route, [ok(&json!({}))]);
        return;
    }
    agent.signal(Signal::Interrupt);
    if signals == 3 {
        if route.ends_with("start") {
            endpoint.wait(FINISH, 1).await;
        }
        // Signals that arrive together are one, so more are sent until it is gone.
        until("its end", || {
            agent.signal(Signal::Terminate);
            (!agent.id.is_same_alive()).then_some(())
        })
        .await;
    }
}

/// Waits until a record of the bench's agent says this much.
async fn recorded(bench: &Bench, what: &str) {
    until(what, || {
        let entries = std::fs::read_dir(bench.path("builds/.trireme/agent-1")).ok()?;
        let mut texts =
            entries.filter_map(|entry| std::fs::read_to_string(entry.ok()?.path()).ok());
        texts.any(|text| text.contains(what)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_agent_that_is_stopped_while_the_endpoint_takes_nothing_reports_each_job_once() {
    let mut agents = tokio::task::JoinSet::new();
    for held in &HELD {
        for signals in 1..=3 {
            agents.spawn(signalled_in(held, signals));
        }
    }
    while let Some(agent) = agents.join_next().await {
        agent.unwrap();
    }
}

#[tokio::test]
async fn an_agent_that_is_stopped_while_nobody_answers_its_accept_leaves_in_order() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1")]);
    endpoint.on("PUT /v3/jobs/j1/accept", [silence()]);
    let agent = bench.start(&endpoint, &["--cancel-grace-period=6"]);
    endpoint.wait("PUT /v3/jobs/j1/accept", 1).await;
    agent.signal(Signal::Terminate);
    agent.signal(Signal::Interrupt);
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(endpoint.asked("POST /v3/disconnect").len(), 1);
    assert!(endpoint.asked("PUT /v3/jobs/j1/start").is_empty());
    assert!(endpoint.asked(FINISH).is_empty());
}

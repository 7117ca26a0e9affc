//! Job logs: how they carry the time, and where else they go.

use serde_json::{Value, json};
use shared_supervise::Signal;

use crate::agent::{Bench, Ended, appears, until};
use crate::endpoint::{Endpoint, disconnect, log_of, offer, ok, status};

/// Runs one job to its end.
async fn run(endpoint: &Endpoint, bench: &Bench, script: &str, args: &[&str]) -> Ended {
    endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
    let env = json!({"BUILDKITE_BUILD_URL": "https://b/1", "BUILDKITE_STEP_KEY": "s"});
    endpoint.job("j1", &env);
    bench.executor(script);
    let ended = bench.start(endpoint, args).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    ended
}

/// Replaces what stands between the two signs, ends included, by a T.
fn without_times(log: &str, begin: &str, end: char) -> String {
    let mut parts = log.split(begin);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push('T');
        text.push_str(part.split_once(end).expect("an end").1);
    }
    text
}

#[tokio::test]
async fn the_time_is_carried_as_the_flags_say() {
    let script = r"printf '~~~ first\nplain\n--- second\n^^^ +++\n===no\nlast'";
    let marked = "T~~~ first\nTplain\nT--- second\nT^^^ +++\nT===no\nTlast";
    for (args, expected, headers) in [
        (&[][..], marked, 0),
        (&["--timestamp-lines"], marked, 0),
        (
            &["--timestamp-lines", "--no-ansi-timestamps"],
            "~~~ first\nTplain\n--- second\n^^^ +++\nT===no\nTlast\n",
            2,
        ),
        (
            &["--no-ansi-timestamps"],
            "~~~ first\nplain\n--- second\n^^^ +++\n===no\nlast",
            2,
        ),
    ] {
        let (endpoint, bench) = (Endpoint::start().await, Bench::new());
        let mut all = vec!["--no-pty"];
        all.extend(args);
        let ended = run(&endpoint, &bench, script, &all).await;
        let idle = ended.log.contains("timestamp-lines has no effect");
        assert_eq!(idle, args == ["--timestamp-lines"], "{}", ended.log);
        let log = without_times(&endpoint.log("j1"), "\x1b_bk;t=", '\x07');
        let log = without_times(&log, "[20", ' ');
        assert_eq!(log, expected, "{args:?}");
        let mut indexes = Vec::new();
        for asked in endpoint.asked("POST /v3/jobs/j1/header_times") {
            for (index, time) in asked.json()["header_times"].as_object().unwrap() {
                indexes.push(index.parse::<u64>().unwrap());
                assert!(time.as_str().unwrap().ends_with('Z'), "{time}");
            }
        }
        indexes.sort_unstable();
        assert_eq!(indexes, (0..headers).collect::<Vec<_>>(), "{args:?}");
    }
}

#[tokio::test]
async fn each_job_finds_the_copy_of_its_own_log_while_it_runs() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), offer("j2"), disconnect()]);
    for job in ["j1", "j2"] {
        endpoint.job(
            job,
            &json!({"BUILDKITE_JOB_ID": job, "BUILDKITE_JOB_LOG_TMPFILE": "/etc/passwd"}),
        );
    }
    // Both run at once, and each ends when it has read its own words.
    bench.executor(
        "me=$BUILDKITE_JOB_ID; log=$BUILDKITE_JOB_LOG_TMPFILE; echo words of $me\n\
         until [ -e j1 ] && [ -e j2 ] && grep -q \"words of $me\" $log; do touch $me; sleep 0.02; done\n\
         ls -l $log >$me.mode; cp $log $me.copy; echo >$me.done",
    );
    std::fs::create_dir(bench.path("logs")).unwrap();
    let path = format!("--job-log-path={}", bench.path("logs").display());
    let agent = bench.start(&endpoint, &["--spawn=2", "--enable-job-log-tmpfile", &path]);
    for (job, other) in [("j1", "j2"), ("j2", "j1")] {
        appears(&bench.path(&format!("builds/{job}.done"))).await;
        let read = |end: &str| {
            std::fs::read_to_string(bench.path(&format!("builds/{job}.{end}"))).unwrap()
        };
        let (mode, copy) = (read("mode"), read("copy"));
        assert!(mode.starts_with("-rw-r--r--"), "{mode}");
        assert!(mode.contains("/logs/buildkite_job_log"), "{mode}");
        assert!(copy.contains(&format!("words of {job}\r\n")), "{copy:?}");
        assert!(copy.starts_with("\x1b_bk;t="), "{copy:?}");
        assert!(!copy.contains(&format!("words of {other}")), "{copy:?}");
    }
    assert_eq!(agent.ended().await.code, Some(0));
    assert_eq!(std::fs::read_dir(bench.path("logs")).unwrap().count(), 0);
}

#[tokio::test]
async fn without_a_place_for_the_copy_the_job_is_not_run() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    let args = ["--enable-job-log-tmpfile", "--job-log-path=/nowhere"];
    run(&endpoint, &bench, "echo never", &args).await;
    let finish = endpoint.asked("PUT /v3/jobs/j1/finish")[0].json();
    assert_eq!(finish["exit_status"], "-1");
    assert_eq!(finish["signal_reason"], "process_run_error");
    let log = endpoint.log("j1");
    assert!(log.contains("see --job-log-path"), "{log}");
}

#[tokio::test]
async fn logs_are_copied_to_standard_output_as_they_are() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    // The agent's own log, which the bench reads with the copy, must not get between its writes.
    let args = [
        "--write-job-logs-to-stdout",
        "--no-pty",
        "--log-level=error",
    ];
    let ended = run(&endpoint, &bench, "printf 'one\\ntwo'", &args).await;
    assert_eq!(ended.log, "one\ntwo");
    assert!(endpoint.log("j1").contains("two"));
}

#[tokio::test]
async fn with_json_each_write_is_an_object_that_names_the_job() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    let args = ["--write-job-logs-to-stdout", "--log-format=json"];
    let ended = run(&endpoint, &bench, "echo one", &args).await;
    let objects = ended.log.lines().filter_map(|line| {
        let object: Value = serde_json::from_str(line).ok()?;
        (object["source"] == "job").then_some(object)
    });
    let objects: Vec<Value> = objects.collect();
    assert_eq!(objects.len(), 1, "{}", ended.log);
    for (name, value) in [
        ("msg", "one"),
        ("job_id", "j1"),
        ("step_key", "s"),
        ("job_url", "https://b/1#j1"),
        ("level", "INFO"),
    ] {
        assert_eq!(objects[0][name], value, "{name}");
    }
}

#[tokio::test]
async fn what_an_agent_spooled_before_it_died_is_delivered_before_its_job_is_finished() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    endpoint.on("GET /v3/ping", [offer("j1"), ok(&json!({}))]);
    endpoint.on("POST /v3/jobs/j1/chunks", [status(503)]);
    endpoint.job("j1", &json!({}));
    bench.executor("seq 1 200000; exit 9");
    let state = bench.path("state");
    let env = [("TRIREME_STATE_DIR", state.to_str().unwrap())];
    let first = bench.start_with(&endpoint, &["--no-ansi-timestamps", "--no-pty"], &env);
    // The job ends although the endpoint takes nothing, and its log is on disk to its end: that
    // frame has no body, and is written last.
    let read = |ending: &str| {
        let mut names = std::fs::read_dir(state.join("jobs")).ok()?.flatten();
        let path = names.find_map(|entry| {
            Some(entry.path()).filter(|path| path.extension().is_some_and(|e| e == ending))
        })?;
        std::fs::read(path).ok()
    };
    until("the log is on disk", || {
        let bytes = read("log")?;
        let end = bytes.len().checked_sub(33)?;
        bytes[end..].starts_with(b"E\0\0\0\0").then_some(())
    })
    .await;
    until("the result is on disk", || {
        let text = String::from_utf8(read("json")?).ok()?;
        text.contains("exit_status").then_some(())
    })
    .await;
    first.signal(Signal::Kill);
    first.ended().await;
    let before = endpoint.asked("POST /v3/jobs/j1/chunks").len();
    assert!(endpoint.asked("PUT /v3/jobs/j1/finish").is_empty());

    endpoint.on("POST /v3/jobs/j1/chunks", [ok(&json!({}))]);
    endpoint.on("GET /v3/ping", [ok(&json!({}))]);
    let second = bench.start_with(&endpoint, &[], &env);
    let finish = endpoint.wait("PUT /v3/jobs/j1/finish", 1).await;
    let body = finish[0].json();
    assert_eq!(
        (&body["exit_status"], &body["chunks_failed_count"]),
        (&json!("9"), &json!(0))
    );
    let after = endpoint.asked("POST /v3/jobs/j1/chunks").split_off(before);
    let wanted: Vec<_> = (1..=200_000).map(|number| format!("{number}\n")).collect();
    assert!(log_of(after) == wanted.concat(), "the log arrived whole");
    second.signal(Signal::Terminate);
    assert_eq!(second.ended().await.code, Some(0));
    assert_eq!(std::fs::read_dir(state.join("jobs")).unwrap().count(), 0);
}

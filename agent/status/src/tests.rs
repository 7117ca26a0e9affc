//! What events leave on the board, and what is made of it.

use std::time::Duration;

use agent_metrics::{Event, JobFacts, ProcessFacts, Source};
use tokio::time::Instant;

use crate::board::State;
use crate::{AgentFacts, connected, json, page};

const SECOND: Duration = Duration::from_secs(1);

/// A board with workers that are registered and connected `now`, pinging every 2 s and with
/// heartbeats every 10 s.
fn connected_board(workers: u32, now: Instant) -> State {
    let mut state = State::default();
    for worker in 1..=workers {
        state.take(&Event::WorkerStarted { worker }, now);
        let registered = Event::WorkerRegistered {
            worker,
            id: "the-id",
            name: "the <name>",
            ping_interval: 2 * SECOND,
            heartbeat_interval: 10 * SECOND,
        };
        state.take(&registered, now);
        state.take(&Event::WorkerConnected { worker }, now);
    }
    state
}

fn job() -> JobFacts {
    JobFacts {
        id: "job-1".into(),
        pipeline: "web".into(),
        branch: "main".into(),
        ..JobFacts::default()
    }
}

pub(crate) fn facts() -> AgentFacts {
    AgentFacts {
        version: "1.2.3".into(),
        pid: 7,
        host: "the <host>".into(),
        endpoint: "https://example.com/v3".into(),
    }
}

fn html(state: &State, now: Instant) -> String {
    page::render(state, &facts(), None, SECOND, now).expect("a page")
}

#[tokio::test(start_paused = true)]
async fn the_json_has_the_fields_of_the_peer_and_only_registered_workers() {
    let now = Instant::now();
    let mut state = connected_board(2, now);
    state.take(&Event::WorkerStarted { worker: 3 }, now);
    let idle = r#"{"health":"ok","aggregate_status":"idle","workers":[{"status":"idle","id":"the-id","spawn_index":1},{"status":"idle","id":"the-id","spawn_index":2}]}"#;
    assert_eq!(json::text(&state), format!("{idle}\n"));
    let started = Event::JobStarted {
        worker: 2,
        job: &job(),
    };
    state.take(&started, now);
    let busy = r#"{"health":"ok","aggregate_status":"busy","workers":[{"status":"idle","id":"the-id","spawn_index":1},{"status":"busy","current_job_id":"job-1","id":"the-id","spawn_index":2}]}"#;
    assert_eq!(json::text(&state), format!("{busy}\n"));
}

#[tokio::test(start_paused = true)]
async fn a_worker_is_connected_while_answers_come_as_often_as_they_should() {
    let now = Instant::now();
    let (worker, job) = (1, job());
    let busy = Event::JobStarted { worker, job: &job };
    let stream = Event::ListensTo {
        worker,
        source: Source::Stream,
    };
    let beat = Event::HeartbeatAnswered { worker };
    let ended = Event::WorkerEnded { worker };
    for (events, seconds, expected) in [
        (vec![], 5, true),
        (vec![], 6, false),
        // Neither pings: heartbeats count.
        (vec![busy], 19, true),
        (vec![busy], 20, false),
        (vec![stream, beat], 19, true),
        (vec![stream, beat], 20, false),
        // Pings are due again, whatever heartbeats say.
        (vec![beat], 6, false),
        (vec![ended], 0, false),
    ] {
        let mut state = connected_board(1, now);
        for event in &events {
            state.take(event, now);
        }
        let later = now + seconds * SECOND;
        let is = connected::agent(&state, later);
        assert_eq!(is, expected, "{events:?} {seconds} s later");
    }
    assert!(!connected::agent(&State::default(), now));
}

#[tokio::test(start_paused = true)]
async fn the_headline_says_how_the_whole_agent_is() {
    let now = Instant::now();
    let (job, action) = (job(), "pause");
    let pause = |worker| Event::Action { worker, action };
    let busy = Event::JobStarted {
        worker: 1,
        job: &job,
    };
    let failed = Event::PingFailed {
        worker: 1,
        took: SECOND,
        error: "503 <moved>",
    };
    let ended = |worker| Event::WorkerEnded { worker };
    for (events, seconds, headline) in [
        (vec![], 0, "Idle, waiting for jobs"),
        (vec![busy], 0, "1 of 2 workers busy"),
        (vec![pause(1)], 0, "Idle, 1 of 2 workers paused"),
        (vec![pause(1), pause(2)], 0, "Paused"),
        (vec![failed], 0, "Idle, waiting for jobs"),
        (vec![failed], 60, "Requests to the endpoint fail"),
        (vec![], 60, "The endpoint was not heard lately"),
        (vec![ended(1), ended(2)], 0, "No workers"),
    ] {
        let mut state = connected_board(2, now);
        for event in &events {
            state.take(event, now);
        }
        let html = html(&state, now + seconds * SECOND);
        let title = format!("<title>{headline} · ");
        assert!(html.contains(&title), "{headline} after {events:?}: {html}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_worker_is_out_of_reach_since_it_was_last_heard_not_since_it_waits() {
    let now = Instant::now();
    let mut state = connected_board(1, now);
    let later = now + 3600 * SECOND;
    let answered = Event::PingAnswered {
        worker: 1,
        took: SECOND,
    };
    state.take(&answered, later);
    let idle = html(&state, later + SECOND);
    assert!(idle.contains("for 1 h 0 min"), "{idle}");
    let lost = html(&state, later + 20 * SECOND);
    assert!(lost.contains(">unreachable</span>"), "{lost}");
    assert!(lost.contains("for 20 s"), "{lost}");
}

#[tokio::test(start_paused = true)]
async fn what_others_wrote_is_text_on_the_page() {
    let now = Instant::now();
    let mut state = connected_board(1, now);
    let hostile = JobFacts {
        id: "<script>alert(1)</script>".into(),
        pipeline: "\"><img src=x>".into(),
        ..JobFacts::default()
    };
    for event in [
        Event::JobStarted {
            worker: 1,
            job: &hostile,
        },
        Event::HeartbeatFailed {
            worker: 1,
            error: "<b>no</b>",
        },
        Event::LogBacklog {
            job: &hostile.id,
            queued: 5 << 20,
            spooled: 1 << 30,
        },
    ] {
        state.take(&event, now);
    }
    let html = html(&state, now);
    for markup in ["<script>alert", "<img", "<b>", "<name>", "<host>"] {
        assert!(!html.contains(markup), "{markup} in {html}");
    }
    assert!(html.contains("&#60;b&#62;no"), "{html}");
    assert!(html.contains("5.0 MiB of its log wait, and 1.0 GiB on disk"));
}

#[tokio::test(start_paused = true)]
async fn a_finished_job_leaves_a_count_and_nothing_else() {
    let now = Instant::now();
    let mut state = connected_board(1, now);
    let (worker, job) = (1, &job());
    let backlog = |queued| Event::LogBacklog {
        job: "job-1",
        queued,
        spooled: 0,
    };
    state.take(&Event::JobStarted { worker, job }, now);
    state.take(&backlog(9), now);
    assert!(html(&state, now).contains("9 B of its log wait"));
    state.take(&backlog(0), now);
    assert!(state.logs.is_empty());
    state.take(&backlog(9), now);
    state.take(&Event::JobEnded { worker, job }, now);
    assert!(state.logs.is_empty());
    assert_eq!(state.workers[&1].jobs_done, 1);
    assert!(!html(&state, now).contains("job-1"));
}

#[test]
fn the_page_shows_what_the_process_takes() {
    let process = ProcessFacts {
        cpu_seconds: 1.0,
        resident_bytes: 7 << 20,
        virtual_bytes: 1 << 30,
        open_descriptors: 12,
        most_descriptors: 1024,
    };
    let now = Instant::now();
    let html = page::render(&State::default(), &facts(), Some(&process), SECOND, now);
    let html = html.expect("a page");
    assert!(html.contains("7.0 MiB") && html.contains("12 of 1024"));
}

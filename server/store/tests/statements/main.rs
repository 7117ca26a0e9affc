//! What the store asks of its database, as the database's own log of statements tells it: whether
//! each statement finds its rows by an index, and how many rows it takes.
//!
//! One test, and a program of its own: the log is the process's.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bed;
mod heard;

use std::collections::BTreeSet;
use std::time::Duration;

use server_jobs::{Ask, Event, Order, Presence, Report};
use shared_protocol::JobId;
use shared_protocol::job::ChunkPlace;

use bed::{Bed, NOW};
use heard::Statements;

/// Scans of what is small: the sets of rules in the queue, and the newest builds up to a limit.
const SMALL: [&str; 2] = ["SCAN sets", "SCAN builds USING INDEX builds_by_time"];

/// Statements that show all of something to a person, who asked for all of it.
const WHOLE: [&str; 4] = [
    // The list of hosts, and that of pipelines.
    "SELECT * FROM hosts ORDER BY",
    "SELECT * FROM pipelines ORDER BY",
    // Tokens that people made, on the command line.
    "SELECT lower(substr(hex(sha256), 1, 8))",
    "DELETE FROM tokens WHERE kind IN ('agent', 'api')",
];

#[tokio::test]
async fn nothing_that_agents_do_costs_more_on_a_server_that_has_done_much() {
    let statements = Statements::listen();
    let bed = Bed::new().await;
    bed.build("gpu", 1).await;
    let small = life_of_a_job(&bed, &statements, "small", 3).await;
    bed.fill().await;
    let large = life_of_a_job(&bed, &statements, "large", 400).await;
    assert_eq!(
        (small.0, small.1),
        (large.0, large.1),
        "statements, and rows they gave, of one job's life; they were\n{:#?}\nand\n{:#?}",
        small.2,
        large.2
    );
    exercise_the_rest(&bed).await;
    let all: BTreeSet<String> = statements.take().into_iter().map(|one| one.sql).collect();
    let all: BTreeSet<String> = all.into_iter().chain(small.2).chain(large.2).collect();
    assert!(all.len() > 40, "hardly anything was heard: {all:#?}");
    let mut scans = Vec::new();
    for sql in all.iter().filter(|sql| is_of_interest(sql)) {
        for step in bed.plan(sql).await {
            if step.starts_with("SCAN ") && !SMALL.contains(&step.as_str()) {
                scans.push(format!("{step}: {sql}"));
            }
        }
    }
    assert!(
        scans.is_empty(),
        "whole tables are read:\n{}",
        scans.join("\n")
    );
}

/// Opening a connection takes statements as well, and nobody knows when that happens.
fn is_query(sql: &str) -> bool {
    let words = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"];
    words.iter().any(|word| sql.starts_with(word))
}

fn is_of_interest(sql: &str) -> bool {
    is_query(sql)
        && !sql.contains("_sqlx_migrations")
        && !WHOLE.iter().any(|start| sql.starts_with(start))
}

/// How many statements a job in the midst of a build takes from offer to end, how many rows they
/// give, and which they are.
async fn life_of_a_job(
    bed: &Bed,
    statements: &Statements,
    pipeline: &str,
    steps: usize,
) -> (usize, u64, Vec<String>) {
    let build = bed.build(pipeline, steps).await;
    let agent = bed.agent(pipeline).await;
    let first = bed.offered(&agent).await;
    bed.run(&agent, &first).await;
    drop(statements.take());
    let job = bed.offered(&agent).await;
    bed.run(&agent, &job).await;
    let heard = statements.take();
    let next = bed.offered(&agent).await;
    assert_eq!(bed.store.job(&next).await.unwrap().build, build);
    bed.store
        .depart(&agent, Presence::Disconnected, NOW)
        .await
        .unwrap();
    bed.store.cancel_build(&build, NOW).await.unwrap();
    let heard: Vec<_> = heard.into_iter().filter(|one| is_query(&one.sql)).collect();
    let rows = heard.iter().map(|one| one.rows).sum();
    (
        heard.len(),
        rows,
        heard.into_iter().map(|one| one.sql).collect(),
    )
}

/// What else workers, machines and the sweeper ask for, and what people do.
async fn exercise_the_rest(bed: &Bed) {
    let store = &bed.store;
    let later = NOW.plus(Duration::from_hours(2));
    let agent = bed.agent("rest").await;
    store.set_heard(&[(agent.clone(), NOW)]).await.unwrap();
    store.silent_agents(NOW).await.unwrap();
    store.agents(NOW).await.unwrap();
    let pause = Ask::Pause {
        note: String::new(),
        time: None,
    };
    store.ask(&agent, pause, NOW).await.unwrap();
    let heir = bed.agent("rest").await;
    assert_ne!(store.agent(&heir).await.unwrap().order, Order::Work);
    store.ask(&agent, Ask::Resume, NOW).await.unwrap();
    store.run_timers(later).await.unwrap();
    store.expire_job_tokens(later).await.unwrap();
    store.expire_pending_hosts(later).await.unwrap();
    store.remove_unseen_hosts(NOW).await.unwrap();
    let build = bed.build("rest", 2).await;
    let row = store.build_by_id(&build).await.unwrap();
    store.builds_of(&row.pipeline, 30).await.unwrap();
    store.recent_builds(30).await.unwrap();
    store.agents_of(&build).await.unwrap();
    let job = bed.offered(&agent).await;
    store.accept(&job, &agent, NOW).await.unwrap();
    store.cancel_work_of(&agent, NOW).await.unwrap();
    store.depart(&agent, Presence::Lost, NOW).await.unwrap();
    bed.enroll_and_remove().await;
}

impl Bed {
    /// From the ping's answer to the last word.
    async fn run(&self, agent: &shared_protocol::AgentId, job: &JobId) {
        self.store.accept(job, agent, NOW).await.unwrap();
        let agent = agent.clone();
        let start = Event::Start {
            agent: agent.clone(),
        };
        self.store.happen(job, start, NOW).await.unwrap();
        let place = ChunkPlace {
            sequence: 1,
            offset: 0,
            size: 5,
        };
        self.store
            .put_chunk(job, place, b"hello".to_vec())
            .await
            .unwrap();
        let report = Report {
            exit_status: 0,
            signal: None,
            reason: None,
            chunks_failed: 0,
        };
        let finish = Event::Finish { agent, report };
        self.store.happen(job, finish, NOW).await.unwrap();
        self.store.close_log(job).await.unwrap();
    }
}

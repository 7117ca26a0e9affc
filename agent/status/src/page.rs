//! `/status`, for people. What is shown is worked out here; the template only places it.

use std::time::Duration;

use agent_metrics::{ProcessFacts, Source};
use askama::Template;
use tokio::time::Instant;

use crate::board::{Backlog, Contact, Doing, State, Worker};
use crate::server::AgentFacts;
use crate::{bytes, connected, times};

/// The page.
#[derive(Template)]
#[template(path = "status.html")]
struct Page<'a> {
    host: &'a str,
    title: String,
    headline: String,
    /// Class of the headline's state.
    mood: &'static str,
    /// What the endpoint last said against it; empty if nothing.
    trouble: &'a str,
    counts: Vec<(&'static str, usize)>,
    facts: Vec<(&'static str, String)>,
    workers: Vec<Row<'a>>,
}

/// One worker.
struct Row<'a> {
    number: u32,
    name: &'a str,
    id: &'a str,
    /// Word and class in one.
    state: &'static str,
    since: String,
    job: Option<JobCell<'a>>,
    ping: Cell<'a>,
    heartbeat: Cell<'a>,
    source: &'static str,
    jobs_done: u64,
}

struct JobCell<'a> {
    id: &'a str,
    /// Pipeline and branch.
    place: String,
    log: String,
}

/// When something last went well, and what did not since.
struct Cell<'a> {
    text: String,
    error: &'a str,
}

/// The page as HTML.
pub(crate) fn render(
    state: &State,
    facts: &AgentFacts,
    process: Option<&ProcessFacts>,
    up: Duration,
    now: Instant,
) -> Result<String, askama::Error> {
    let mut workers: Vec<Row<'_>> = Vec::with_capacity(state.workers.len());
    for (number, worker) in &state.workers {
        workers.push(row(*number, worker, state, now));
    }
    let tally = Tally::of(&workers);
    let trouble = trouble(state);
    let connected = connected::agent(state, now);
    let (mood, headline) = tally.headline(connected, !trouble.is_empty());
    let page = Page {
        host: &facts.host,
        title: format!("{headline} · {}", facts.host),
        headline,
        mood,
        trouble,
        counts: tally.counts(),
        facts: facts_of(state, facts, process, up),
        workers,
    };
    page.render()
}

fn row<'a>(number: u32, worker: &'a Worker, state: &'a State, now: Instant) -> Row<'a> {
    let state_word = word(worker, now);
    let since = times::short(now.saturating_duration_since(since(worker, state_word)));
    let job = match &worker.doing {
        Doing::Busy(job) => Some(JobCell {
            id: &job.id,
            place: place(&job.pipeline, &job.branch),
            log: state.logs.get(&job.id).map(waiting).unwrap_or_default(),
        }),
        _ => None,
    };
    Row {
        number,
        name: &worker.name,
        id: &worker.id,
        state: state_word,
        since,
        job,
        ping: cell(&worker.ping, now),
        heartbeat: cell(&worker.heartbeat, now),
        source: match worker.source {
            Source::Polling => "polling",
            Source::Stream => "stream",
        },
        jobs_done: worker.jobs_done,
    }
}

/// What a worker is in a word: what it does, unless the endpoint is out of its reach.
fn word(worker: &Worker, now: Instant) -> &'static str {
    match worker.doing {
        Doing::Starting => "starting",
        Doing::Ended => "ended",
        Doing::Busy(_) => "busy",
        _ if !connected::worker(worker, now) => "unreachable",
        Doing::Paused => "paused",
        Doing::Idle => "idle",
    }
}

/// When that began. Nobody knows when an endpoint went out of reach; it was there at its last answer.
fn since(worker: &Worker, word: &str) -> Instant {
    let last = worker.ping.answered.max(worker.heartbeat.answered);
    match word {
        "unreachable" => last.unwrap_or(worker.since),
        _ => worker.since,
    }
}

fn cell(contact: &Contact, now: Instant) -> Cell<'_> {
    let ago = |at: Instant| times::short(now.saturating_duration_since(at));
    Cell {
        text: match contact.answered {
            Some(at) => format!("{} ago", ago(at)),
            None => "none yet".to_owned(),
        },
        error: contact.error.as_deref().unwrap_or_default(),
    }
}

fn place(pipeline: &str, branch: &str) -> String {
    match (pipeline.is_empty(), branch.is_empty()) {
        (false, false) => format!("{pipeline} on {branch}"),
        (_, true) => pipeline.to_owned(),
        (true, false) => branch.to_owned(),
    }
}

fn waiting(backlog: &Backlog) -> String {
    let Backlog { queued, spooled } = *backlog;
    match spooled {
        0 => format!("{} of its log wait", bytes::short(queued)),
        _ => {
            let (queued, spooled) = (bytes::short(queued), bytes::short(spooled));
            format!("{queued} of its log wait, and {spooled} on disk")
        }
    }
}

/// What the endpoint has against any worker that is still there.
fn trouble(state: &State) -> &str {
    let alive = state.workers.values().filter(|it| it.doing != Doing::Ended);
    let mut errors = alive.filter_map(|worker| {
        let ping = worker.ping.error.as_deref();
        ping.or(worker.heartbeat.error.as_deref())
    });
    errors.next().unwrap_or_default()
}

fn facts_of(
    state: &State,
    facts: &AgentFacts,
    process: Option<&ProcessFacts>,
    up: Duration,
) -> Vec<(&'static str, String)> {
    let done: u64 = state.workers.values().map(|it| it.jobs_done).sum();
    let logs = state
        .logs
        .values()
        .fold(Backlog::default(), |sum, log| Backlog {
            queued: sum.queued + log.queued,
            spooled: sum.spooled + log.spooled,
        });
    let mut shown = vec![
        ("Up for", times::short(up)),
        ("Jobs done", done.to_string()),
        ("Version", facts.version.clone()),
        ("Process id", facts.pid.to_string()),
    ];
    if let Some(process) = process {
        shown.push(("Memory", bytes::short(process.resident_bytes)));
        let open = process.open_descriptors;
        shown.push((
            "Open files",
            format!("{open} of {}", process.most_descriptors),
        ));
    }
    let all = logs.queued + logs.spooled;
    shown.push(("Logs to deliver", bytes::short(all)));
    shown.push(("Endpoint", facts.endpoint.clone()));
    shown
}

/// How many workers are in each state.
struct Tally {
    all: usize,
    by_word: Vec<(&'static str, usize)>,
}

impl Tally {
    fn of(workers: &[Row<'_>]) -> Self {
        let words = ["busy", "idle", "paused", "starting", "unreachable", "ended"];
        let count = |word: &str| workers.iter().filter(|it| it.state == word).count();
        Self {
            all: workers.len() - count("ended"),
            by_word: words.map(|word| (word, count(word))).into(),
        }
    }

    fn count(&self, word: &str) -> usize {
        let entry = self.by_word.iter().find(|(it, _)| *it == word);
        entry.map_or(0, |(_, count)| *count)
    }

    fn counts(&self) -> Vec<(&'static str, usize)> {
        let shown = self.by_word.iter().filter(|(_, count)| *count > 0);
        shown.copied().collect()
    }

    /// The state of the whole in one sentence, and its class.
    fn headline(&self, connected: bool, troubled: bool) -> (&'static str, String) {
        let all = self.all;
        let (busy, paused) = (self.count("busy"), self.count("paused"));
        match () {
            () if all == 0 => ("ended", "No workers".to_owned()),
            () if !connected && troubled => ("lost", "Requests to the endpoint fail".to_owned()),
            () if busy > 0 => ("busy", format!("{busy} of {} busy", workers(all))),
            () if self.count("starting") == all => {
                ("starting", format!("{} starting", workers(all)))
            }
            () if !connected => ("lost", "The endpoint was not heard lately".to_owned()),
            () if paused == all => ("paused", "Paused".to_owned()),
            () if paused > 0 => ("idle", format!("Idle, {paused} of {} paused", workers(all))),
            () => ("idle", "Idle, waiting for jobs".to_owned()),
        }
    }
}

fn workers(count: usize) -> String {
    match count {
        1 => "1 worker".to_owned(),
        _ => format!("{count} workers"),
    }
}

//! `/status.json`, field for field as the peer has it.

use serde::Serialize;

use crate::board::{Doing, State};

#[derive(Serialize)]
struct Whole<'a> {
    health: &'static str,
    aggregate_status: &'static str,
    workers: Vec<WorkerStatus<'a>>,
}

#[derive(Serialize)]
struct WorkerStatus<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    current_job_id: &'a str,
    id: &'a str,
    spawn_index: u32,
}

/// The text, with its line end. A worker is there once it has registered; whatever is not busy is
/// idle.
pub(crate) fn text(state: &State) -> String {
    let registered = state.workers.iter().filter(|(_, it)| !it.id.is_empty());
    let workers = registered.map(|(number, worker)| {
        let (status, current_job_id) = match &worker.doing {
            Doing::Busy(job) => ("busy", job.id.as_str()),
            _ => ("idle", ""),
        };
        WorkerStatus {
            status,
            current_job_id,
            id: &worker.id,
            spawn_index: *number,
        }
    });
    let workers: Vec<_> = workers.collect();
    let busy = workers.iter().any(|worker| worker.status == "busy");
    let whole = Whole {
        health: "ok",
        aggregate_status: if busy { "busy" } else { "idle" },
        workers,
    };
    let mut text = serde_json::to_string(&whole).unwrap_or_default();
    text.push('\n');
    text
}

//! Making good what an agent left behind that died: its executors are ended, and the endpoint hears
//! of each of its jobs, once.

use jiff::Timestamp;
use shared_client::{Client, Endpoint, Transport};
use shared_protocol::job::FinishRequest;
use shared_supervise::ProcessId;

use crate::cancel;
use crate::files;
use crate::outbox::{Outbox, Owed};
use crate::outcome::Outcome;
use crate::record::Record;
use crate::records::{RecordFile, Records};

/// Ends the executors of agents that are gone, at once, and hands their jobs' results to the outbox.
pub fn recover(records: &Records, transport: &Transport, outbox: &Outbox) {
    for orphan in records.take_orphans() {
        end(orphan.record());
        report(orphan, transport, outbox);
    }
}

/// Ends what is left of a job, and removes its files. The executor leads to all of it while it
/// lives. If it died as well, what its children left is known by the job's file of variables in their
/// environment; whoever took that out of his own environment stays. A job that came to its own end
/// may leave daemons, so there only the executor counts.
fn end(record: &Record) {
    let executor = record.executor.iter().map(|executor| executor.id());
    let mut left: Vec<ProcessId> = executor.collect();
    let taken = &record.accepted;
    if let (None, Some(env_file)) = (&record.result, taken.files.first()) {
        left.extend(cancel::marked(env_file));
    }
    cancel::kill(&left);
    files::clear(&taken.files);
}

fn report(mut record: RecordFile, transport: &Transport, outbox: &Outbox) {
    let taken = record.record().accepted.clone();
    let endpoint = match Endpoint::parse(&taken.endpoint) {
        Ok(endpoint) => endpoint,
        Err(error) => {
            tracing::error!(job = %taken.job, "failed to report a job of an earlier agent: {error}");
            return record.remove();
        }
    };
    if record.record().result.is_none() {
        record.set_result(&lost());
    }
    tracing::warn!(job = %taken.job, "reporting a job that an earlier agent left behind");
    outbox.take(Owed {
        record,
        client: Client::new(transport.clone(), endpoint, taken.token),
        tried: false,
    });
}

/// The report of a job whose end nobody saw.
fn lost() -> FinishRequest {
    let outcome = Outcome::lost();
    FinishRequest {
        exit_status: outcome.exit_status.to_string(),
        signal: None,
        signal_reason: outcome.reason,
        finished_at: Timestamp::now().to_string(),
        // What that agent had in memory is missing; a log on disk knows better.
        chunks_failed_count: 1,
        ignore_agent_in_dispatches: None,
    }
}

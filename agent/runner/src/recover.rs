//! Making good what an agent left behind that died: its executors are ended, and the endpoint hears
//! of each of its jobs, once.

use jiff::Timestamp;
use shared_client::{Client, Endpoint, Transport};
use shared_protocol::job::FinishRequest;
use shared_supervise::ProcessId;
use tokio::task::JoinSet;

use crate::cancel;
use crate::files;
use crate::outcome::Outcome;
use crate::record::{Record, RecordFile, Records};

/// Ends the executors of agents that are gone, at once, and then reports their jobs. Takes as long
/// as the endpoint needs; may be dropped, and then the next agent goes on with what is left.
pub async fn recover(records: &Records, transport: &Transport) {
    let orphans = records.take_orphans();
    for orphan in &orphans {
        end(orphan.record());
    }
    let mut reports = JoinSet::new();
    for orphan in orphans {
        reports.spawn(report(orphan, transport.clone()));
    }
    while let Some(report) = reports.join_next().await {
        if let Err(error) = report {
            tracing::error!("failed to report a job of an earlier agent: {error}");
        }
    }
}

/// Ends what is left of a job, and removes its files. The executor leads to all of it while it lives. If it died as well,
/// what its children left is known by the job's id in their environment; whoever took that out of
/// his own environment stays. A job that came to its own end may leave daemons, so there only the
/// executor counts.
fn end(record: &Record) {
    let mut left: Vec<ProcessId> = record
        .executor
        .iter()
        .map(|executor| executor.id())
        .collect();
    if record.result.is_none() {
        left.extend(cancel::marked(&record.job));
    }
    cancel::kill(&left);
    files::clear(&record.files);
}

async fn report(file: RecordFile, transport: Transport) {
    let record = file.record();
    let job = &record.job;
    let endpoint = match Endpoint::parse(&record.endpoint) {
        Ok(endpoint) => endpoint,
        Err(error) => {
            tracing::error!(%job, "failed to report a job of an earlier agent: {error}");
            return file.remove();
        }
    };
    let client = Client::new(transport, endpoint, record.token.clone());
    let request = record.result.clone().unwrap_or_else(lost);
    match client.finish(job, &request).await {
        Ok(()) => tracing::warn!(%job, "reported a job that an earlier agent left behind"),
        Err(error) if error.is_refusal() => {
            tracing::warn!(%job, "the endpoint has no use for an earlier agent's report: {error}");
        }
        // The record stays: the next start of an agent tries again.
        Err(error) => {
            tracing::error!(%job, "failed to report a job of an earlier agent: {error}; the next start tries again");
            return;
        }
    }
    file.remove();
}

/// The report of a job whose end nobody saw.
fn lost() -> FinishRequest {
    let outcome = Outcome::lost();
    FinishRequest {
        exit_status: outcome.exit_status.to_string(),
        signal: None,
        signal_reason: outcome.reason,
        finished_at: Timestamp::now().to_string(),
        chunks_failed_count: 0,
        ignore_agent_in_dispatches: None,
    }
}

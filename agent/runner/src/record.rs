//! What is on disk about a job while it runs, so that the next agent can make good what a crash of
//! this one leaves behind.
//!
//! A record is optional in every respect: without a state folder there are none, and a disk that
//! is full costs a warning, never a job. Files are written whole and renamed into place; they are
//! not synced, because after a power cut no process is left to look for, and the endpoint misses
//! the agent's heartbeats anyway.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use shared_client::Client;
use shared_fault::{point, write_point};
use shared_protocol::job::FinishRequest;
use shared_protocol::{JobId, Secret};
use shared_supervise::ProcessId;

/// Where an agent keeps its records.
#[derive(Debug, Clone)]
pub struct Records {
    folder: Option<PathBuf>,
    owner: ProcessId,
}

/// A process that a record names: its id and when it started, so that a reused id is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    pid: u32,
    start: u64,
}

/// One job that was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Which.
    pub job: JobId,
    /// Endpoint that wants to hear of its end.
    pub endpoint: String,
    /// Token to tell it with.
    pub token: Secret,
    /// The agent that runs it; set when the record is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<Process>,
    /// Its executor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) executor: Option<Process>,
    /// The files beside it, which go with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) files: Vec<PathBuf>,
    /// Its result, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<FinishRequest>,
}

/// The record of one job in its place.
#[derive(Debug)]
pub struct RecordFile {
    path: Option<PathBuf>,
    record: Record,
}

impl Process {
    pub(crate) fn id(self) -> ProcessId {
        ProcessId {
            pid: self.pid,
            start: self.start,
        }
    }
}

impl From<ProcessId> for Process {
    fn from(id: ProcessId) -> Self {
        Self {
            pid: id.pid,
            start: id.start,
        }
    }
}

impl Record {
    /// A job that the endpoint was just told to be started.
    pub fn started(job: &JobId, client: &Client) -> Self {
        Self {
            job: job.clone(),
            endpoint: client.endpoint().to_string(),
            token: client.token().clone(),
            owner: None,
            executor: None,
            files: Vec::new(),
            result: None,
        }
    }
}

impl Records {
    /// Records in `folder`, written by the agent `owner`. Without a folder nothing is kept.
    pub fn new(folder: Option<PathBuf>, owner: ProcessId) -> Self {
        Self { folder, owner }
    }

    /// Writes a new record.
    pub fn create(&self, mut record: Record) -> RecordFile {
        record.owner = Some(self.owner.into());
        let name = format!("{}.json", record.job.path_segment());
        let file = RecordFile {
            path: self.folder.as_ref().map(|folder| folder.join(name)),
            record,
        };
        file.save();
        file
    }

    /// The records whose agent is gone, taken over by this one. What cannot be read is put aside
    /// under another name, where a person can look at it.
    pub fn take_orphans(&self) -> Vec<RecordFile> {
        let Some(folder) = &self.folder else {
            return Vec::new();
        };
        let entries = match point("job-record.list").and_then(|()| fs::read_dir(folder)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                tracing::warn!("failed to read {}: {error}", folder.display());
                return Vec::new();
            }
        };
        entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .inspect(|path| clear_unfinished(path))
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "json")
            })
            .filter_map(|path| self.take_orphan(path))
            .collect()
    }

    fn take_orphan(&self, path: PathBuf) -> Option<RecordFile> {
        point("job-record.read").ok()?;
        let bytes = fs::read(&path).ok()?;
        let mut record: Record = match serde_json::from_slice(&bytes) {
            Ok(record) => record,
            Err(error) => {
                tracing::warn!(
                    "unreadable job record {}, put aside: {error}",
                    path.display()
                );
                let aside = path.with_extension("unreadable");
                let _ = point("job-record.put-aside").and_then(|()| fs::rename(&path, aside));
                return None;
            }
        };
        if record.owner.is_some_and(|owner| owner.id().is_same_alive()) {
            return None;
        }
        record.owner = Some(self.owner.into());
        let file = RecordFile {
            path: Some(path),
            record,
        };
        file.save();
        Some(file)
    }
}

impl RecordFile {
    /// What it says.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Whether it outlives this process.
    pub(crate) fn is_kept(&self) -> bool {
        self.path.is_some()
    }

    /// Adds the files beside it.
    pub(crate) fn set_files(&mut self, files: Vec<PathBuf>) {
        self.record.files = files;
        self.save();
    }

    /// Adds the executor.
    pub(crate) fn set_executor(&mut self, executor: ProcessId) {
        self.record.executor = Some(executor.into());
        self.save();
    }

    /// Adds the result.
    pub(crate) fn set_result(&mut self, result: &FinishRequest) {
        self.record.result = Some(result.clone());
        self.save();
    }

    /// Removes it: nothing is owed any more.
    pub(crate) fn remove(&self) {
        if let Some(path) = &self.path
            && let Err(error) = point("job-record.remove").and_then(|()| fs::remove_file(path))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!("failed to remove {}: {error}", path.display());
        }
    }

    fn save(&self) {
        if let Some(path) = &self.path
            && let Err(error) = write(path, &self.record)
        {
            tracing::warn!("failed to write {}: {error}", path.display());
        }
    }
}

/// Begins the name of a file that is being written; the writer's process id comes next.
const UNFINISHED: &str = ".job-";

/// Removes what an agent was writing when it died.
fn clear_unfinished(path: &Path) {
    let name = path.file_name().and_then(|name| name.to_str());
    let writer = name.and_then(|name| {
        name.strip_prefix(UNFINISHED)?
            .split('-')
            .next()?
            .parse()
            .ok()
    });
    if writer.is_some_and(|pid| ProcessId::of(pid).is_none())
        && let Err(error) = point("job-record.clear").and_then(|()| fs::remove_file(path))
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!("failed to remove {}: {error}", path.display());
    }
}

/// Writes a file beside `path` and renames it. Only the agent's user may read it: it holds a token.
fn write(path: &Path, record: &Record) -> io::Result<()> {
    let folder = path
        .parent()
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    point("job-record.create-dir")?;
    fs::create_dir_all(folder)?;
    point("job-record.create")?;
    let mut file = tempfile::Builder::new()
        .prefix(&format!("{UNFINISHED}{}-", std::process::id()))
        .tempfile_in(folder)?;
    let bytes = serde_json::to_vec(record)?;
    write_point("job-record.write", || {
        file.write_all(&bytes[..bytes.len() / 2])
    })?;
    file.write_all(&bytes)?;
    point("job-record.persist")?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GONE: Process = Process {
        pid: u32::MAX - 1,
        start: 1,
    };

    fn record(job: &str) -> Record {
        Record {
            job: JobId::new(job),
            endpoint: "http://e/v3".into(),
            token: Secret::new("t"),
            owner: None,
            executor: None,
            files: Vec::new(),
            result: None,
        }
    }

    fn agent() -> ProcessId {
        ProcessId::own().unwrap()
    }

    #[test]
    fn what_a_dead_agent_was_writing_goes_and_what_a_living_one_writes_stays() {
        let folder = tempfile::tempdir().unwrap();
        let dead = folder.path().join(format!(".job-{}-aBc", GONE.pid));
        let own = folder
            .path()
            .join(format!(".job-{}-aBc", std::process::id()));
        for path in [&dead, &own] {
            fs::write(path, "half").unwrap();
        }
        clear_unfinished(&dead);
        clear_unfinished(&own);
        assert!(!dead.exists() && own.exists());
    }

    #[test]
    fn only_records_of_agents_that_are_gone_are_taken_over_and_only_once() {
        let folder = tempfile::tempdir().unwrap();
        let place = Some(folder.path().to_owned());
        let alive = Records::new(place.clone(), agent());
        let gone = Records::new(place, GONE.id());
        alive.create(record("mine"));
        gone.create(record("orphan"));
        let taken: Vec<_> = alive.take_orphans();
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].record().job, JobId::new("orphan"));
        assert!(
            alive.take_orphans().is_empty(),
            "it belongs to a living agent now"
        );
    }

    #[test]
    fn a_record_survives_its_file_and_a_broken_one_harms_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let gone = Records::new(Some(folder.path().to_owned()), GONE.id());
        gone.create(record("../a"));
        fs::write(folder.path().join("b.json"), "{").unwrap();
        let mut expected = record("../a");
        expected.owner = Some(GONE);
        let taken = gone.take_orphans();
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].record(), &expected);
        taken[0].remove();
        assert!(gone.take_orphans().is_empty());
        assert!(folder.path().join("b.unreadable").exists());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_agents_user_may_read_a_record() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        Records::new(Some(folder.path().to_owned()), agent()).create(record("j"));
        let mode = fs::metadata(folder.path().join("j.json"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn without_a_folder_nothing_is_written() {
        let records = Records::new(None, agent());
        records.create(record("j")).remove();
        assert!(records.take_orphans().is_empty());
    }
}

//! Records of jobs on disk: a file for each, in one folder.
//!
//! A record is optional in every respect: without a folder there are none, and a disk that is full
//! costs a warning, never a job. A running job costs one file and a few small appends, none of them
//! synced: after a power cut no process is left to look for, and the endpoint misses the agent's
//! heartbeats. Only what waits in the [outbox](crate::outbox) is synced, for that may take days.
//!
//! The name says whose a record is: `<job>.<pid>-<start>.<random>.json`, with the agent's process id
//! and when that started. To rename a dead agent's record is to take it over, and of two agents that
//! try only one succeeds.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use agent_log_stream::spool::Room;
use shared_client::Client;
use shared_fault::{point, write_point};
use shared_protocol::JobId;
use shared_protocol::job::FinishRequest;
use shared_supervise::ProcessId;

use crate::record::{Entry, Record, Taken};
use crate::record_name::{Name, prefix, spool};
use crate::sweep::sweep;

/// Where an agent keeps its records.
#[derive(Debug, Clone)]
pub struct Records {
    folder: Option<PathBuf>,
    owner: ProcessId,
    /// What logs that wait beside them may take together.
    room: Room,
}

/// The record of one job in its place.
#[derive(Debug)]
pub struct RecordFile {
    place: Option<(PathBuf, File)>,
    /// Whether the file lacks something, because the disk did not take it.
    behind: bool,
    record: Record,
    room: Room,
}

impl Records {
    /// Records in `folder`, written by the agent `owner`. Without a folder nothing is kept.
    pub fn new(folder: Option<PathBuf>, owner: ProcessId) -> Self {
        let room = Room::default();
        Self {
            folder,
            owner,
            room,
        }
    }

    /// Writes the first line of a new record.
    pub(crate) fn create(&self, job: &JobId, client: &Client, files: Vec<PathBuf>) -> RecordFile {
        let taken = Taken::new(job, client, files);
        let entry = Entry::Accepted(taken.clone());
        let mut file = RecordFile {
            place: None,
            behind: false,
            record: Record::new(taken),
            room: self.room.clone(),
        };
        if let Some(folder) = &self.folder {
            match self.new_file(folder, job) {
                Ok(place) => file.place = Some(place),
                Err(error) => {
                    tracing::warn!(%job, "failed to make a record in {}: {error}", folder.display());
                }
            }
        }
        file.append(&entry);
        file
    }

    /// A new file, readable by the agent's user only: it holds a token.
    fn new_file(&self, folder: &Path, job: &JobId) -> io::Result<(PathBuf, File)> {
        let prefix = prefix(&job.path_segment(), self.owner);
        let create = || {
            point("job-record.create")?;
            tempfile::Builder::new()
                .prefix(&prefix)
                .suffix(".json")
                .tempfile_in(folder)
        };
        let created = match create() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                point("job-record.create-dir")?;
                fs::create_dir_all(folder)?;
                create()
            }
            created => created,
        };
        let (file, path) = created?.keep().map_err(|error| error.error)?;
        Ok((path, file))
    }

    /// The records whose agent is gone, taken over by this one. What cannot be read is put aside
    /// under another name, where a person can look at it.
    pub(crate) fn take_orphans(&self) -> Vec<RecordFile> {
        let Some(folder) = &self.folder else {
            return Vec::new();
        };
        let found = list(folder);
        sweep(folder, &found);
        let records = found.iter().filter(|path| has_extension(path, "json"));
        records.filter_map(|path| self.take_orphan(path)).collect()
    }

    fn take_orphan(&self, path: &Path) -> Option<RecordFile> {
        let Some(name) = Name::parse(path) else {
            put_aside(path);
            return None;
        };
        if name.owner.is_same_alive() {
            return None;
        }
        let path = claim(path, &name.with_owner(self.owner))?;
        point("job-record.read").ok()?;
        let bytes = fs::read(&path).ok()?;
        let Some(record) = Record::read(&bytes) else {
            if is_begun(&bytes) {
                remove(&path);
            } else {
                put_aside(&path);
            }
            return None;
        };
        point("job-record.open").ok()?;
        let file = OpenOptions::new().append(true).open(&path).ok()?;
        Some(RecordFile {
            place: Some((path, file)),
            behind: false,
            record,
            room: self.room.clone(),
        })
    }
}

impl RecordFile {
    /// What it says.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Where the job's log waits on disk while the endpoint is away: beside the record, whoever's
    /// that is.
    pub(crate) fn log_spool(&self) -> Option<PathBuf> {
        spool(&self.place.as_ref()?.0)
    }

    /// What that log shares with all others of this agent.
    pub(crate) fn log_room(&self) -> &Room {
        &self.room
    }

    /// Whether it outlives this process.
    pub(crate) fn is_kept(&self) -> bool {
        self.place.is_some()
    }

    /// Adds a file beside the job.
    pub(crate) fn add_file(&mut self, file: PathBuf) {
        self.add(Entry::File(file));
    }

    /// Adds the executor.
    pub(crate) fn set_executor(&mut self, executor: ProcessId) {
        self.add(Entry::Executor(executor.into()));
    }

    /// Adds the result, or corrects it.
    pub(crate) fn set_result(&mut self, result: &FinishRequest) {
        self.add(Entry::Result(result.clone()));
    }

    /// Makes it outlast a power cut.
    pub(crate) fn sync(&self) {
        if let Some((path, file)) = &self.place
            && let Err(error) = point("job-record.sync").and_then(|()| file.sync_data())
        {
            tracing::warn!("failed to sync {}: {error}", path.display());
        }
    }

    /// Removes it: nothing is owed any more.
    pub(crate) fn remove(self) {
        if let Some((path, _)) = &self.place {
            remove(path);
        }
    }

    fn add(&mut self, entry: Entry) {
        self.append(&entry);
        self.record.take(entry);
    }

    /// Appends what became known, and with it all that the disk did not take before.
    fn append(&mut self, entry: &Entry) {
        let Some((path, file)) = &mut self.place else {
            return;
        };
        let before = if self.behind {
            self.record.entries()
        } else {
            Vec::new()
        };
        let mut all = before.iter().chain([entry]);
        let written = all.try_for_each(|entry| append(file, entry));
        self.behind = written.is_err();
        if let Err(error) = written {
            tracing::warn!(
                "failed to write {}: {error}; until there is room, a crash of the agent loses the job",
                path.display()
            );
        }
    }
}

/// What lies in the folder; nothing if it cannot be read.
pub(crate) fn list(folder: &Path) -> Vec<PathBuf> {
    match point("job-record.list").and_then(|()| fs::read_dir(folder)) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!("failed to read {}: {error}", folder.display());
            }
            Vec::new()
        }
    }
}

pub(crate) fn has_extension(path: &Path, wanted: &str) -> bool {
    path.extension()
        .is_some_and(|extension| extension == wanted)
}

fn append(file: &mut File, entry: &Entry) -> io::Result<()> {
    let line = entry.line()?;
    write_point("job-record.append", || {
        file.write_all(&line[..line.len() / 2])
    })?;
    file.write_all(&line)
}

pub(crate) fn remove(path: &Path) {
    if let Err(error) = point("job-record.remove").and_then(|()| fs::remove_file(path))
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!("failed to remove {}: {error}", path.display());
    }
}

/// Makes a record another agent's, unless somebody else was faster.
fn claim(path: &Path, name: &str) -> Option<PathBuf> {
    let own = path.with_file_name(name);
    match point("job-record.claim").and_then(|()| fs::rename(path, &own)) {
        Ok(()) => Some(own),
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!("failed to take over {}: {error}", path.display());
            }
            None
        }
    }
}

fn put_aside(path: &Path) {
    tracing::warn!("unreadable job record {}, put aside", path.display());
    let aside = path.with_extension("unreadable");
    let _ = point("job-record.put-aside").and_then(|()| fs::rename(path, aside));
}

/// Whether this is the beginning of a first line: its agent died while it wrote that, and nothing
/// was done for the job yet.
fn is_begun(bytes: &[u8]) -> bool {
    let (first, rest) = bytes.split_at(bytes.len().min(1));
    first.iter().all(|&byte| byte == b'\n') && !rest.contains(&b'\n')
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Barrier};

    use shared_client::{Endpoint, Transport};
    use shared_protocol::Secret;

    use super::*;

    const GONE: ProcessId = ProcessId {
        pid: u32::MAX - 1,
        start: 1,
    };

    fn client() -> Client {
        let endpoint = Endpoint::parse("http://e/v3").unwrap();
        Client::new(Transport::new("0").unwrap(), endpoint, Secret::new("t"))
    }

    fn create(records: &Records, job: &str) -> RecordFile {
        records.create(&JobId::new(job), &client(), vec!["/f".into()])
    }

    fn agent() -> ProcessId {
        ProcessId::own().unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().flatten();
        entries
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn only_records_of_agents_that_are_gone_are_taken_over_and_only_once() {
        let folder = tempfile::tempdir().unwrap();
        let place = Some(folder.path().join("jobs"));
        let alive = Records::new(place.clone(), agent());
        let gone = Records::new(place, GONE);
        create(&alive, "mine");
        create(&gone, "../orphan");
        let taken = alive.take_orphans();
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].record().accepted.job, JobId::new("../orphan"));
        assert!(
            alive.take_orphans().is_empty(),
            "it belongs to a living agent now"
        );
    }

    #[test]
    fn of_many_agents_that_see_an_orphan_one_takes_it() {
        let folder = tempfile::tempdir().unwrap();
        let place = Some(folder.path().to_owned());
        let gone = Records::new(place.clone(), GONE);
        for job in 0..50 {
            create(&gone, &job.to_string());
        }
        let start = Arc::new(Barrier::new(4));
        let threads = (0..4).map(|_| {
            let (records, start) = (Records::new(place.clone(), agent()), Arc::clone(&start));
            std::thread::spawn(move || {
                start.wait();
                records.take_orphans().len()
            })
        });
        let threads: Vec<_> = threads.collect();
        let taken: usize = threads.into_iter().map(|t| t.join().unwrap()).sum();
        assert_eq!(taken, 50);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_full_disk_did_not_take_is_added_when_it_has_room() {
        let folder = tempfile::tempdir().unwrap();
        let gone = Records::new(Some(folder.path().to_owned()), GONE);
        let mut file = create(&gone, "j");
        let (path, whole) = file.place.take().unwrap();
        whole.set_len(3).unwrap();
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        file.place = Some((path.clone(), full));
        file.set_executor(agent());
        file.add_file("/log".into());
        file.place = Some((path, whole));
        let result: FinishRequest =
            serde_json::from_str(r#"{"exit_status": "3", "finished_at": ""}"#).unwrap();
        file.set_result(&result);
        let taken = gone.take_orphans();
        assert_eq!(taken[0].record(), file.record());
        assert_eq!(taken[0].record().executor, Some(agent().into()));
    }

    #[test]
    fn what_was_added_is_read_again_also_after_a_take_over() {
        let folder = tempfile::tempdir().unwrap();
        let gone = Records::new(Some(folder.path().to_owned()), GONE);
        create(&gone, "j").set_executor(agent());
        let mut taken = gone.take_orphans();
        assert_eq!(taken[0].record().executor, Some(agent().into()));
        let result: FinishRequest =
            serde_json::from_str(r#"{"exit_status": "3", "finished_at": ""}"#).unwrap();
        taken[0].set_result(&result);
        let again = gone.take_orphans();
        assert_eq!(again[0].record(), taken[0].record());
        assert_eq!(again[0].record().result, Some(result));
    }

    #[test]
    fn an_unreadable_record_is_put_aside_and_one_that_was_never_begun_goes() {
        let folder = tempfile::tempdir().unwrap();
        let gone = Records::new(Some(folder.path().to_owned()), GONE);
        fs::write(folder.path().join("b.json"), "{").unwrap();
        let begun = format!("{}x.json", prefix("j", GONE));
        fs::write(folder.path().join(begun), "\n{\"acc").unwrap();
        assert!(gone.take_orphans().is_empty());
        assert_eq!(names(folder.path()), ["b.unreadable"]);
    }

    #[test]
    fn a_record_that_is_not_needed_any_more_goes() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::new(Some(folder.path().to_owned()), agent());
        create(&records, "j").remove();
        assert!(names(folder.path()).is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_agents_user_may_read_a_record() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        create(&Records::new(Some(folder.path().to_owned()), agent()), "j");
        let file = folder.path().join(&names(folder.path())[0]);
        let mode = fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn without_a_folder_nothing_is_written() {
        let records = Records::new(None, agent());
        let file = create(&records, "j");
        assert!(!file.is_kept());
        file.remove();
        assert!(records.take_orphans().is_empty());
    }
}

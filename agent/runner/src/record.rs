//! What an agent has to know of a job to make good what a crash leaves behind. Pure: how a record
//! lies on disk is [`crate::records`]' business.
//!
//! A record is a journal, a line of JSON for each thing that became known. The first line is the
//! job itself, the others add to it. A line that was not written to its end is followed by a line
//! break all the same, and counts as not written.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use shared_client::Client;
use shared_protocol::job::FinishRequest;
use shared_protocol::{JobId, Secret};
use shared_supervise::ProcessId;

/// A process that a record names: its id and when it started, so that a reused id is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    pid: u32,
    start: u64,
}

/// A job that was accepted, and what became of it so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The job.
    pub accepted: Taken,
    /// Its executor, once there was one.
    pub(crate) executor: Option<Process>,
    /// Its result, once there was one.
    pub result: Option<FinishRequest>,
}

/// What is known of a job when it was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Which.
    pub job: JobId,
    /// Endpoint that wants to hear of its end.
    pub endpoint: String,
    /// Token to tell it with.
    pub token: Secret,
    /// The files beside the job, which go with it. The first one is the file of variables, whose
    /// name every process of the job has in its environment.
    pub(crate) files: Vec<PathBuf>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Entry {
    /// The first one.
    Accepted(Taken),
    /// One more file beside the job.
    File(PathBuf),
    /// The executor runs.
    Executor(Process),
    /// The job has ended. A later one corrects this.
    Result(FinishRequest),
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

impl Taken {
    /// A job that was just accepted. The client is the job's own.
    pub(crate) fn new(job: &JobId, client: &Client, files: Vec<PathBuf>) -> Self {
        Self {
            job: job.clone(),
            endpoint: client.endpoint().to_string(),
            token: client.token().clone(),
            files,
        }
    }
}

impl Entry {
    /// The entry as it is appended. The line break before it ends what an earlier attempt left.
    pub(crate) fn line(&self) -> serde_json::Result<Vec<u8>> {
        let mut line = vec![b'\n'];
        serde_json::to_writer(&mut line, self)?;
        line.push(b'\n');
        Ok(line)
    }
}

impl Record {
    pub(crate) fn new(accepted: Taken) -> Self {
        Self {
            accepted,
            executor: None,
            result: None,
        }
    }

    /// What the lines of a file say together; `None` if the first of them is not there.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut lines = bytes
            .split_inclusive(|&byte| byte == b'\n')
            .filter_map(|line| serde_json::from_slice(line.strip_suffix(b"\n")?).ok());
        let Some(Entry::Accepted(accepted)) = lines.next() else {
            return None;
        };
        let mut record = Self::new(accepted);
        for entry in lines {
            record.take(entry);
        }
        Some(record)
    }

    /// Lines that say all of it.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let mut all = vec![Entry::Accepted(self.accepted.clone())];
        all.extend(self.executor.map(Entry::Executor));
        all.extend(self.result.clone().map(Entry::Result));
        all
    }

    pub(crate) fn take(&mut self, entry: Entry) {
        match entry {
            Entry::Accepted(accepted) => self.accepted = accepted,
            Entry::File(file) => self.accepted.files.push(file),
            Entry::Executor(executor) => self.executor = Some(executor),
            Entry::Result(result) => self.result = Some(result),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn taken() -> Taken {
        Taken {
            job: JobId::new("j"),
            endpoint: "http://e/v3".into(),
            token: Secret::new("t"),
            files: vec!["/tmp/a".into()],
        }
    }

    fn result(status: &str) -> FinishRequest {
        FinishRequest {
            exit_status: status.into(),
            signal: None,
            signal_reason: None,
            finished_at: "now".into(),
            chunks_failed_count: 0,
            ignore_agent_in_dispatches: None,
        }
    }

    fn entries() -> Vec<Entry> {
        vec![
            Entry::Accepted(taken()),
            Entry::Executor(Process { pid: 9, start: 10 }),
            Entry::File("/tmp/b".into()),
            Entry::Result(result("1")),
            Entry::Result(result("2")),
        ]
    }

    fn replayed(entries: &[Entry]) -> Option<Record> {
        let (Entry::Accepted(accepted), rest) = entries.split_first()? else {
            return None;
        };
        let mut record = Record::new(accepted.clone());
        rest.iter().cloned().for_each(|entry| record.take(entry));
        Some(record)
    }

    fn text(entries: &[Entry]) -> Vec<u8> {
        entries
            .iter()
            .flat_map(|entry| entry.line().unwrap())
            .collect()
    }

    #[test]
    fn later_lines_add_to_the_first_and_correct_each_other() {
        let record = Record::read(&text(&entries())).unwrap();
        assert_eq!(
            record.accepted.files,
            [PathBuf::from("/tmp/a"), "/tmp/b".into()]
        );
        assert_eq!(record.executor, Some(Process { pid: 9, start: 10 }));
        assert_eq!(record.result, Some(result("2")));
    }

    #[test]
    fn what_is_no_record_is_none() {
        for bytes in [&b""[..], b"{", b"\n{}\n", b"\n\"executor\"\n"] {
            assert_eq!(Record::read(bytes), None);
        }
        assert_eq!(Record::read(&text(&entries()[1..])), None);
    }

    proptest! {
        #[test]
        fn a_file_cut_anywhere_says_what_its_whole_lines_say(cut in 0_usize..1_000) {
            let whole = text(&entries());
            let cut = cut.min(whole.len());
            let ends = (0..=5).rfind(|&count| text(&entries()[..count]).len() <= cut).unwrap();
            prop_assert_eq!(Record::read(&whole[..cut]), replayed(&entries()[..ends]));
        }

        #[test]
        fn a_torn_line_costs_only_itself(torn in 1_usize..5, kept in 1_usize..40) {
            let mut bytes = Vec::new();
            for (number, entry) in entries().iter().enumerate() {
                let mut line = entry.line().unwrap();
                if number == torn {
                    line.truncate(kept.min(line.len() - 2));
                }
                bytes.extend(line);
            }
            let mut rest = entries();
            rest.remove(torn);
            prop_assert_eq!(Record::read(&bytes), replayed(&rest));
        }
    }
}

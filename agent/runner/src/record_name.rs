//! The names of records and of the logs beside them: they say whose a record is. Pure.

use std::path::{Path, PathBuf};

use shared_supervise::ProcessId;

use crate::records::has_extension;

/// Where the log of the job with this record waits; none if that is no record.
pub(crate) fn spool(record: &Path) -> Option<PathBuf> {
    let Name { job, random, .. } = Name::parse(record).filter(|_| has_extension(record, "json"))?;
    Some(record.with_file_name(format!("{job}.{random}.log")))
}

/// What the name of a record's file says.
pub(crate) struct Name<'a> {
    job: &'a str,
    pub(crate) owner: ProcessId,
    random: &'a str,
}

impl<'a> Name<'a> {
    pub(crate) fn parse(path: &'a Path) -> Option<Self> {
        let mut parts = path.file_name()?.to_str()?.split('.');
        let (job, owner, random) = (parts.next()?, parts.next()?, parts.next()?);
        let (pid, start) = owner.split_once('-')?;
        let owner = ProcessId {
            pid: pid.parse().ok()?,
            start: start.parse().ok()?,
        };
        Some(Self { job, owner, random })
    }

    pub(crate) fn with_owner(&self, owner: ProcessId) -> String {
        format!("{}{}.json", prefix(self.job, owner), self.random)
    }
}

/// What comes before the random part of a name.
pub(crate) fn prefix(job: &str, owner: ProcessId) -> String {
    format!("{job}.{}-{}.", owner.pid, owner.start)
}

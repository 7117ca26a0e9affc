//! Logs that wait on disk, and whose records are gone: nobody will deliver them. That comes of a
//! record that could not be read, or of an endpoint that nobody could make sense of.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::record_name::spool;
use crate::records::{has_extension, list, remove};

/// A log without a record that nobody has written to for so long is nobody's.
const ORPHANED_AFTER: Duration = Duration::from_hours(24);

/// Removes logs that nobody will deliver: their records are gone. A record is there before its log
/// is, so one that is missing after the log was seen is gone for good, except while another agent
/// renames it; that an old log only is removed keeps out of its way.
pub(crate) fn sweep(folder: &Path, found: &[PathBuf]) {
    let logs: Vec<&PathBuf> = found
        .iter()
        .filter(|path| has_extension(path, "log") && is_old(path))
        .collect();
    if logs.is_empty() {
        return;
    }
    let owned: Vec<_> = list(folder).iter().filter_map(|path| spool(path)).collect();
    for log in logs.into_iter().filter(|&log| !owned.contains(log)) {
        tracing::warn!("removing a log without a record: {}", log.display());
        remove(log);
    }
}

/// Whether nobody has written to it for a day. A clock that is wrong delays or hastens what is of no
/// use in any case.
fn is_old(path: &Path) -> bool {
    let modified = fs::metadata(path).and_then(|file| file.modified());
    modified.is_ok_and(|then| then.elapsed().is_ok_and(|age| age > ORPHANED_AFTER))
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use shared_client::{Client, Endpoint, Transport};
    use shared_protocol::{JobId, Secret};
    use shared_supervise::ProcessId;

    use super::*;
    use crate::records::Records;

    #[test]
    fn an_old_log_goes_when_its_record_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::new(Some(folder.path().to_owned()), ProcessId::own().unwrap());
        let endpoint = Endpoint::parse("http://e/v3").unwrap();
        let client = Client::new(Transport::new("0").unwrap(), endpoint, Secret::new("t"));
        let kept = records.create(&JobId::new("j"), &client, Vec::new());
        let owned = kept.log_spool().unwrap();
        let (young, old) = (folder.path().join("a.x.log"), folder.path().join("b.x.log"));
        for (path, hours) in [(&owned, 25), (&young, 23), (&old, 25)] {
            let file = File::create(path).unwrap();
            let now = file.metadata().unwrap().modified().unwrap();
            file.set_modified(now - Duration::from_hours(hours))
                .unwrap();
        }
        assert!(records.take_orphans().is_empty());
        assert_eq!(
            (owned.exists(), young.exists(), old.exists()),
            (true, true, false)
        );
    }
}

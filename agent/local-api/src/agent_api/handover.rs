//! Locks on their way from a leader that ends to its successor, such as the next release of the
//! agent: jobs that run under the successor go on holding what they hold.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::follow::Place;
use super::locks::Table;

const FILE: &str = "agent-locks.json";
/// A successor that comes later than that comes to a host on which nothing ran meanwhile; whoever
/// had locks is gone.
const FRESH: SignedDuration = SignedDuration::from_secs(10);

#[derive(Serialize)]
struct Left<'a> {
    at: Timestamp,
    locks: &'a Table,
}

#[derive(Deserialize)]
struct Found {
    at: Timestamp,
    locks: Table,
}

/// Leaves the locks to whoever leads next. Only the leader may, while it has its turn.
pub(super) fn leave(place: &Place, locks: &Table, now: Timestamp) {
    // Locks that cannot be left are lost, as those of an agent that dies.
    let _ = write(place, locks, now);
}

fn write(place: &Place, locks: &Table, now: Timestamp) -> io::Result<()> {
    let path = place.file(FILE);
    let _ = fs::remove_file(&path);
    if locks.is_empty() {
        return Ok(());
    }
    let text = serde_json::to_vec(&Left { at: now, locks })?;
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(&text)
}

/// Takes what the last leader left, once, and only if that was just now.
pub(super) fn take(place: &Place, now: Timestamp) -> Option<Table> {
    let path = place.file(FILE);
    let text = fs::read(&path).ok()?;
    fs::remove_file(&path).ok()?;
    let found: Found = serde_json::from_slice(&text).ok()?;
    let age = now.duration_since(found.at);
    (age >= SignedDuration::ZERO && age < FRESH).then_some(found.locks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_are_left_for_a_moment_and_taken_once() {
        let folder = tempfile::tempdir().expect("folder");
        let place = Place::new(folder.path(), "agent-1".into());
        let mut locks = Table::default();
        locks.swap("k", "", "held").expect("room");
        let left = Timestamp::UNIX_EPOCH;
        for (age, taken) in [(0, true), (9, true), (10, false), (-1, false)] {
            leave(&place, &locks, left);
            let now = left + SignedDuration::from_secs(age);
            let found = take(&place, now);
            assert_eq!(found.is_some(), taken, "after {age} s");
            assert!(found.is_none_or(|found| found == locks));
            assert_eq!(take(&place, now), None);
        }
    }

    #[test]
    fn what_makes_no_sense_is_removed_and_nothing_is_left_of_no_locks() {
        let folder = tempfile::tempdir().expect("folder");
        let place = Place::new(folder.path(), "agent-1".into());
        fs::write(place.file(FILE), "{\"at\":7").expect("file");
        assert_eq!(take(&place, Timestamp::UNIX_EPOCH), None);
        leave(&place, &Table::default(), Timestamp::UNIX_EPOCH);
        assert!(!place.file(FILE).exists());
    }
}

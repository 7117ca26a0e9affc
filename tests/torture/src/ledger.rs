//! What the jobs wrote down: one line at the start of each, one at its end.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What became of the jobs of one host.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    /// Starts and ends, by id.
    jobs: BTreeMap<String, (u32, u32)>,
}

impl Ledger {
    /// Reads the ledger; one that is not there is empty.
    pub(crate) fn read(path: &Path) -> Self {
        Self::parse(&fs::read_to_string(path).unwrap_or_default())
    }

    fn parse(text: &str) -> Self {
        let mut ledger = Self::default();
        for line in text.lines() {
            let (word, id) = line.split_once(' ').unwrap_or_default();
            let (starts, ends) = ledger.jobs.entry(id.to_owned()).or_default();
            match word {
                "start" => *starts += 1,
                "end" => *ends += 1,
                _ => {}
            }
        }
        ledger
    }

    /// Whether everything that started has ended.
    pub(crate) fn is_quiet(&self) -> bool {
        self.jobs.values().all(|(starts, ends)| starts == ends)
    }

    /// Jobs that ran to their end.
    pub(crate) fn done(&self) -> u64 {
        self.jobs.values().filter(|(_, ends)| *ends > 0).count() as u64
    }

    /// Jobs that were started more than once.
    pub(crate) fn twice(&self) -> u64 {
        self.jobs.values().filter(|(starts, _)| *starts > 1).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_and_doubled_jobs_are_seen() {
        let ledger = Ledger::parse("start 1\nstart 2\nend 1\nstart 1\nend 1\nnonsense\n");
        assert_eq!((ledger.done(), ledger.twice()), (1, 1));
        assert!(!ledger.is_quiet());
        assert!(Ledger::default().is_quiet());
    }
}

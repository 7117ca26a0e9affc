//! Files that came wrong, and when they may be fetched again. Pure.
//!
//! A server that has the wrong bytes under a digest will have them again in a minute. The manifest
//! is asked for as usual meanwhile, so another release is taken as soon as there is one.

use std::collections::BTreeMap;
use std::time::Duration;

use shared_slots::Digest;

/// The longest rest between two fetches of one file.
const LONGEST_REST: Duration = Duration::from_hours(6);

/// What came wrong since the last manifest.
#[derive(Debug, Default)]
pub(crate) struct Spoiled(BTreeMap<Digest, Rest>);

#[derive(Debug)]
struct Rest {
    failures: u32,
    until: Duration,
}

impl Spoiled {
    /// A file came wrong: it rests for one time between two checks, then for twice as long each
    /// time. Returns how long.
    pub(crate) fn note(&mut self, digest: Digest, now: Duration, poll: Duration) -> Duration {
        let rest = self.0.entry(digest).or_insert(Rest {
            failures: 0,
            until: now,
        });
        let wait = poll
            .saturating_mul(1 << rest.failures.min(16))
            .min(LONGEST_REST.max(poll));
        rest.failures += 1;
        rest.until = now + wait;
        wait
    }

    /// The files that rest now.
    pub(crate) fn resting(&self, now: Duration) -> Vec<Digest> {
        let rests = self.0.iter().filter(|(_, rest)| now < rest.until);
        rests.map(|(digest, _)| *digest).collect()
    }

    /// Another manifest came: whoever signed it may have mended the files, too.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLL: Duration = Duration::from_mins(5);

    fn digest(n: u8) -> Digest {
        Digest::from_bytes([n; 32])
    }

    #[test]
    fn a_bad_file_is_fetched_a_few_times_an_hour_at_most() {
        let mut spoiled = Spoiled::default();
        let mut fetches = Vec::new();
        for minute in 0..600 {
            let now = Duration::from_mins(minute);
            if spoiled.resting(now).is_empty() {
                spoiled.note(digest(1), now, POLL);
                fetches.push(minute);
            }
        }
        assert_eq!(fetches, [0, 5, 15, 35, 75, 155, 315]);
    }

    #[test]
    fn files_rest_apart_and_another_manifest_wakes_them() {
        let mut spoiled = Spoiled::default();
        spoiled.note(digest(1), Duration::ZERO, POLL);
        spoiled.note(digest(2), POLL, POLL);
        assert_eq!(spoiled.resting(Duration::ZERO), [digest(1), digest(2)]);
        assert_eq!(spoiled.resting(POLL), [digest(2)]);
        spoiled.clear();
        assert_eq!(spoiled.resting(POLL), []);
    }
}

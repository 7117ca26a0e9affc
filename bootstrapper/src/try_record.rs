//! The record of a try that has begun: `launcher.try` in the state folder.
//!
//! A power cut ends a try and says nothing about the version. So before a trial starts it is
//! written down in which boot it does; who finds an open record of *another* boot gives the try
//! back. Only so often, because the version itself may be what brings the host down. The record
//! can be lost without harm: then nothing is given back.

use std::path::PathBuf;

use shared_handover::layout::StateDir;
use shared_slots::{Digest, Fs as _, OsFs, Records};

/// How often a try is given back to one version, so it is over after twice as many boots as it has
/// tries, whatever it does to the host.
const GIVEN_BACK_MOST: u8 = 3;

/// Tries that a trial has at most.
pub(crate) const TRIES_MOST: u8 = 3;

/// Longest record that is read, in bytes.
const MOST_BYTES: u64 = 256;

/// A try that has begun and not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenTry {
    pub(crate) digest: Digest,
    /// The boot in which it began.
    pub(crate) boot: [u8; 16],
    /// How many tries this version was given back so far.
    pub(crate) given_back: u8,
}

impl OpenTry {
    /// The record of the next try of `digest` in `boot`, and whether the try that `found` tells of
    /// is to be given back.
    pub(crate) fn next(found: Option<Self>, digest: Digest, boot: [u8; 16]) -> (Self, bool) {
        let same = found.filter(|found| found.digest == digest);
        let given_back = same.map_or(0, |same| same.given_back);
        let unknown = [0; 16];
        let cut_off = same.is_some_and(|same| same.boot != boot && same.boot != unknown);
        let gives = cut_off && boot != unknown && given_back < GIVEN_BACK_MOST;
        let next = Self {
            digest,
            boot,
            given_back: given_back + u8::from(gives),
        };
        (next, gives)
    }

    /// The record after the try has ended: nothing is open any more, but what was given back still
    /// counts. And whether the try is to be given back: not more often than it may be.
    const fn closed(self, blameless: bool) -> (Self, bool) {
        let gives = blameless && self.given_back < GIVEN_BACK_MOST;
        let closed = Self {
            boot: [0; 16],
            given_back: self.given_back + gives as u8,
            ..self
        };
        (closed, gives)
    }

    /// One line of text.
    fn encode(self) -> String {
        let boot = u128::from_be_bytes(self.boot);
        format!("{} {boot} {}\n", self.digest, self.given_back)
    }

    /// `None` for what makes no sense.
    fn decode(text: &str) -> Option<Self> {
        let mut fields = text.strip_suffix('\n')?.split(' ');
        let digest = fields.next()?.parse().ok()?;
        let boot: u128 = fields.next()?.parse().ok()?;
        let given_back = fields.next()?.parse().ok()?;
        fields.next().is_none().then_some(Self {
            digest,
            boot: boot.to_be_bytes(),
            given_back,
        })
    }
}

/// Where the record lies.
pub(crate) struct TryRecord {
    path: PathBuf,
    records: Records,
}

impl TryRecord {
    pub(crate) fn new(state: &StateDir) -> Self {
        Self {
            path: state.launcher_try(),
            records: Records::new(state.root(), state.quarantine()),
        }
    }

    pub(crate) fn read(&self) -> Option<OpenTry> {
        let bytes = OsFs.read("try.read", &self.path, MOST_BYTES).ok()?;
        OpenTry::decode(std::str::from_utf8(&bytes).ok()?)
    }

    /// A try of `digest` has ended, by something that says nothing about it or not; whether it is
    /// to be given back.
    pub(crate) fn close(&self, digest: Digest, blameless: bool) -> bool {
        let Some(open) = self.read().filter(|open| open.digest == digest) else {
            return false;
        };
        let (closed, gives) = open.closed(blameless);
        self.write(closed) && gives
    }

    /// Whether it is durable now.
    pub(crate) fn write(&self, open: OpenTry) -> bool {
        let text = open.encode();
        self.records.replace(&self.path, text.as_bytes()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(boot: u8, given_back: u8) -> OpenTry {
        OpenTry {
            digest: Digest::of(b"new"),
            boot: [boot; 16],
            given_back,
        }
    }

    #[test]
    fn only_a_cut_off_try_of_an_earlier_boot_is_given_back() {
        let other = OpenTry {
            digest: Digest::of(b"other"),
            ..open(1, 2)
        };
        for (found, boot, given_back, gives) in [
            (None, 2, 0, false),
            (Some(open(1, 0)), 2, 1, true),
            (Some(open(1, 2)), 2, 3, true),
            (Some(open(1, 3)), 2, 3, false),
            // The same boot: only its judge died.
            (Some(open(2, 1)), 2, 1, false),
            // It came to its end.
            (Some(open(1, 1).closed(false).0), 2, 1, false),
            // Where boots cannot be told apart, nothing is given back.
            (Some(open(1, 0)), 0, 0, false),
            (Some(other), 2, 0, false),
        ] {
            let next = OpenTry::next(found, Digest::of(b"new"), [boot; 16]);
            assert_eq!(next, (open(boot, given_back), gives), "{found:?} {boot}");
        }
    }

    #[test]
    fn a_try_that_proves_nothing_is_given_back_three_times_at_most() {
        for (given_back, blameless, left, gives) in [
            (0, true, 1, true),
            (2, true, 3, true),
            (3, true, 3, false),
            (0, false, 0, false),
        ] {
            let closed = open(1, given_back).closed(blameless);
            assert_eq!(closed, (open(0, left), gives));
        }
    }

    #[test]
    fn a_version_that_brings_the_host_down_is_over_after_six_boots() {
        let (mut found, mut tries, mut boots) = (None, TRIES_MOST, 0_u8);
        while tries > 0 {
            boots += 1;
            let (next, gives) = OpenTry::next(found, Digest::of(b"new"), [boots; 16]);
            tries = tries + u8::from(gives) - 1;
            found = Some(next);
        }
        assert_eq!(boots, TRIES_MOST + GIVEN_BACK_MOST);
    }

    #[test]
    fn a_record_survives_its_own_text_and_garbage_is_none() {
        let record = open(200, 3);
        assert_eq!(OpenTry::decode(&record.encode()), Some(record));
        let text = record.encode();
        for garbage in [
            "",
            "\n",
            "x 1 2\n",
            &text[..text.len() - 1],
            &text.replace('\n', " 4\n"),
        ] {
            assert_eq!(OpenTry::decode(garbage), None, "{garbage:?}");
        }
    }
}

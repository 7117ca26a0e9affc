//! Whether a machine may register workers, and what to call it. Pure.
//!
//! ```text
//!            asks          a person, or a key          a person
//! unknown ─────────▶ pending ───────────▶ approved ◀────────────▶ disabled
//!    ▲   silent, refused │                                           │ removed
//!    └───────────────────┴───────────────────────────────────────────┘
//! ```
//!
//! A machine is known by an identity that it keeps in a file, and files get copied. So each run of a
//! machine has a name of its own, its `boot`, and one identity serves one boot at a time: another
//! one waits until the first is silent, and is told that it is a copy when the first is not.

use std::time::Duration;

use crate::Moment;
use crate::worker::Standing;

/// How long the boot that holds an identity may be silent before it counts as gone while another one
/// waits. Longer than the gap between two heartbeats of a busy worker and the time it takes until
/// they are written down.
pub const RIVALRY: Duration = Duration::from_secs(45);

/// What people decided about a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Admission {
    /// Nothing yet.
    Pending,
    /// Its workers may register and get jobs.
    Approved,
    /// Its workers get no more jobs, and no new ones register.
    Disabled,
}

impl Admission {
    const ALL: [Self; 3] = [Self::Pending, Self::Approved, Self::Disabled];

    /// The spelling in the database and in the REST API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Disabled => "disabled",
        }
    }

    /// Reads what [`Admission::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }
}

/// What is known of a machine that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// What people decided.
    pub admission: Admission,
    /// The boot that holds the identity.
    pub boot: String,
    /// When that one was last heard of, by a worker or by asking; none when its workers have all
    /// said goodbye.
    pub heard: Option<Moment>,
    /// Another boot that wants it, and since when.
    pub rival: Option<(String, Moment)>,
}

/// What becomes of a request to be let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reception {
    /// Let in, or still in.
    Admit,
    /// A person has to decide.
    Pend,
    /// Come again: the identity may be free in a moment. The asking boot is the rival now.
    WaitForOther,
    /// The identity is another machine's.
    Copy,
    /// A person has shut it out.
    ShutOut,
}

/// Receives a machine that is known and has shown its secret. `has_key` is true when it has brought
/// a key that is valid.
pub fn receive(known: &Known, boot: &str, has_key: bool, now: Moment) -> Reception {
    if boot != known.boot
        && let Some(heard) = known.heard
    {
        let rival = known.rival.as_ref().filter(|(rival, _)| rival == boot);
        match rival {
            Some((_, since)) if heard > *since => return Reception::Copy,
            _ if now.since(heard) < RIVALRY => return Reception::WaitForOther,
            _ => {}
        }
    }
    match known.admission {
        Admission::Disabled => Reception::ShutOut,
        Admission::Approved => Reception::Admit,
        Admission::Pending if has_key => Reception::Admit,
        Admission::Pending => Reception::Pend,
    }
}

/// What a machine is doing, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HostStanding {
    /// Waits for a decision.
    Pending,
    /// Shut out.
    Disabled,
    /// Has no worker that was ever heard of.
    Missing,
    /// All its workers are silent.
    LostContact,
    /// A worker has a job that is being stopped.
    Cancelled,
    /// A worker prepares a job that it has accepted.
    Preparing,
    /// A worker runs a job.
    Building,
    /// Workers are there, without jobs.
    Idle,
}

/// What one worker of a machine is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// The worker.
    pub worker: Standing,
    /// Whether its job is being stopped.
    pub stopping: bool,
    /// Whether its job has begun to run.
    pub running: bool,
}

impl HostStanding {
    /// Puts a decision and the workers together.
    pub fn of(admission: Admission, workers: &[Work]) -> Self {
        let any = |test: fn(&Work) -> bool| workers.iter().any(test);
        match admission {
            Admission::Pending => Self::Pending,
            Admission::Disabled => Self::Disabled,
            Admission::Approved if any(|work| work.worker == Standing::Busy && work.stopping) => {
                Self::Cancelled
            }
            Admission::Approved if any(|work| work.worker == Standing::Busy && work.running) => {
                Self::Building
            }
            Admission::Approved if any(|work| work.worker == Standing::Busy) => Self::Preparing,
            Admission::Approved
                if any(|work| {
                    matches!(
                        work.worker,
                        Standing::Idle | Standing::Paused | Standing::Registered
                    )
                }) =>
            {
                Self::Idle
            }
            Admission::Approved if any(|work| work.worker == Standing::Lost) => Self::LostContact,
            Admission::Approved => Self::Missing,
        }
    }

    /// The word for people and the REST API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Disabled => "disabled",
            Self::Missing => "missing",
            Self::LostContact => "lost contact",
            Self::Cancelled => "cancelled",
            Self::Preparing => "preparing",
            Self::Building => "building",
            Self::Idle => "idle",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment::from_millis(1_000_000_000);

    fn ago(seconds: u64) -> Moment {
        NOW.minus(Duration::from_secs(seconds))
    }

    fn known(admission: Admission, heard: Option<u64>, rival: Option<(&str, u64)>) -> Known {
        Known {
            admission,
            boot: "first".into(),
            heard: heard.map(ago),
            rival: rival.map(|(boot, seconds)| (boot.to_owned(), ago(seconds))),
        }
    }

    #[test]
    fn a_decision_counts_for_the_boot_that_holds_the_identity() {
        for (admission, has_key, expected) in [
            (Admission::Pending, false, Reception::Pend),
            (Admission::Pending, true, Reception::Admit),
            (Admission::Approved, false, Reception::Admit),
            (Admission::Disabled, true, Reception::ShutOut),
        ] {
            let known = known(admission, Some(1), None);
            assert_eq!(
                receive(&known, "first", has_key, NOW),
                expected,
                "{known:?}"
            );
        }
    }

    #[test]
    fn another_boot_waits_until_the_first_is_silent_and_is_a_copy_when_it_is_not() {
        for (heard, rival, expected) in [
            // Rebooted after a goodbye, or long ago.
            (None, None, Reception::Admit),
            (Some(45), None, Reception::Admit),
            // Perhaps rebooted a moment ago.
            (Some(2), None, Reception::WaitForOther),
            (Some(30), Some(("second", 20)), Reception::WaitForOther),
            // Somebody else was the rival before.
            (Some(10), Some(("third", 20)), Reception::WaitForOther),
            // Both are alive.
            (Some(10), Some(("second", 20)), Reception::Copy),
            // The first has been silent since before the second came.
            (Some(50), Some(("second", 44)), Reception::Admit),
        ] {
            let known = known(Admission::Approved, heard, rival);
            assert_eq!(receive(&known, "second", false, NOW), expected, "{known:?}");
        }
    }

    #[test]
    fn a_machine_is_called_after_its_busiest_worker() {
        let work = |worker, running, stopping| Work {
            worker,
            stopping,
            running,
        };
        let (idle, lost) = (
            work(Standing::Idle, false, false),
            work(Standing::Lost, false, false),
        );
        let gone = work(Standing::Disconnected, false, false);
        for (workers, expected) in [
            (vec![], "missing"),
            (vec![gone], "missing"),
            (vec![gone, lost], "lost contact"),
            (vec![lost, idle], "idle"),
            (vec![idle, work(Standing::Busy, false, false)], "preparing"),
            (vec![idle, work(Standing::Busy, true, false)], "building"),
            (
                vec![
                    work(Standing::Busy, true, false),
                    work(Standing::Busy, true, true),
                ],
                "cancelled",
            ),
        ] {
            let standing = HostStanding::of(Admission::Approved, &workers);
            assert_eq!(standing.as_str(), expected, "{workers:?}");
        }
        assert_eq!(
            HostStanding::of(Admission::Pending, &[idle]),
            HostStanding::Pending
        );
        assert_eq!(
            HostStanding::of(Admission::Disabled, &[idle]),
            HostStanding::Disabled
        );
    }

    #[test]
    fn a_decision_is_read_as_it_was_written() {
        for admission in Admission::ALL {
            assert_eq!(Admission::parse(admission.as_str()), Some(admission));
        }
        assert_eq!(Admission::parse("maybe"), None);
    }
}

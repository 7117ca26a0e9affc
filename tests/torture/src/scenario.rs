//! What a host goes through while a fault strikes it. Each scenario ends with the newest release
//! installed, jobs running, and a clean stop.

use shared_handover::layout::Component;

use crate::release::Manner;

/// What a host has before the first step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// An empty folder and the factory launcher.
    Nothing,
    /// Release 1, committed; stopped cleanly.
    Release1,
    /// Releases 1 and 2, committed one after the other.
    Release2,
    /// Release 1 with the real agent, committed.
    Real1,
    /// An empty folder, and the factory launcher embedded in the bootstrapper.
    Embedded,
    /// An empty folder, and the factory launcher beside the bootstrapper.
    Beside,
}

/// One step. Waiting steps have a limit.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// Publishes a launcher and an agent, by sequence number.
    Publish(Version, Version),
    /// The same, with the permission to go back to them.
    PublishBack(Version, Version),
    /// Until the last good versions that were published are committed and at work.
    Converge,
    /// Until the last version of this component that was published is rejected.
    Rejected(Component),
    /// Until a version of this component is on trial.
    OnTrial(Component),
    /// Lays them into the host's drop folder instead.
    Deliver(Version, Version),
    /// Asks the launcher how it is, over its control socket.
    Ask,
    /// Until a job runs.
    JobRuns,
    /// Kills the launcher and stops the host at once; starts it again.
    StopAlone,
    /// Kills the `bootstrapper`, the `launcher` or the `agent`.
    Kill(&'static str),
    /// Stops the host, changes something on its disk, and starts it again.
    Restart(Damage),
    /// Breaks off the next download in the middle.
    CutNext,
}

/// A version: its number and how it behaves.
pub(crate) type Version = (u64, Manner);

/// What is changed on the disk of a stopped host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
    /// Nothing.
    None,
    /// A byte of the committed version.
    Committed(Component),
    /// The newer page of a slot.
    OnePage(Component),
    /// Both pages of a slot.
    BothPages(Component),
    /// What the launcher knows of the releases so far.
    Knowledge,
    /// A record of a job that cannot be read.
    JobRecord,
    /// An unfinished folder and a forgotten download.
    Leftovers,
}

/// A scenario.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) before: Before,
    pub(crate) steps: &'static [Step],
}

const fn good(seq: u64) -> Version {
    (seq, Manner::Good)
}

/// The same, and of an agent the real one.
const fn real(seq: u64) -> Version {
    (seq, Manner::Real)
}

use Before::{Beside, Embedded, Nothing, Real1, Release1, Release2};
use Component::{Agent, Launcher};
use Step::{
    Ask, Converge, CutNext, Deliver, JobRuns, Kill, OnTrial, Publish, PublishBack, Rejected,
    Restart, StopAlone,
};

const fn scenario(name: &'static str, before: Before, steps: &'static [Step]) -> Scenario {
    Scenario {
        name,
        before,
        steps,
    }
}

/// All of them, the most telling first.
pub(crate) const ALL: &[Scenario] = &[
    scenario("both", Release1, &[Publish(good(2), good(2)), Converge]),
    scenario("agent", Release1, &[Publish(good(1), good(2)), Converge]),
    scenario("launcher", Release1, &[Publish(good(2), good(1)), Converge]),
    scenario("factory", Nothing, &[Publish(good(1), good(1)), Converge]),
    scenario(
        "factory-old",
        Nothing,
        &[Publish(good(2), good(2)), Converge],
    ),
    scenario("sweep", Release2, &[Publish(good(3), good(3)), Converge]),
    scenario(
        "bad-agent",
        Release1,
        &[
            Publish(good(1), (2, Manner::Ends)),
            Rejected(Agent),
            Publish(good(1), good(3)),
            Converge,
        ],
    ),
    scenario(
        "silent-agent",
        Release1,
        &[
            Publish(good(1), (2, Manner::Silent)),
            Rejected(Agent),
            Publish(good(1), good(3)),
            Converge,
        ],
    ),
    scenario(
        "unfit-agent",
        Release1,
        &[
            Publish(good(1), (2, Manner::Unfit)),
            Rejected(Agent),
            Publish(good(1), good(3)),
            Converge,
        ],
    ),
    scenario(
        "bad-launcher",
        Release1,
        &[
            Publish((2, Manner::Ends), good(1)),
            Rejected(Launcher),
            Publish(good(3), good(1)),
            Converge,
        ],
    ),
    scenario(
        "silent-launcher",
        Release1,
        &[
            Publish((2, Manner::Silent), good(1)),
            Rejected(Launcher),
            Publish(good(3), good(1)),
            Converge,
        ],
    ),
    scenario(
        "downgrade",
        Release2,
        &[PublishBack(good(1), good(1)), Converge],
    ),
    scenario(
        "adoption",
        Release1,
        &[
            Kill("launcher"),
            Publish(good(1), good(2)),
            Converge,
            Kill("bootstrapper"),
            Converge,
        ],
    ),
    scenario(
        "killed-on-trial",
        Release1,
        &[
            Publish(good(1), good(2)),
            OnTrial(Agent),
            Kill("launcher"),
            Converge,
        ],
    ),
    scenario(
        "stopped-on-trial",
        Release1,
        &[
            Publish(good(1), good(2)),
            OnTrial(Agent),
            Restart(Damage::None),
            Converge,
        ],
    ),
    scenario("killed-agent", Release1, &[Kill("agent"), Converge]),
    scenario(
        "damaged-agent",
        Release2,
        &[Restart(Damage::Committed(Agent)), Converge],
    ),
    scenario(
        "damaged-launcher",
        Release2,
        &[Restart(Damage::Committed(Launcher)), Converge],
    ),
    scenario(
        "torn-pages",
        Release2,
        &[
            Restart(Damage::OnePage(Agent)),
            Converge,
            Restart(Damage::OnePage(Launcher)),
            Converge,
        ],
    ),
    scenario(
        "lost-agent-pages",
        Release2,
        &[Restart(Damage::BothPages(Agent)), Converge],
    ),
    scenario(
        "lost-launcher-pages",
        Release2,
        &[Restart(Damage::BothPages(Launcher)), Converge],
    ),
    scenario(
        "lost-knowledge",
        Release1,
        &[
            Restart(Damage::Knowledge),
            Publish(good(1), good(2)),
            Converge,
        ],
    ),
    scenario(
        "leftovers",
        Release1,
        &[
            Restart(Damage::Leftovers),
            Publish(good(1), good(2)),
            Converge,
        ],
    ),
    scenario(
        "cut-download",
        Release1,
        &[CutNext, Publish(good(2), good(1)), Converge],
    ),
    scenario("embedded", Embedded, &[Publish(good(1), good(1)), Converge]),
    scenario("beside", Beside, &[Publish(good(1), good(1)), Converge]),
    scenario("drop", Release1, &[Deliver(good(2), good(2)), Converge]),
    scenario("plugins", Release1, &[Publish(good(1), good(4)), Converge]),
    scenario("delta", Release1, &[Publish(good(1), good(5)), Converge]),
    scenario("asked", Release1, &[Converge, Ask, Converge]),
    scenario("stop-alone", Release1, &[Converge, StopAlone, Converge]),
    scenario("real-agent", Real1, &[Publish(good(1), real(2)), Converge]),
    scenario(
        "real-agent-killed",
        Real1,
        &[Converge, JobRuns, Kill("agent"), Converge],
    ),
    scenario(
        "real-agent-record",
        Real1,
        &[Restart(Damage::JobRecord), Converge],
    ),
];

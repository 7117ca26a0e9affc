//! Looking at the agent while it works: memory, descriptors, zombies, processor time.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::Build;
use crate::bench::proc::{Snapshot, children};
use crate::chain::Api;

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// Looks before a build is given up: five minutes.
const MOST_LOOKS: u32 = 3000;

/// Growth from the first third of the looks to the last that is no leak: buffers that the first
/// jobs make, and more jobs under way by chance. A short run of a hundred jobs sees a leak of 60 KiB
/// a job, one of two thousand a leak of 3 KiB.
const MEMORY_SLACK_KIB: u64 = 4096;

/// The same for descriptors, for each worker: its job's terminal or connection may be there in the
/// last third only. One that stays for each job is more than that after a few jobs of each worker.
const DESCRIPTOR_SLACK: u64 = 3;

/// What was seen so far.
pub(super) struct Watch {
    agent: u32,
    workers: u64,
    memory: Vec<u64>,
    descriptors: Vec<u64>,
}

impl Watch {
    /// Watches an agent with so many workers.
    pub(super) fn new(agent: u32, workers: usize) -> Self {
        Self {
            agent,
            workers: workers as u64,
            memory: Vec::new(),
            descriptors: Vec::new(),
        }
    }

    /// Looks at the agent until all jobs of a build have ended.
    pub(super) async fn until_ended(&mut self, api: &Api, build: &Build) -> Result<()> {
        for _ in 0..MOST_LOOKS {
            self.look()?;
            let jobs = api.jobs(&build.pipeline, build.number).await?;
            if jobs.iter().all(|job| !job["finished_at"].is_null()) {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        bail!("the build of {} did not end", build.pipeline)
    }

    fn look(&mut self) -> Result<()> {
        self.memory.push(Snapshot::of(self.agent)?.rss);
        let folder = format!("/proc/{}/fd", self.agent);
        let open = std::fs::read_dir(&folder).with_context(|| format!("list {folder}"))?;
        self.descriptors.push(open.count() as u64);
        Ok(())
    }

    /// The agent has not grown, and has buried its children.
    pub(super) fn verdict(&self) -> Result<()> {
        let (early, late) = thirds(&self.memory);
        ensure!(
            late <= early + MEMORY_SLACK_KIB,
            "the agent grew from {early} to {late} KiB"
        );
        let (early, late) = thirds(&self.descriptors);
        ensure!(
            late <= early + self.workers * DESCRIPTOR_SLACK,
            "the agent went from {early} to {late} descriptors"
        );
        let left = children(self.agent);
        ensure!(
            left.is_empty(),
            "children are left, or not buried: {left:?}"
        );
        Ok(())
    }
}

impl fmt::Display for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = thirds(&self.memory);
        let descriptors = thirds(&self.descriptors);
        write!(
            f,
            "agent, first and last third: {} and {} KiB resident, {} and {} descriptors",
            memory.0, memory.1, descriptors.0, descriptors.1
        )
    }
}

/// Averages of the first and the last third.
fn thirds(all: &[u64]) -> (u64, u64) {
    let third = all.len().div_ceil(3).max(1);
    let average = |part: &[u64]| part.iter().sum::<u64>() / (part.len() as u64).max(1);
    let last = all.len().saturating_sub(third);
    (average(&all[..third.min(all.len())]), average(&all[last..]))
}

/// Processor time in clock ticks.
#[derive(Clone, Copy)]
pub(super) struct Times {
    /// Of the process itself.
    pub(super) own: u64,
    /// Of its children that ended, with theirs.
    pub(super) children: u64,
}

impl Times {
    /// Reads `/proc/<pid>/stat`; see `proc_pid_stat(5)`.
    pub(super) fn of(pid: u32) -> Result<Self> {
        let path = format!("/proc/{pid}/stat");
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
        let fields: Vec<u64> = text
            .rsplit(") ")
            .next()
            .unwrap_or_default()
            .split(' ')
            .skip(11)
            .map_while(|field| field.parse().ok())
            .collect();
        match fields[..] {
            [user, system, children_user, children_system, ..] => Ok(Self {
                own: user + system,
                children: children_user + children_system,
            }),
            _ => bail!("{path} has no times"),
        }
    }

    /// Ticks in milliseconds; Linux shows a hundred of them a second to everybody.
    pub(super) fn milliseconds(ticks: u64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a run is no thousand years")]
        let ticks = ticks as f64;
        ticks * 10.0
    }
}

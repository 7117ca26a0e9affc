//! Looking at agent and server while they work: memory, descriptors, zombies, processor time.

use std::fmt;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::bed::{Bed, ENDED};
use crate::bench::proc::{Snapshot, children};

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// Looks without a job that ends before the run is given up: five minutes.
const MOST_LOOKS: u32 = 3000;

/// Growth from the second third of the jobs to the last that is no leak: more jobs under way by
/// chance. Buffers and caches are made in the first third. A short run of a hundred jobs sees a leak of
/// 125 KiB a job, one of two thousand a leak of 6 KiB.
const MEMORY_SLACK_KIB: u64 = 4096;

/// The same for the server, whose five connections to its database fill a cache of 2 MiB each.
const SERVER_SLACK_KIB: u64 = 16384;

/// The same for descriptors, for each worker: its job's terminal or connection may be there in the
/// last third only. One that stays for each job is more than that after a few jobs of each worker.
const DESCRIPTOR_SLACK: u64 = 3;

/// What was seen so far.
pub(super) struct Watch {
    agent: Process,
    server: Process,
    workers: u64,
    jobs: usize,
    ends: Ends,
}

impl Watch {
    /// Watches the agent with so many workers, until it has ended so many jobs, and its server.
    pub(super) fn new(bed: &Bed, workers: usize, jobs: usize) -> Self {
        Self {
            agent: Process::new("agent", bed.agent()),
            server: Process::new("server", bed.server()),
            workers: workers as u64,
            jobs,
            ends: Ends {
                log: bed.agent_log(),
                read: 0,
                seen: 0,
            },
        }
    }

    /// Looks at both until all jobs have ended.
    pub(super) async fn until_ended(&mut self) -> Result<()> {
        let mut idle = 0;
        while idle < MOST_LOOKS {
            let before = self.ends.seen;
            let ended = self.ends.count()?;
            idle = if ended > before { 0 } else { idle + 1 };
            self.agent.look(ended)?;
            self.server.look(ended)?;
            if ended >= self.jobs {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        let (ended, jobs) = (self.ends.seen, self.jobs);
        bail!("only {ended} of {jobs} jobs ended")
    }

    /// Neither has grown, and the agent has buried its children.
    pub(super) fn verdict(&self) -> Result<()> {
        for (process, slack) in [
            (&self.agent, MEMORY_SLACK_KIB),
            (&self.server, SERVER_SLACK_KIB),
        ] {
            let name = process.name;
            let [_, early, late] = process.averages(self.jobs, |look| look.memory);
            ensure!(
                late <= early + slack,
                "the {name} grew from {early} to {late} KiB"
            );
            let [_, early, late] = process.averages(self.jobs, |look| look.descriptors);
            ensure!(
                late <= early + self.workers * DESCRIPTOR_SLACK,
                "the {name} went from {early} to {late} descriptors"
            );
        }
        let left = children(self.agent.id);
        ensure!(
            left.is_empty(),
            "children are left, or not buried: {left:?}"
        );
        Ok(())
    }
}

impl fmt::Display for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  by thirds of the jobs")?;
        for process in [&self.agent, &self.server] {
            let name = process.name;
            let [a, b, c] = process.averages(self.jobs, |look| look.memory);
            writeln!(f, "  {name:6} resident KiB    {a:8} {b:8} {c:8}")?;
            let [a, b, c] = process.averages(self.jobs, |look| look.descriptors);
            writeln!(f, "  {name:6} descriptors     {a:8} {b:8} {c:8}")?;
            let [a, b, c] = process.costs(self.jobs);
            writeln!(f, "  {name:6} CPU ms/job      {a:8.2} {b:8.2} {c:8.2}")?;
        }
        Ok(())
    }
}

/// How many jobs the agent has ended, as its log tells.
struct Ends {
    log: PathBuf,
    read: u64,
    seen: usize,
}

impl Ends {
    fn count(&mut self) -> Result<usize> {
        let mut file = std::fs::File::open(&self.log).context("open the agent's log")?;
        file.seek(SeekFrom::Start(self.read))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        // A line that is being written is read the next time.
        let whole = text.iter().rposition(|&byte| byte == b'\n');
        text.truncate(whole.map_or(0, |end| end + 1));
        self.read += text.len() as u64;
        let lines = String::from_utf8_lossy(&text);
        self.seen += lines.lines().filter(|line| line.contains(ENDED)).count();
        Ok(self.seen)
    }
}

/// One look at a process.
struct Look {
    /// Jobs that had ended.
    jobs: usize,
    /// Resident KiB.
    memory: u64,
    descriptors: u64,
    /// Processor time of its own, in ticks.
    ticks: u64,
}

/// A process and the looks at it.
struct Process {
    name: &'static str,
    id: u32,
    looks: Vec<Look>,
}

impl Process {
    fn new(name: &'static str, id: u32) -> Self {
        let looks = Vec::new();
        Self { name, id, looks }
    }

    fn look(&mut self, jobs: usize) -> Result<()> {
        let folder = format!("/proc/{}/fd", self.id);
        let open = std::fs::read_dir(&folder).with_context(|| format!("list {folder}"))?;
        self.looks.push(Look {
            jobs,
            memory: Snapshot::of(self.id)?.rss,
            descriptors: open.count() as u64,
            ticks: Times::of(self.id)?.own,
        });
        Ok(())
    }

    /// Averages of a figure over the looks of each third of the jobs.
    fn averages(&self, jobs: usize, figure: impl Fn(&Look) -> u64) -> [u64; 3] {
        [0, 1, 2].map(|third| {
            // Before the first end the workers have only registered.
            let (from, to) = ((jobs * third / 3).max(1), jobs * (third + 1) / 3);
            let inside = |look: &&Look| (from..=to).contains(&look.jobs);
            let figures: Vec<u64> = self.looks.iter().filter(inside).map(&figure).collect();
            figures.iter().sum::<u64>() / (figures.len() as u64).max(1)
        })
    }

    /// Processor time for a job of each third, in milliseconds.
    fn costs(&self, jobs: usize) -> [f64; 3] {
        let at = |count: usize| self.looks.iter().find(|look| look.jobs >= count);
        [0, 1, 2].map(|third| {
            let ends = (at(jobs * third / 3), at(jobs * (third + 1) / 3));
            let (Some(first), Some(last)) = ends else {
                return 0.0;
            };
            #[expect(clippy::cast_precision_loss, reason = "a count of jobs is small")]
            let jobs = (last.jobs - first.jobs).max(1) as f64;
            Times::milliseconds(last.ticks - first.ticks) / jobs
        })
    }
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

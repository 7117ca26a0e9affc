//! Runs of several programs, one after the other in turns, so that whatever else the machine does
//! meets all of them alike.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Programs run one after the other as one contender.
pub(super) type Work = Vec<Command>;

/// What is measured.
pub(super) struct Contender {
    name: String,
    /// The programs of one run.
    work: Work,
    /// Emptied before each run, outside of the measurement.
    scratch: Option<std::path::PathBuf>,
    times: Vec<Duration>,
}

impl Contender {
    /// A contender that runs these programs; their output is thrown away.
    pub(super) fn new(name: &str, work: impl IntoIterator<Item = Command>) -> Self {
        let mut work: Work = work.into_iter().collect();
        for command in &mut work {
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
        }
        Self {
            name: name.to_owned(),
            work,
            scratch: None,
            times: Vec::new(),
        }
    }

    /// Makes this folder empty before each run.
    pub(super) fn in_empty(mut self, folder: &Path) -> Self {
        self.scratch = Some(folder.to_owned());
        self
    }

    /// What it took: the time that half of the runs stayed below, and the shortest.
    pub(super) fn took(&self) -> Took {
        Took {
            median: self.times[self.times.len() / 2],
            best: self.times[0],
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
    fn run(&mut self) -> Result<()> {
        if let Some(folder) = &self.scratch {
            match std::fs::remove_dir_all(folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error.into());
                }
                _ => std::fs::create_dir_all(folder)?,
            }
        }
        let start = Instant::now();
        for command in &mut self.work {
            let status = command
                .status()
                .with_context(|| format!("run {command:?}"))?;
            if !status.success() {
                bail!("{}: {command:?} failed ({status})", self.name);
            }
        }
        self.times.push(start.elapsed());
        Ok(())
    }
}

/// A cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Took {
    median: Duration,
    best: Duration,
}

impl Took {
    /// What is left when this is taken away.
    pub(super) fn beyond(self, other: Self) -> Self {
        Self {
            median: self.median.saturating_sub(other.median),
            best: self.best.saturating_sub(other.best),
        }
    }

    /// The share of each of so many.
    pub(super) fn each_of(self, count: u32) -> Self {
        Self {
            median: self.median / count,
            best: self.best / count,
        }
    }
}

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, best] = [self.median, self.best].map(|time| time.as_micros());
        let places = |micros| (micros / 1000, micros % 1000 / 10);
        let ((median, part), (best, part_of_best)) = (places(median), places(best));
        write!(
            f,
            "median {median}.{part:02} ms, best {best}.{part_of_best:02} ms"
        )
    }
}

/// Runs all of them so many times, in turns, and prints a line for each.
pub(super) fn run<const N: usize>(
    rounds: usize,
    mut contenders: [Contender; N],
) -> Result<[Contender; N]> {
    // The first round warms the caches of the disk and does not count.
    for round in 0..=rounds {
        for contender in &mut contenders {
            contender.run()?;
            if round == 0 {
                contender.times.clear();
            }
        }
    }
    for contender in &mut contenders {
        contender.times.sort_unstable();
        println!("executor, {}: {}", contender.name, contender.took());
    }
    Ok(contenders)
}

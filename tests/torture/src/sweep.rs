//! Running cases beside each other, and adding up.

use std::fs;
use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::clock;
use crate::course;
use crate::host::{Dose, Rig};
use crate::plan::{Case, Passes, passes};
use crate::scenario::ALL;
use crate::templates::Templates;
use crate::verdict::{Failure, Survived};

/// Between two lines of progress where there is no terminal.
const TELL_EVERY: Duration = Duration::from_secs(30);

/// What came of all cases.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) run: usize,
    pub(crate) survived: usize,
    /// Cases whose fault came too late to strike.
    pub(crate) not_struck: usize,
    pub(crate) bricks: usize,
    pub(crate) jobs: u64,
    pub(crate) jobs_lost: u64,
    pub(crate) jobs_twice: u64,
    pub(crate) worst: Duration,
    /// Name of the case that took longest to converge.
    pub(crate) slowest: String,
    /// Case, what happened, and where its folder is.
    pub(crate) failures: Vec<(String, Failure, String)>,
}

impl Tally {
    fn add(&mut self, case: String, outcome: Result<Survived, Failure>, folder: String) {
        self.run += 1;
        match outcome {
            Ok(survived) => {
                self.survived += 1;
                self.not_struck += usize::from(!survived.struck);
                self.jobs += survived.jobs;
                if survived.converged > self.worst {
                    self.worst = survived.converged;
                    self.slowest = case;
                }
            }
            Err(failure) => {
                match &failure {
                    Failure::Brick(_) => self.bricks += 1,
                    Failure::JobsLost(n) => self.jobs_lost += n,
                    Failure::JobsTwice(n) => self.jobs_twice += n,
                    Failure::Stuck(_) | Failure::Leftover(_) | Failure::Rig(_) => {}
                }
                self.failures.push((case, failure, folder));
            }
        }
    }
}

/// The name of a case, by which it can be run again.
pub(crate) fn name(case: &Case) -> String {
    format!("{}:{}", ALL[case.scenario].name, case.fault)
}

/// Runs every scenario without a fault; which points each of them passes.
pub(crate) fn discover(
    rig: &Rig,
    templates: &Templates,
    jobs: usize,
) -> Result<Vec<Passes>, Vec<String>> {
    let found: Vec<Mutex<Result<Passes, String>>> =
        ALL.iter().map(|_| Mutex::new(Ok(Passes::new()))).collect();
    beside_each_other(ALL.len(), jobs, "scenarios without a fault", |index| {
        let (scenario, name) = (&ALL[index], format!("d{index}"));
        let outcome = course::run(rig, templates, scenario, Dose::Trace, &name);
        let folder = rig.folder.join(&name);
        let trace = fs::read_to_string(folder.join("trace")).unwrap_or_default();
        let result = match outcome {
            Ok(_) => {
                let _ = fs::remove_dir_all(&folder);
                Ok(passes(&trace))
            }
            Err(failure) => Err(format!(
                "{} without any fault: {failure} ({})",
                scenario.name,
                folder.display()
            )),
        };
        let failed = result.is_err();
        *found[index].lock().expect("no thread panics with the lock") = result;
        failed
    });
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for result in found {
        match result.into_inner().expect("no thread panics with the lock") {
            Ok(passes) => good.push(passes),
            Err(text) => bad.push(text),
        }
    }
    if bad.is_empty() { Ok(good) } else { Err(bad) }
}

/// Runs all cases.
pub(crate) fn run(rig: &Rig, templates: &Templates, cases: &[Case], jobs: usize) -> Tally {
    let tally = Mutex::new(Tally::default());
    beside_each_other(cases.len(), jobs, "cases", |index| {
        let case = &cases[index];
        let host = format!("c{index}");
        let dose = Dose::Fault(case.fault.clone());
        let outcome = course::run(rig, templates, &ALL[case.scenario], dose, &host);
        let folder = rig.folder.join(&host);
        let failed = outcome.is_err();
        if !failed {
            let _ = fs::remove_dir_all(&folder);
        }
        let mut tally = tally.lock().expect("no thread panics with the lock");
        tally.add(name(case), outcome, folder.display().to_string());
        failed
    });
    tally.into_inner().expect("no thread panics with the lock")
}

/// Does `count` things, `jobs` at a time, and says how far it is. Each says whether it failed.
fn beside_each_other(count: usize, jobs: usize, what: &str, work: impl Fn(usize) -> bool + Sync) {
    let (next, done, failed) = (
        AtomicUsize::new(0),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    let begun = clock::now();
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        break;
                    }
                    let bad = work(index);
                    failed.fetch_add(usize::from(bad), Ordering::Relaxed);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let (mut told, on_terminal) = (clock::now(), std::io::stderr().is_terminal());
        while done.load(Ordering::Relaxed) < count {
            clock::pause(Duration::from_millis(200));
            let (done, failed) = (done.load(Ordering::Relaxed), failed.load(Ordering::Relaxed));
            if on_terminal || told.elapsed() > TELL_EVERY {
                told = clock::now();
                let left = begun.elapsed().as_secs() * (count - done) as u64 / done.max(1) as u64;
                let (start, end) = if on_terminal {
                    ("\r\x1b[K", "")
                } else {
                    ("", "\n")
                };
                let _ = write!(
                    std::io::stderr(),
                    "{start}{what}: {done} of {count}, {failed} failed, about {left} s left{end}"
                );
            }
        }
        if on_terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    });
}

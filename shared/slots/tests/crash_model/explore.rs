//! Goes through all crashes of an upgrade: a strike at each operation, a power cut after each, and
//! another power cut after each operation of the recovery.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;

use crate::disk::Image;
use crate::host::{Host, Mutant};
use crate::invariants::{check, converges};
use crate::sim::{Collect, Sim, Strike};
use crate::world::World;

/// How much is looked at.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Scope {
    /// A barrier that is left out.
    pub(crate) omitted: Option<&'static str>,
    /// A step that is out of order.
    pub(crate) mutant: Option<Mutant>,
    /// Whether the power fails once only.
    pub(crate) once: bool,
}

/// What was looked at, and what was wrong.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Disks after a power cut, each with what had happened by then; no two of them alike.
    pub(crate) states: usize,
    /// Runs of the host.
    pub(crate) runs: usize,
    /// Operations of the run without a crash.
    pub(crate) operations: usize,
    pub(crate) barriers: BTreeSet<&'static str>,
    /// The first thing that was wrong.
    pub(crate) violation: Option<String>,
}

/// What a power cut left.
struct Crashed {
    image: Image,
    world: World,
    /// The operation it came after.
    after: &'static str,
}

#[derive(Default)]
struct Gathered {
    seen: HashSet<u64>,
    fresh: Vec<Crashed>,
}

impl Collect for Gathered {
    fn is_new(&mut self, mark: u64) -> bool {
        self.seen.insert(mark)
    }

    fn take(&mut self, image: Image, world: &World, after: &'static str) {
        let world = world.clone();
        self.fresh.push(Crashed {
            image,
            world,
            after,
        });
    }
}

/// All crashes of the upgrade that begins at `image`, two deep. Ends at the first violation.
pub(crate) fn explore(image: &Image, world: &World, scope: Scope) -> Findings {
    let mut explorer = Explorer {
        scope,
        gathered: Rc::default(),
        findings: Findings::default(),
    };
    explorer.all_of(image, world);
    explorer.findings.states = explorer.gathered.borrow().seen.len();
    explorer.findings
}

struct Explorer {
    scope: Scope,
    gathered: Rc<RefCell<Gathered>>,
    findings: Findings,
}

impl Explorer {
    fn all_of(&mut self, image: &Image, world: &World) -> Option<()> {
        let changes = self.run(image, world, None)?;
        let mut crashed = self.checked()?;
        for at in 0..self.findings.operations {
            // A process that dies before it looks dies after the change before that.
            let strikes = if changes.contains(&at) {
                &Strike::ALL[..]
            } else {
                &[Strike::Eio]
            };
            for strike in strikes {
                self.run(image, world, Some((at, *strike)))?;
                crashed.extend(self.checked()?);
            }
        }
        for crashed in crashed {
            self.run(&crashed.image, &crashed.world, None)?;
            if self.scope.once {
                self.fresh();
            } else {
                self.checked_twice()?;
            }
        }
        Some(())
    }

    /// The disks gathered since the last time; each holds what it must.
    fn checked(&mut self) -> Option<Vec<Crashed>> {
        let fresh = self.fresh();
        for crashed in &fresh {
            self.judge(crashed.after, check(&crashed.image, &crashed.world))?;
        }
        Some(fresh)
    }

    /// The same for those that the second crash left; from each of them the host comes back.
    fn checked_twice(&mut self) -> Option<()> {
        for crashed in self.checked()? {
            let sim = self.mount(&crashed.image, &crashed.world);
            let _ = Host::new(&sim, self.scope.mutant).run();
            converges(&sim, self.scope.mutant);
            self.findings.runs += 1;
            self.judge(crashed.after, sim.violations.take())?;
        }
        Some(())
    }

    fn fresh(&self) -> Vec<Crashed> {
        std::mem::take(&mut self.gathered.borrow_mut().fresh)
    }

    fn mount(&self, image: &Image, world: &World) -> Sim {
        Sim::mount(image, world.clone()).omitting(self.scope.omitted)
    }

    /// Runs the host, through a strike and the restart after it if there is one; gathers what every
    /// power cut on the way would leave. Returns which operations changed something.
    fn run(
        &mut self,
        image: &Image,
        world: &World,
        strike: Option<(usize, Strike)>,
    ) -> Option<BTreeSet<usize>> {
        let mut sim = self.mount(image, world).collecting(self.gathered.clone());
        if let Some((at, strike)) = strike {
            sim = sim.striking(at, strike);
        }
        let mut host = Host::new(&sim, self.scope.mutant);
        if let Some((_, strike)) = strike {
            // However it ends, it is started again.
            let _ = host.run();
            sim.start_again();
            if strike != Strike::Kill {
                host = Host::new(&sim, self.scope.mutant);
            }
        }
        let ended = host.run();
        if ended.is_err() {
            sim.violated("invariant 7: a start on a healthy disk failed");
        }
        let (passed, changes) = (sim.passed(), sim.changes.take());
        self.findings.runs += 1;
        converges(&sim, self.scope.mutant);
        let barriers = std::mem::take(&mut *sim.syncs.borrow_mut());
        let violations = sim.violations.take();
        let (struck, _) = sim.place();
        drop(sim);
        self.findings.barriers.extend(barriers);
        self.judge(struck, violations)?;
        if self.findings.operations == 0 {
            self.findings.operations = passed;
        }
        Some(changes)
    }

    /// Keeps the first violation, and ends the search.
    fn judge(&mut self, at: &str, violations: Vec<String>) -> Option<()> {
        match violations.into_iter().next() {
            None => Some(()),
            Some(violation) => {
                self.findings.violation = Some(format!("at {at}: {violation}"));
                None
            }
        }
    }
}

//! What is printed at the end.
#![expect(
    clippy::print_stdout,
    reason = "the report is what this program is for"
)]

use std::collections::BTreeSet;

use crate::plan::{Case, Passes};
use crate::scenario::ALL;
use crate::sweep::{self, Tally};

/// Prints the names of all cases.
pub(crate) fn list(cases: &[Case]) -> bool {
    for case in cases {
        println!("{}", sweep::name(case));
    }
    true
}

/// Points in the sources that no scenario passes and that have no excuse.
pub(crate) fn unreached(names: &str, passes: &[Passes]) -> Vec<String> {
    let reached: BTreeSet<&str> = passes
        .iter()
        .flat_map(|passes| passes.keys())
        .map(|place| &*place.point)
        .collect();
    names
        .lines()
        .filter(|line| !line.contains(' ') && !line.is_empty() && !reached.contains(line))
        .map(str::to_owned)
        .collect()
}

/// Prints the sums, and a line for each failure.
pub(crate) fn print(passes: &[Passes], tally: &Tally, unreached: &[String]) {
    let places: BTreeSet<String> = passes
        .iter()
        .flat_map(|passes| passes.keys())
        .map(ToString::to_string)
        .collect();
    println!("scenarios            {}", ALL.len());
    println!("points reached       {} (component and name)", places.len());
    println!("cases run            {}", tally.run);
    println!("survived             {}", tally.survived);
    println!("fault came too late  {}", tally.not_struck);
    println!(
        "worst convergence    {:.1} s ({})",
        tally.worst.as_secs_f64(),
        tally.slowest
    );
    println!("bricks               {}", tally.bricks);
    println!("jobs run             {}", tally.jobs);
    println!("jobs lost            {}", tally.jobs_lost);
    println!("jobs run twice       {}", tally.jobs_twice);
    if !unreached.is_empty() {
        println!("points that no scenario reaches: {}", unreached.join(", "));
    }
    for (case, failure, folder) in &tally.failures {
        println!("FAILED {failure}\n  cargo xtask torture --only '{case}'   # {folder}");
    }
}

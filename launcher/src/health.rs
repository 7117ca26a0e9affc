//! The launcher's own gate: when it tells the bootstrapper that it is healthy.
//!
//! One byte on standard output, once. The bootstrapper commits a launcher on trial for it, and
//! ignores it from a committed one.

use std::io::{self, Write as _};
use std::time::Duration;

use shared_fault::point;
use shared_handover::report::Report;

/// What the launcher knows of the agent it should keep running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AgentStanding {
    /// There is none to run yet: nothing was ever installed.
    NothingToRun,
    /// It runs and answers.
    Answers,
    /// It should run, and does not or does not answer.
    Missing,
}

/// Whether this launcher has shown that it does its work.
pub(crate) fn is_healthy(age: Duration, hold: Duration, agent: AgentStanding) -> bool {
    age >= hold && agent != AgentStanding::Missing
}

/// Reports it.
pub(crate) fn report() -> io::Result<()> {
    point("health.report")?;
    let mut out = io::stdout();
    out.write_all(&[Report::Healthy.byte()])?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_both_the_time_and_an_agent_that_answers() {
        use AgentStanding::{Answers, Missing, NothingToRun};
        let hold = Duration::from_mins(1);
        let cases = [
            (59, Answers, false),
            (60, Answers, true),
            (60, NothingToRun, true),
            (600, Missing, false),
        ];
        for (age, agent, healthy) in cases {
            assert_eq!(is_healthy(Duration::from_secs(age), hold, agent), healthy);
        }
    }
}

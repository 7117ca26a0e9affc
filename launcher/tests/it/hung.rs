//! A serving agent that does not answer any more.

use std::fs;
use std::path::Path;

use shared_supervise::Signal;

use crate::bed::{Bed, wait_until};
use crate::fake_agent::Manner;

/// A host whose agent of that manner serves, and then holds still.
fn host_that_hangs(manner: Manner) -> Bed {
    let mut bed = Bed::new();
    fs::create_dir_all(bed.state.root()).unwrap();
    if manner == Manner::Busy {
        fs::write(bed.state.root().join("job"), "").unwrap();
    }
    bed.publish_agent(1, manner);
    bed.start_with(Path::new(env!("CARGO_BIN_EXE_launcher")), |_| {});
    bed.wait_for(&["agent committed", "0.1.0"]);
    bed.wait_for(&["agent takes jobs", "0.1.0"]);
    assert!(bed.agents()[0].send(Signal::Stop).unwrap());
    bed
}

#[test]
fn a_hung_agent_without_a_job_is_replaced() {
    let mut bed = host_that_hangs(Manner::Good);
    let hung = bed.agents()[0];
    bed.wait_for(&["does not answer and has no job"]);
    wait_until("another agent at work", || {
        let again = bed.launcher().lines(&["agent takes jobs"]).len() == 2;
        (again && !bed.agents().contains(&hung)).then_some(())
    });
}

#[test]
fn a_hung_agent_with_a_job_is_left_to_finish_it() {
    let mut bed = host_that_hangs(Manner::Busy);
    let hung = bed.agents();
    bed.wait_for(&["does not answer; leaving it to finish its jobs"]);
    let asked = bed.server.requests();
    wait_until("a while", || {
        (bed.server.requests() > asked + 20).then_some(())
    });
    assert_eq!(bed.agents(), hung);
    assert_eq!(bed.launcher().lines(&["agent started"]).len(), 1);
}

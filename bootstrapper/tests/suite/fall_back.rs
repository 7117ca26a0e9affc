//! What is started when what should be started is not whole.

use shared_handover::layout::Component;
use shared_slots::Digest;

use crate::bench::{Bench, STAY};

fn launcher(name: &str) -> String {
    format!("{STAY} # {name}")
}

#[test]
fn a_corrupt_launcher_gives_way_to_the_previous_and_that_to_the_factory_one() {
    let bench = Bench::new();
    let old = bench.seal(&launcher("old"));
    let new = bench.seal(&launcher("new"));
    bench.commit(&[old, new]);
    let factory = bench.script("factory", &launcher("factory"));
    let factory_digest = Digest::of(&std::fs::read(&factory).expect("readable"));
    let flags = ["--launcher", factory.to_str().expect("text")];

    bench.corrupt(new);
    let mut running = bench.start(&flags);
    running.line(&format!("the committed launcher {new} is lost"));
    running.line(&format!("previous launcher {old} runs"));
    assert_eq!(bench.page().committed(), Some(old));
    running.stop();

    std::fs::remove_file(bench.file_of(old)).expect("removed");
    let mut running = bench.start(&flags);
    running.line(&format!("the committed launcher {old} is lost"));
    running.line(&format!("factory launcher {factory_digest} runs"));
    assert_eq!(bench.page().committed(), Some(factory_digest));
    running.stop();

    // What was lost can be downloaded again.
    assert_eq!(bench.seal(&launcher("new")), new);
}

#[test]
fn a_committed_launcher_that_does_not_start_stays_committed() {
    let bench = Bench::new();
    let nonsense = bench.folder.path().join("nonsense");
    std::fs::write(&nonsense, "no program at all").expect("written");
    let committed = bench.seal_file(&nonsense);
    bench.commit(&[committed]);
    let factory = bench.script("factory", &launcher("factory"));
    let mut running = bench.start(&["--launcher", factory.to_str().expect("text")]);
    running.line(&format!("committed launcher {committed} does not start"));
    running.line("factory launcher");
    assert_eq!(bench.page().committed(), Some(committed));
    running.stop();
}

#[test]
fn torn_pages_are_said_and_survived() {
    let bench = Bench::new();
    let old = bench.seal(&launcher("old"));
    let new = bench.seal(&launcher("new"));
    bench.commit(&[old, new]);
    let pages = bench.state.pages(Component::Launcher);
    let newest = pages
        .iter()
        .find(|path| std::fs::read(path).expect("readable") == bench.page().encode())
        .expect("one of the two");
    std::fs::write(newest, "torn").expect("written");
    let mut running = bench.start(&[]);
    running.line("is torn or garbled");
    running.line(&format!("committed launcher {old} runs"));
    running.stop();

    for page in &pages {
        std::fs::write(page, "torn").expect("written");
    }
    let factory = bench.script("factory", &launcher("factory"));
    let mut running = bench.start(&["--launcher", factory.to_str().expect("text")]);
    running.line("factory launcher");
    running.stop();
    let mut running = bench.start(&[]);
    running.line("committed launcher");
    running.stop();
}

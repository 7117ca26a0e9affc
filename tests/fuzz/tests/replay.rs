//! The corpus, replayed: whatever once mattered keeps holding, on any toolchain.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use fuzz::{Mutation, TARGETS};
use proptest::prelude::*;

fn corpus() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

#[test]
fn every_input_of_the_corpus_keeps_its_promise() {
    for target in TARGETS {
        let folder = corpus().join(target.name);
        let mut count = 0;
        for entry in fs::read_dir(&folder).expect("the target's folder") {
            let path = entry.expect("entry").path();
            let input = fs::read(&path).expect("input");
            let outcome = std::panic::catch_unwind(|| (target.check)(&input));
            assert!(outcome.is_ok(), "{} fails", path.display());
            count += 1;
        }
        assert!(count > 0, "{} has no corpus", target.name);
    }
}

#[test]
fn every_folder_of_the_corpus_has_a_target() {
    let folders: BTreeSet<String> = fs::read_dir(corpus())
        .expect("corpus")
        .map(|entry| {
            entry
                .expect("entry")
                .file_name()
                .into_string()
                .expect("text")
        })
        .collect();
    let names: BTreeSet<String> = TARGETS
        .iter()
        .map(|target| target.name.to_owned())
        .collect();
    assert_eq!(folders, names);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// A short search from seeds that differ each time; the long ones are run by hand.
    #[test]
    fn mutations_of_the_corpus_keep_their_promises(seed in any::<u64>()) {
        for target in TARGETS {
            let mut inputs: Vec<Vec<u8>> = fs::read_dir(corpus().join(target.name))
                .expect("corpus")
                .map(|entry| fs::read(entry.expect("entry").path()).expect("input"))
                .filter(|input| input.len() < 1024)
                .collect();
            inputs.sort();
            let mut mutation = Mutation::new(seed);
            let mut input = inputs[mutation.below(inputs.len())].clone();
            mutation.mutate(&mut input, target.words, &inputs);
            (target.check)(&input);
        }
    }
}

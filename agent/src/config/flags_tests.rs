//! The table against itself, and against the flags that the peer has.

use super::*;
use crate::config::other_names::{self, OTHER_NAMES};

#[test]
fn names_and_variables_are_given_once() {
    let others = OTHER_NAMES.iter();
    let mut names: Vec<_> = all().map(|flag| flag.name).collect();
    names.extend(others.clone().map(|other| other.name));
    let mut variables: Vec<_> = all().flat_map(Flag::variables).collect();
    variables.extend(others.map(|other| other.env));
    let counts = (names.len(), variables.len());
    names.sort_unstable();
    names.dedup();
    variables.sort_unstable();
    variables.dedup();
    assert_eq!((names.len(), variables.len()), counts);
}

#[test]
fn help_names_every_flag_that_works() {
    let help = help();
    for flag in all().filter(|flag| flag.support == Support::Full) {
        assert!(help.contains(&format!("--{} ", flag.name)), "{}", flag.name);
    }
}

#[test]
fn a_default_that_has_words_to_choose_from_is_one_of_them() {
    for flag in all().filter(|flag| !flag.is_switch() && !flag.default.is_empty()) {
        let words = flag.words();
        assert!(
            words.is_empty() || words.contains(&flag.default),
            "{}",
            flag.name
        );
    }
}

/// Where the table differs from the peer's flag on purpose.
const DIFFERENT: &[(&str, &str)] = &[
    ("endpoint", "under a launcher the default is its server"),
    ("shell", "the default depends on the host"),
    ("spawn-with-priority", "takes the words of version 4, too"),
    (
        "tags-from-gcp-meta-data",
        "the peer has to be given a value, which it then does not read",
    ),
];

/// The flags of buildkite-agent 3.137, one a line: name, `switch` or `value`, default, variables.
const PEERS: &str = include_str!("../../tests/fixtures/start_flags.tsv");

#[test]
fn every_flag_of_the_peer_is_known_with_its_variables_and_default() {
    let mut seen = 0;
    for line in PEERS.lines().skip(1) {
        let [name, kind, default, variables] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line:?} has four columns");
        };
        seen += 1;
        if let Some(other) = other_names::find(name) {
            assert_eq!(other.env, variables, "{name}");
            assert_eq!(other.is_switch(), kind == "switch", "{name}");
            continue;
        }
        let flag = find(name).unwrap_or_else(|| panic!("--{name} is missing"));
        assert_eq!(flag.env, variables, "{name}");
        if DIFFERENT.iter().any(|(different, _)| *different == name) {
            continue;
        }
        assert_eq!(flag.is_switch(), kind == "switch", "{name}");
        let plain = default.replace('"', "").replace(", ", ",");
        let unset = ["", "0", "false"];
        let same = flag.default == plain
            || unset.contains(&flag.default) && unset.contains(&plain.as_str());
        assert!(same, "{name}: {:?} is not {plain:?}", flag.default);
    }
    assert!(seen > 100, "{seen} flags");
}

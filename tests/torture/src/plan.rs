//! Which cases there are, and which of them a sample takes. Pure but for its random numbers' seed.

use std::collections::{BTreeMap, BTreeSet};

use shared_fault::Action;

use crate::fault::{Fault, Place};

/// How often each point was passed in one scenario.
pub(crate) type Passes = BTreeMap<Place, usize>;

/// How many hits of a point are struck, one after the other.
const HITS: usize = 2;

/// One case: a scenario, by its index, and the fault that strikes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) scenario: usize,
    pub(crate) fault: Fault,
}

/// Counts the lines of a trace.
pub(crate) fn passes(trace: &str) -> Passes {
    let mut passes = Passes::new();
    for place in trace.lines().filter_map(|line| line.parse().ok()) {
        *passes.entry(place).or_default() += 1;
    }
    passes
}

/// Every place with every action at its first and second hit. A combination that several
/// scenarios offer is taken in `depth` of them, each time in others, so that all get their share.
pub(crate) fn cases(passes: &[Passes], depth: usize) -> Vec<Case> {
    let places: BTreeSet<&Place> = passes.iter().flat_map(BTreeMap::keys).collect();
    let (mut cases, mut turns) = (Vec::new(), [0_usize; HITS]);
    for place in places {
        for action in Action::ALL {
            for hit in 1..=HITS {
                let reaches = |passes: &Passes| passes.get(place).is_some_and(|n| *n >= hit);
                let scenarios: Vec<usize> = (0..passes.len())
                    .filter(|index| reaches(&passes[*index]))
                    .collect();
                for nth in 0..depth.min(scenarios.len()) {
                    cases.push(Case {
                        scenario: scenarios[(turns[hit - 1].wrapping_add(nth)) % scenarios.len()],
                        fault: Fault {
                            place: place.clone(),
                            action,
                            hit,
                        },
                    });
                }
                turns[hit - 1] = turns[hit - 1].wrapping_add(depth);
            }
        }
    }
    cases
}

/// `most` of the cases, chosen and ordered by the seed.
pub(crate) fn sample(mut cases: Vec<Case>, most: usize, seed: u64) -> Vec<Case> {
    let mut random = Random(seed);
    let most = most.min(cases.len());
    for index in 0..most {
        let other = index + random.below(cases.len() - index);
        cases.swap(index, other);
    }
    cases.truncate(most);
    cases
}

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let bound = bound.max(1) as u64;
        usize::try_from((z ^ (z >> 31)) % bound).expect("it is below a usize")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed() -> Vec<Passes> {
        let once = passes("launcher/a.b\nbootstrapper/c.d\nlauncher/a.b\n");
        vec![once, passes("launcher/a.b\n")]
    }

    #[test]
    fn every_place_gets_every_action_at_each_hit_it_has() {
        let all = cases(&passed(), 9);
        let of = |place: &str, hit| {
            let is_it =
                |case: &&Case| case.fault.place.to_string() == place && case.fault.hit == hit;
            all.iter().filter(is_it).count()
        };
        let actions = Action::ALL.len();
        assert_eq!(of("launcher/a.b", 1), 2 * actions);
        assert_eq!(of("launcher/a.b", 2), actions);
        assert_eq!(of("bootstrapper/c.d", 1), actions);
        assert_eq!(of("bootstrapper/c.d", 2), 0);
    }

    #[test]
    fn one_scenario_a_combination_still_uses_all_scenarios() {
        let all = cases(&passed(), 1);
        let used: BTreeSet<usize> = all.iter().map(|case| case.scenario).collect();
        assert_eq!(used, BTreeSet::from([0, 1]));
    }

    #[test]
    fn a_seed_names_one_sample() {
        let all = cases(&passed(), 2);
        assert_eq!(sample(all.clone(), 5, 1), sample(all.clone(), 5, 1));
        assert_ne!(sample(all.clone(), 5, 1), sample(all.clone(), 5, 2));
        let mut same = sample(all.clone(), usize::MAX, 3);
        same.sort_by_key(|case| (case.fault.to_string(), case.scenario));
        let mut all = all;
        all.sort_by_key(|case| (case.fault.to_string(), case.scenario));
        assert_eq!(same, all);
    }
}

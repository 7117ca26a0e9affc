//! What the publisher makes, a host can apply.

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};
use shared_delta::{Algorithm, create, encode_zstd};

use crate::bed::{Bed, noise};

/// Two files that share pieces, as two builds do.
fn two_builds() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let pieces = vec(vec(any::<u8>(), 0..200), 1..8);
    let picks = vec((any::<proptest::sample::Index>(), any::<bool>()), 0..12);
    (pieces, picks, vec(any::<u8>(), 0..50)).prop_map(|(pieces, picks, new)| {
        let old = pieces.concat();
        let mut build = Vec::new();
        for (pick, changed) in picks {
            build.extend_from_slice(&pieces[pick.index(pieces.len())]);
            if changed {
                build.extend_from_slice(&new);
            }
        }
        (old, build)
    })
}

proptest! {
    #[test]
    fn any_two_files_come_back_from_their_delta((old, new) in two_builds()) {
        for algorithm in Algorithm::ALL {
            let patch = create(algorithm, &old, &new).unwrap();
            prop_assert_eq!(&patch, &create(algorithm, &old, &new).unwrap());
            let made = Bed::new(&old, &patch).apply(algorithm, new.len() as u64);
            prop_assert_eq!(made.unwrap(), new.clone(), "{}", algorithm);
        }
    }

    #[test]
    fn any_file_comes_back_from_zstd(new in vec(any::<u8>(), 0..5000)) {
        let whole = encode_zstd(&new).unwrap();
        let made = Bed::new(b"", &whole).decode(new.len() as u64);
        prop_assert_eq!(made.unwrap(), new);
    }

    #[test]
    fn a_size_that_is_not_the_right_one_is_refused((old, new) in two_builds(), size in 0_u64..5000) {
        let right = size == new.len() as u64;
        for algorithm in Algorithm::ALL {
            let patch = create(algorithm, &old, &new).unwrap();
            prop_assert_eq!(Bed::new(&old, &patch).apply(algorithm, size).is_ok(), right);
        }
        let whole = encode_zstd(&new).unwrap();
        prop_assert!(Bed::new(b"", &whole).decode(size).is_ok() == right);
    }
}

#[test]
fn a_delta_of_two_large_builds_is_a_fraction_of_them_and_comes_back() {
    let old = noise(12_000_000, 1);
    let mut new = old.clone();
    new.splice(3_000_000..3_000_100, noise(5_000, 2));
    for (algorithm, most) in [(Algorithm::Bsdiff4, 20_000), (Algorithm::Zstd, 20_000)] {
        let patch = create(algorithm, &old, &new).unwrap();
        assert!(patch.len() < most, "{algorithm}: {}", patch.len());
        let made = Bed::new(&old, &patch).apply(algorithm, new.len() as u64);
        assert!(made.unwrap() == new, "{algorithm}");
    }
}

#[test]
fn a_file_beyond_the_window_comes_back_from_zstd() {
    let new = [noise(9 << 20, 3), noise(9 << 20, 3)].concat();
    let whole = encode_zstd(&new).unwrap();
    assert!(Bed::new(b"", &whole).decode(new.len() as u64).unwrap() == new);
}

#[test]
fn names_are_those_of_the_manifest() {
    for (algorithm, name) in [(Algorithm::Bsdiff4, "bsdiff4"), (Algorithm::Zstd, "zstd")] {
        assert_eq!(algorithm.to_string(), name);
        assert_eq!(name.parse(), Ok(algorithm));
    }
    assert!("Zstd".parse::<Algorithm>().is_err());
}

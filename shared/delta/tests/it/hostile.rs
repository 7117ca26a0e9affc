//! Patches that an enemy made, or that were made for something else.

use std::io::Write as _;

use bzip2::Compression;
use bzip2::write::BzEncoder;
use proptest::collection::vec;
use proptest::prelude::{any, prop_assert, proptest};
use shared_delta::{Algorithm, DeltaError, Kind, create, encode_zstd};

use crate::bed::{Bed, noise};

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = BzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn number(value: i64) -> [u8; 8] {
    let sign = if value < 0 { 1 << 63 } else { 0 };
    (value.unsigned_abs() | sign).to_le_bytes()
}

/// A well-formed bsdiff patch of these steps, with plenty to add and copy.
fn bsdiff(size: i64, steps: &[[i64; 3]]) -> Vec<u8> {
    let steps: Vec<u8> = steps.iter().flatten().copied().flat_map(number).collect();
    let (steps, added, extra) = (bzip2(&steps), bzip2(&[0; 4096]), bzip2(&[7; 4096]));
    let lengths = [steps.len(), added.len()].map(|len| number(len.try_into().unwrap()));
    [
        b"BSDIFF40".as_slice(),
        lengths.as_flattened(),
        &number(size),
        &steps,
        &added,
        &extra,
    ]
    .concat()
}

fn apply(old: &[u8], patch: &[u8], size: u64) -> Result<Vec<u8>, DeltaError> {
    Bed::new(old, patch).apply(Algorithm::Bsdiff4, size)
}

proptest! {
    #[test]
    fn garbage_is_refused(garbage in vec(any::<u8>(), 0..2000), size in 0_u64..3000) {
        let bed = Bed::new(b"old", &garbage);
        for algorithm in Algorithm::ALL {
            prop_assert!(bed.apply(algorithm, size).is_err() || size == 0);
        }
        prop_assert!(bed.decode(size).is_err() || size == 0);
    }

    #[test]
    fn garbage_behind_a_right_head_never_makes_more_than_promised(
        lengths in vec(any::<u64>(), 2), garbage in vec(any::<u8>(), 0..500), size in 1_u64..3000,
    ) {
        let head = [lengths[0], lengths[1], size].map(u64::to_le_bytes);
        let patch = [b"BSDIFF40".as_slice(), head.as_flattened(), &garbage].concat();
        prop_assert!(apply(b"old", &patch, size).is_err());
    }

    #[test]
    fn any_steps_end_in_a_file_of_the_promised_size_or_in_an_error(
        steps in vec([-200_i64..2000, -200_i64..2000, -200_i64..200], 0..20), size in 0_i64..3000,
    ) {
        let _ = apply(&[1; 100], &bsdiff(size, &steps), size.unsigned_abs());
    }

    #[test]
    fn one_wrong_byte_is_survived(at in any::<proptest::sample::Index>(), flip in 1_u8..) {
        let (old, new) = (noise(3000, 1), noise(3000, 2));
        for algorithm in Algorithm::ALL {
            let mut patch = create(algorithm, &old, &new).unwrap();
            *at.get_mut(&mut patch) ^= flip;
            let _ = Bed::new(&old, &patch).apply(algorithm, 3000);
        }
        let mut whole = encode_zstd(&new).unwrap();
        *at.get_mut(&mut whole) ^= flip;
        let _ = Bed::new(&old, &whole).decode(3000);
    }
}

#[test]
fn a_zstd_bomb_ends_at_the_promised_size() {
    let bomb = encode_zstd(&vec![0; 64 << 20]).unwrap();
    assert!(bomb.len() < 10_000);
    let error = Bed::new(b"", &bomb).decode(1000).unwrap_err();
    assert!(
        matches!(error, DeltaError::TooLong { size: 1000 }),
        "{error}"
    );
    // The same without a word about its length.
    let mut encoder = zstd::Encoder::new(Vec::new(), 19).unwrap();
    encoder.write_all(&vec![0; 64 << 20]).unwrap();
    let error = Bed::new(b"", &encoder.finish().unwrap())
        .decode(1_000_000)
        .unwrap_err();
    assert!(
        matches!(error, DeltaError::TooLong { size: 1_000_000 }),
        "{error}"
    );
}

#[test]
fn a_frame_that_wants_a_huge_window_is_refused() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(30).unwrap();
    encoder.write_all(b"small").unwrap();
    let frame = encoder.finish().unwrap();
    let bed = Bed::new(b"old", &frame);
    assert_eq!(bed.decode(5).unwrap_err().kind(), Kind::Patch);
    assert_eq!(
        bed.apply(Algorithm::Zstd, 5).unwrap_err().kind(),
        Kind::Patch
    );
}

#[test]
fn a_delta_that_expands_is_refused_before_it_is_made() {
    for steps in [[4000, 4000, 0], [i64::MAX, i64::MAX, 0], [0, 101, 0]] {
        let error = apply(&[0; 4096], &bsdiff(100, &[steps]), 100).unwrap_err();
        assert!(
            matches!(error, DeltaError::TooLong { size: 100 }),
            "{error}"
        );
    }
    let error = apply(b"", &bsdiff(i64::MAX, &[]), 100).unwrap_err();
    assert!(matches!(error, DeltaError::TooLong { .. }), "{error}");
}

#[test]
fn steps_that_make_nothing_come_to_an_end() {
    let patch = bsdiff(100, &vec![[0, 0, 0]; 1_000_000]);
    assert!(patch.len() < 10_000);
    let error = apply(b"old", &patch, 100).unwrap_err();
    assert!(error.to_string().contains("more steps"), "{error}");
}

#[test]
fn steps_outside_of_the_old_file_are_refused() {
    let wrong = [
        vec![[11, 0, 0]],
        vec![[0, 1, -1], [1, 0, 0]],
        vec![[0, 1, i64::MAX], [0, 1, i64::MAX], [1, 0, 0]],
        vec![[-1, 0, 0]],
    ];
    for steps in wrong {
        let error = apply(&[1; 10], &bsdiff(100, &steps), 100).unwrap_err();
        assert_eq!(error.kind(), Kind::Patch, "{steps:?}: {error}");
    }
}

#[test]
fn a_delta_against_another_old_file_is_refused_or_makes_another_file() {
    let (old, new) = (
        noise(100_000, 1),
        [noise(100_000, 1), noise(10, 3)].concat(),
    );
    for algorithm in Algorithm::ALL {
        let patch = create(algorithm, &old, &new).unwrap();
        let size = new.len() as u64;
        let other = Bed::new(&noise(100_000, 9), &patch).apply(algorithm, size);
        assert!(other.is_err() || other.is_ok_and(|made| made != new));
        let shorter = Bed::new(b"short", &patch).apply(algorithm, size);
        assert_eq!(shorter.unwrap_err().kind(), Kind::Patch, "{algorithm}");
    }
}

#[test]
fn a_file_that_is_missing_is_named() {
    let bed = Bed::new(b"", &bsdiff(0, &[]));
    std::fs::remove_file(bed.old()).unwrap();
    let error = bed.apply(Algorithm::Bsdiff4, 0).unwrap_err();
    assert_eq!(error.kind(), Kind::Disk);
    let text = error.to_string();
    assert!(text.contains(&bed.old().display().to_string()), "{text}");
}

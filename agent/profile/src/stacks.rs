//! Stacks, each with the number of times it was seen. Pure.
//!
//! A signal handler adds to it: all memory is there from the beginning, and it is the system's
//! zeroes until it is used.

/// Frames of a stack that are kept, from the innermost on.
pub(crate) const DEPTH: usize = 126;
/// Different stacks that are kept.
const SLOTS: usize = 8192;
/// Places that are tried for a stack before it is given up.
const PROBES: usize = 32;
/// Words of a slot: how often, how many frames, and these.
const WIDTH: usize = 2 + DEPTH;

/// Stacks and how often they were seen.
#[derive(Debug, Clone)]
pub(crate) struct Stacks {
    words: Vec<usize>,
    samples: u64,
    missed: u64,
}

impl Stacks {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self {
            words: vec![0; SLOTS * WIDTH],
            samples: 0,
            missed: 0,
        }
    }

    /// Counts a stack, innermost frame first. It allocates nothing and cannot panic.
    pub(crate) fn add(&mut self, frames: &[usize]) {
        let frames = &frames[..frames.len().min(DEPTH)];
        let first = hash(frames);
        for probe in 0..PROBES {
            let slot = (first.wrapping_add(probe) % SLOTS) * WIDTH;
            let Some([count, length, kept @ ..]) = self.words.get_mut(slot..slot + WIDTH) else {
                break;
            };
            if *count == 0 {
                for (kept, frame) in kept.iter_mut().zip(frames) {
                    *kept = *frame;
                }
                *length = frames.len();
            } else if kept.get(..*length) != Some(frames) {
                continue;
            }
            *count += 1;
            self.samples += 1;
            return;
        }
        self.missed += 1;
    }

    /// Counts samples that were not taken.
    pub(crate) fn miss(&mut self, samples: u64) {
        self.missed += samples;
    }

    /// Each stack and how often it was seen.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[usize], usize)> {
        self.words.chunks_exact(WIDTH).filter_map(|slot| {
            let [count, length, kept @ ..] = slot else {
                return None;
            };
            (*count > 0).then(|| (&kept[..*length], *count))
        })
    }

    /// All that were counted.
    pub(crate) fn samples(&self) -> u64 {
        self.samples
    }

    /// All that there was no room or no time for.
    pub(crate) fn missed(&self) -> u64 {
        self.missed
    }
}

/// FNV-1a, word by word.
fn hash(frames: &[usize]) -> usize {
    let hash = frames
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, frame| {
            (hash ^ *frame as u64).wrapping_mul(0x0100_0000_01b3)
        });
    // The lowest bits alone depend on too little.
    usize::try_from((hash ^ (hash >> 32)) & 0xffff_ffff).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_stacks_are_counted_together() {
        let mut stacks = Stacks::new();
        for frames in [&[1, 2, 3][..], &[1, 2], &[1, 2, 3], &[], &[1, 2, 3]] {
            stacks.add(frames);
        }
        let mut seen: Vec<_> = stacks.iter().collect();
        seen.sort();
        assert_eq!(seen, [(&[][..], 1), (&[1, 2], 1), (&[1, 2, 3], 3)]);
        assert_eq!((stacks.samples(), stacks.missed()), (5, 0));
    }

    #[test]
    fn a_deep_stack_keeps_its_inner_frames() {
        let mut stacks = Stacks::new();
        let deep: Vec<usize> = (1..=2 * DEPTH).collect();
        stacks.add(&deep);
        assert_eq!(stacks.iter().next(), Some((&deep[..DEPTH], 1)));
    }

    #[test]
    fn more_stacks_than_there_is_room_for_are_counted_as_missed() {
        let mut stacks = Stacks::new();
        let all = 2 * SLOTS as u64;
        for stack in 0..2 * SLOTS {
            stacks.add(&[stack]);
        }
        stacks.miss(1);
        let kept = stacks.iter().count() as u64;
        assert_eq!(stacks.samples(), kept);
        assert_eq!(kept + stacks.missed(), all + 1);
        assert!(kept > all / 4, "{kept}");
    }
}

//! Finding all needles in a piece of the stream, and where one may still be on its way.

use aho_corasick::automaton::OverlappingState;
use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind, StartKind};

use crate::needle::{Needle, is_blank};

/// A run of blanks longer than this does not count as a break between two lines of a secret.
/// It bounds what must be withheld when a secret's first line is followed by blanks without end.
const MAX_GAP: usize = 4096;

/// Up to this many bytes of needles, the fast automaton stays under a few megabytes.
const SMALL: usize = 4096;

/// A compiled set of needles.
pub(crate) struct Search {
    needles: Vec<Needle>,
    /// Finds the first line of each needle.
    first_lines: AhoCorasick,
    longest_first_line: usize,
    /// The first lines by their first byte, each list in order of bytes.
    by_start: Vec<Vec<Vec<u8>>>,
}

/// What was found in a piece.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Every match as (start, end), by start; they may overlap.
    pub(crate) matches: Vec<(usize, usize)>,
    /// From here on a match may have begun that needs more bytes; the piece's length if none has.
    pub(crate) open: usize,
}

/// How far the lines after the first one reach.
enum Rest {
    Ends(usize),
    NeedsMore,
    Differs,
}

impl Search {
    /// Compiles needles; `None` if there are none.
    pub(crate) fn new(needles: &[Needle]) -> Option<Self> {
        if needles.is_empty() {
            return None;
        }
        let total: usize = needles.iter().map(|needle| needle.lines[0].len()).sum();
        let kind = if total <= SMALL {
            AhoCorasickKind::DFA
        } else {
            AhoCorasickKind::ContiguousNFA
        };
        let first_lines = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .start_kind(StartKind::Unanchored)
            .kind(Some(kind))
            // It looks for rare bytes first, and stumbles: those of secrets are digits and letters,
            // of which each line of a log has some. The automaton alone is three times as fast.
            .prefilter(false)
            .build(needles.iter().map(|needle| &needle.lines[0]))
            .expect("secrets of a job are far below 2^31 bytes");
        let mut by_start = vec![Vec::new(); 256];
        for needle in needles {
            let line = &needle.lines[0];
            by_start[usize::from(line[0])].push(line.clone());
        }
        for lines in &mut by_start {
            lines.sort_unstable();
        }
        let lengths = needles.iter().map(|needle| needle.lines[0].len());
        Some(Self {
            longest_first_line: lengths.max().unwrap_or(0),
            needles: needles.to_vec(),
            first_lines,
            by_start,
        })
    }

    /// All matches in `piece`, overlapping ones too.
    pub(crate) fn find(&self, piece: &[u8]) -> Found {
        let mut matches = Vec::new();
        let mut open = self.open_first_line(piece);
        let mut state = OverlappingState::start();
        loop {
            self.first_lines
                .find_overlapping(Input::new(piece), &mut state);
            let Some(found) = state.get_match() else {
                break;
            };
            let needle = &self.needles[found.pattern().as_usize()];
            match rest_of(needle, piece, found.end()) {
                Rest::Ends(end) => matches.push((found.start(), end)),
                Rest::NeedsMore => open = open.min(found.start()),
                Rest::Differs => {}
            }
        }
        matches.sort_unstable();
        Found { matches, open }
    }

    /// Where the longest tail of the piece begins that is the start of some needle's first line.
    fn open_first_line(&self, piece: &[u8]) -> usize {
        let reach = self.longest_first_line.saturating_sub(1);
        let from = piece.len().saturating_sub(reach);
        (from..piece.len())
            .find(|&at| self.begins_longer_line(&piece[at..]))
            .unwrap_or(piece.len())
    }

    /// Whether `tail` is the start of a longer first line. Those lines would stand together, right
    /// after where `tail` itself would stand.
    fn begins_longer_line(&self, tail: &[u8]) -> bool {
        let lines = &self.by_start[usize::from(tail[0])];
        let next = lines.partition_point(|line| line.as_slice() <= tail);
        lines.get(next).is_some_and(|line| line.starts_with(tail))
    }
}

/// Follows the lines of `needle` after its first one, which ended before `at`.
fn rest_of(needle: &Needle, piece: &[u8], mut at: usize) -> Rest {
    for line in &needle.lines[1..] {
        let gap = piece[at..]
            .iter()
            .take(MAX_GAP + 1)
            .take_while(|&&byte| is_blank(byte))
            .count();
        at += gap;
        if gap > MAX_GAP {
            return Rest::Differs;
        }
        let tail = &piece[at..];
        if tail.is_empty() {
            return Rest::NeedsMore;
        }
        if gap == 0 {
            return Rest::Differs;
        }
        let common = tail.len().min(line.len());
        if tail[..common] != line[..common] {
            return Rest::Differs;
        }
        if common < line.len() {
            return Rest::NeedsMore;
        }
        at += line.len();
    }
    Rest::Ends(at)
}

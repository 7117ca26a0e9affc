//! The stream: bytes in, the same bytes with secrets hidden out.

use std::fmt;

use crate::needle::{Added, MIN_LENGTH, Needle, escaped};
use crate::search::Search;

/// What stands in the place of a secret.
pub const MARK: &[u8] = b"[REDACTED]";

/// Hides secrets in a stream that arrives in pieces. However the stream is cut, the result is the
/// same as for one piece.
///
/// Secrets that overlap in the stream become one mark; secrets that merely touch become one each.
/// Bytes that may be the start of a secret are withheld until that is known, or until
/// [`Redactor::flush`]; at most about as many as the longest secret has, so memory is bounded.
#[derive(Default)]
pub struct Redactor {
    needles: Vec<Needle>,
    search: Option<Search>,
    /// Whether `needles` grew since `search` was compiled.
    grown: bool,
    /// Bytes not given out yet.
    held: Vec<u8>,
    /// This many of them already stand behind a mark that was given out.
    covered: usize,
}

impl Redactor {
    /// A stream without secrets.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hides a variable's value from now on, unless it is shorter than [`MIN_LENGTH`]: names say
    /// only that it may be a secret, and hiding `none` or `true` would spoil the log.
    pub fn add_value(&mut self, value: &[u8]) -> Added {
        if (1..MIN_LENGTH).contains(&value.len()) {
            return Added::TooShort;
        }
        self.add(value)
    }

    /// Hides `secret` from now on, however short, also as Go's `%q` prints it. Bytes already given
    /// out stay as they are. Blanks around each of its lines do not matter, and a break between
    /// two lines matches any run of blanks.
    pub fn add(&mut self, secret: &[u8]) -> Added {
        let Some(needle) = Needle::new(secret) else {
            return Added::Empty;
        };
        self.insert(needle);
        if let Some(needle) = escaped(secret).as_deref().and_then(Needle::new) {
            self.insert(needle);
        }
        Added::Hidden
    }

    fn insert(&mut self, needle: Needle) {
        if !self.needles.contains(&needle) {
            self.needles.push(needle);
            self.grown = true;
        }
    }

    /// Takes the next bytes of the stream and appends to `out` what may be shown now.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.compile();
        let Some(search) = &self.search else {
            out.extend_from_slice(bytes);
            return;
        };
        self.held.extend_from_slice(bytes);
        let found = search.find(&self.held);
        self.release(&found.matches, found.open, out);
    }

    fn compile(&mut self) {
        if self.grown {
            self.search = Search::new(&self.needles);
            self.grown = false;
        }
    }

    /// Ends what is withheld: no more bytes belong to it. Use it at the end of each child's
    /// output, so that its last words are shown and never joined with the next one's.
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        self.compile();
        let matches = match &self.search {
            Some(search) => search.find(&self.held).matches,
            None => Vec::new(),
        };
        self.release(&matches, self.held.len(), out);
        self.covered = 0;
    }

    /// How many bytes are withheld at present.
    pub fn withheld(&self) -> usize {
        self.held.len()
    }

    /// Gives out everything before `open`, with a mark for each group of overlapping matches.
    fn release(&mut self, matches: &[(usize, usize)], open: usize, out: &mut Vec<u8>) {
        // `hidden` is the end of the latest group; what lies before it has its mark.
        let (mut shown, mut hidden) = (self.covered.min(open), self.covered);
        for &(start, end) in matches {
            if start >= open {
                break;
            }
            if start >= hidden {
                out.extend_from_slice(&self.held[shown..start]);
                out.extend_from_slice(MARK);
            }
            hidden = hidden.max(end);
            shown = hidden.min(open);
        }
        out.extend_from_slice(&self.held[shown..open]);
        self.held.drain(..open);
        self.covered = hidden.saturating_sub(open);
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor")
            .field("needles", &self.needles.len())
            .field("withheld", &self.held.len())
            .finish_non_exhaustive()
    }
}

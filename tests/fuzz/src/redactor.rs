//! The redactor against a naive model: what is hidden follows from the places of all secrets in the
//! whole stream, never from how the stream is cut.

use shared_redact::{Added, Redactor};

use crate::script::{self, Step};

/// Parts of scripts for it: `+` adds a secret, `=` a variable's value, `!` flushes, and anything
/// else is a piece of the stream.
pub(crate) const WORDS: &[&str] = &[
    "\n+",
    "\n=",
    "\n>",
    "\n!\n",
    "secret",
    "aaaaaa",
    "abab",
    "\\n",
    "\\x0d\\n",
    " \\n\t",
    "\\x22",
    "\\\\",
    "\\xff",
    "\\xc3",
    "\\xc2\\xa0",
    "\\xe2\\x80\\x83",
    "\u{e9}",
    "[REDACTED]",
    "  ",
];

/// A run of blanks longer than this is no break between two lines of a secret.
const LONGEST_GAP: usize = 4096;

/// Plays a script as it is and byte by byte; both give what the model says.
pub(crate) fn check(data: &[u8]) {
    let steps = script::read(data);
    let wanted = Model::play(&steps);
    assert_eq!(show(&play(&steps)), show(&wanted), "in these pieces");
    let single: Vec<Step> = steps.iter().flat_map(byte_by_byte).collect();
    assert_eq!(show(&play(&single)), show(&wanted), "byte by byte");
}

fn show(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn byte_by_byte(step: &Step) -> Vec<Step> {
    match step.kind {
        b'+' | b'=' | b'!' => vec![step.clone()],
        kind => {
            let bytes = step.bytes.iter();
            bytes
                .map(|&byte| Step {
                    kind,
                    bytes: vec![byte],
                })
                .collect()
        }
    }
}

fn play(steps: &[Step]) -> Vec<u8> {
    let (mut redactor, mut out) = (Redactor::new(), Vec::new());
    for step in steps {
        match step.kind {
            b'+' => assert_ne!(redactor.add(&step.bytes), Added::TooShort),
            b'=' => {
                let short = (1..6).contains(&step.bytes.len());
                assert_eq!(redactor.add_value(&step.bytes) == Added::TooShort, short);
            }
            b'!' => redactor.flush(&mut out),
            _ => redactor.push(&step.bytes, &mut out),
        }
    }
    redactor.flush(&mut out);
    assert_eq!(redactor.withheld(), 0);
    out
}

/// The lines of a secret and the place in the stream from which on it counts.
struct Secret {
    lines: Vec<Vec<u8>>,
    since: usize,
}

/// Whether a secret stands at a place.
#[derive(PartialEq, Eq)]
enum There {
    /// It does, and ends here.
    Until(usize),
    /// So far; the stream is too short to tell.
    Maybe,
    No,
}

#[derive(Default)]
struct Model {
    secrets: Vec<Secret>,
    stream: Vec<u8>,
    out: Vec<u8>,
}

impl Model {
    fn play(steps: &[Step]) -> Vec<u8> {
        let mut model = Self::default();
        for step in steps {
            match step.kind {
                b'=' if step.bytes.len() < 6 => {}
                b'+' | b'=' => model.add(&step.bytes),
                b'!' => model.flush(),
                _ => model.stream.extend_from_slice(&step.bytes),
            }
        }
        model.flush();
        model.out
    }

    /// A secret counts from the first byte that is not shown yet.
    fn add(&mut self, secret: &[u8]) {
        let since = (0..self.stream.len())
            .find(|&at| {
                self.secrets
                    .iter()
                    .any(|secret| self.there(secret, at) == There::Maybe)
            })
            .unwrap_or(self.stream.len());
        for form in [secret, shared_goquote::escape(secret).as_bytes()] {
            let lines = lines(form);
            if !lines.is_empty() && self.secrets.iter().all(|known| known.lines != lines) {
                self.secrets.push(Secret { lines, since });
            }
        }
    }

    fn there(&self, secret: &Secret, mut at: usize) -> There {
        if at < secret.since {
            return There::No;
        }
        for (index, line) in secret.lines.iter().enumerate() {
            if index > 0 {
                let blanks = self.stream[at..].iter().take_while(|&&byte| is_blank(byte));
                let gap = blanks.count();
                at += gap;
                if gap > LONGEST_GAP || (gap == 0 && at < self.stream.len()) {
                    return There::No;
                }
            }
            let rest = &self.stream[at..];
            if !rest.starts_with(line) {
                return if line.starts_with(rest) {
                    There::Maybe
                } else {
                    There::No
                };
            }
            at += line.len();
        }
        There::Until(at)
    }

    /// Groups of secrets that overlap become one mark each.
    fn flush(&mut self) {
        let mut hidden = vec![false; self.stream.len()];
        let mut joined = vec![false; self.stream.len()];
        for start in 0..self.stream.len() {
            for secret in &self.secrets {
                if let There::Until(end) = self.there(secret, start) {
                    hidden[start..end].fill(true);
                    joined[start + 1..end].fill(true);
                }
            }
        }
        for (at, &byte) in self.stream.iter().enumerate() {
            match (hidden[at], joined[at]) {
                (false, _) => self.out.push(byte),
                (true, false) => self.out.extend_from_slice(b"[REDACTED]"),
                (true, true) => {}
            }
        }
        self.stream.clear();
        for secret in &mut self.secrets {
            secret.since = 0;
        }
    }
}

fn is_blank(byte: u8) -> bool {
    b"\t\n\x0b\x0c\r ".contains(&byte)
}

/// Blanks around a line do not count; those of Unicode either, where the line is text.
fn lines(secret: &[u8]) -> Vec<Vec<u8>> {
    let trimmed = secret.split(|&byte| byte == b'\n').map(|line| {
        if let Ok(text) = std::str::from_utf8(line) {
            return text.trim().as_bytes().to_vec();
        }
        let mut line = line.to_vec();
        while line.last().is_some_and(|&byte| is_blank(byte)) {
            line.pop();
        }
        let blanks = line.iter().take_while(|&&byte| is_blank(byte)).count();
        line.split_off(blanks)
    });
    trimmed.filter(|line| !line.is_empty()).collect()
}

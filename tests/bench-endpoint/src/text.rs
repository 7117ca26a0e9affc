//! Text as builds print it, the same each time: printed by a job, and looked for in its log.

use std::io::{self, Write};

/// The line before it.
const BEGIN: &[u8] = b"[the text begins]\n";

/// It is made once and repeats itself after so many bytes, far beyond what gzip remembers.
const BLOCK: usize = 4 << 20;

/// Prints the first `bytes` bytes of the text, after a line that announces it.
pub(crate) fn print(bytes: u64, out: &mut impl Write) -> io::Result<()> {
    let block = block();
    out.write_all(BEGIN)?;
    let mut left = bytes;
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
        out.write_all(&block[..most])?;
        left -= most as u64;
    }
    out.write_all(b"\n")
}

/// The text in a log, which has time marks, carriage returns and other lines beside it.
#[derive(Debug)]
pub(crate) struct Expected {
    block: Vec<u8>,
    bytes: u64,
    seen: u64,
    /// How much of the announcing line was seen.
    begun: usize,
    mark: Mark,
}

/// Where in a time mark (`ESC _ … BEL`) the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Outside,
    Escape,
    Inside,
}

impl Expected {
    /// So many bytes of it.
    pub(crate) fn new(bytes: u64) -> Self {
        Self {
            block: block(),
            bytes,
            seen: 0,
            begun: 0,
            mark: Mark::Outside,
        }
    }

    /// Bytes that came, in their order and unchanged.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    /// Takes the next piece of the log.
    pub(crate) fn feed(&mut self, log: &[u8]) {
        for &byte in log {
            match (self.mark, byte) {
                (Mark::Outside, 0x1b) => self.mark = Mark::Escape,
                (Mark::Escape, b'_') => self.mark = Mark::Inside,
                (Mark::Inside, 7) => self.mark = Mark::Outside,
                (Mark::Inside, _) => {}
                (Mark::Escape, _) => {
                    self.mark = Mark::Outside;
                    self.text(0x1b);
                    self.text(byte);
                }
                (Mark::Outside, _) => self.text(byte),
            }
        }
    }

    fn text(&mut self, byte: u8) {
        // A terminal puts them before line ends.
        if byte == b'\r' {
            return;
        }
        if self.begun < BEGIN.len() {
            self.begun = match byte {
                byte if byte == BEGIN[self.begun] => self.begun + 1,
                byte => usize::from(byte == BEGIN[0]),
            };
        } else if self.seen < self.bytes && byte == self.next() {
            self.seen += 1;
        } else {
            // Nothing that comes after a difference counts.
            self.bytes = self.seen;
        }
    }

    fn next(&self) -> u8 {
        self.block[usize::try_from(self.seen % BLOCK as u64).unwrap_or(0)]
    }
}

/// Lines of builds: phrases that repeat, numbers and hashes that do not.
fn block() -> Vec<u8> {
    const NAMES: [&str; 6] = ["tokio", "serde_json", "hyper-util", "regex", "ring", "clap"];
    let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let mut out = Vec::with_capacity(BLOCK + 256);
    while out.len() < BLOCK {
        let (a, b) = (next(), next());
        let name = NAMES[usize::try_from(a % 6).unwrap_or(0)];
        let (small, line, column) = (a % 9, b % 900, a % 80);
        let text = match b % 5 {
            0 => format!("\x1b[32m   Compiling\x1b[0m {name} v{small}.{column}.{line}\n"),
            1 => format!(
                "test {name}::tests::case_{} ... \x1b[32mok\x1b[0m\n",
                a % 5000
            ),
            2 => format!(
                "\x1b[33mwarning\x1b[0m: unused variable in src/{name}/mod.rs:{line}:{column}\n"
            ),
            3 => format!(
                "[{:>3}%] Linking object {name}_{a:016x}.o ({line} bytes)\n",
                a % 100
            ),
            _ => format!(
                "12:{:02}:{:02} INFO {name} request id={:08x} took {line} ms\n",
                a % 60,
                b % 60,
                a >> 32
            ),
        };
        out.extend_from_slice(text.as_bytes());
    }
    out.truncate(BLOCK);
    out
}

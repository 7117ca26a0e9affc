//! Lines of a child's output, for a log that tells them one by one. Pure.

/// Longest line that is told in one piece.
const MOST_BYTES: usize = 16 << 10;

/// Output that is not a whole line yet.
#[derive(Debug, Default)]
pub struct Lines(Vec<u8>);

impl Lines {
    /// Takes what came and tells every whole line, and every piece of one that is too long.
    pub fn feed(&mut self, bytes: &[u8], tell: impl Fn(&str)) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.0.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.0.len() >= MOST_BYTES {
                self.tell(&tell);
            }
        }
    }

    /// Tells the last line if nothing ended it.
    pub fn finish(mut self, tell: impl Fn(&str)) {
        if !self.0.is_empty() {
            self.tell(&tell);
        }
    }

    fn tell(&mut self, tell: impl Fn(&str)) {
        tell(String::from_utf8_lossy(&self.0).trim_end_matches(['\n', '\r']));
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use proptest::prelude::*;

    use super::*;

    fn told(pieces: &[&[u8]]) -> Vec<String> {
        let told = RefCell::new(Vec::new());
        let tell = |line: &str| told.borrow_mut().push(line.to_owned());
        let mut lines = Lines::default();
        for piece in pieces {
            lines.feed(piece, tell);
        }
        lines.finish(tell);
        told.into_inner()
    }

    #[test]
    fn the_last_line_needs_no_end_and_a_long_one_is_told_in_pieces() {
        assert_eq!(
            told(&[b"one\r\ntw", b"o\n\nrest"]),
            ["one", "two", "", "rest"]
        );
        let long = vec![b'x'; MOST_BYTES];
        assert_eq!(told(&[&long, b"y\n"]).len(), 2);
        assert!(told(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn how_output_is_cut_does_not_matter(text in "[a-c\n]{0,40}", at in 0_usize..40) {
            let (one, two) = text.as_bytes().split_at(at.min(text.len()));
            prop_assert_eq!(told(&[one, two]), told(&[text.as_bytes()]));
        }
    }
}

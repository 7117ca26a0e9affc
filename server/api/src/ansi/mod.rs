//! Terminal output as HTML: colours become classes, everything else that steers a terminal goes.
//!
//! The unit is the line: finished lines are given out once, the unfinished one can be shown and is
//! rendered anew when it grows. Log time marks (`ESC _ bk;t=… BEL`) are taken out; they end at BEL,
//! which standard parsers of this string type do not know. Pure: bytes in, HTML out.

mod line;
mod style;

use line::render;
use style::Style;

/// Longest line, in bytes; a longer one is broken, so that no log can fill the memory.
const LONGEST_LINE: usize = 64 << 10;

/// A log on its way to HTML.
#[derive(Debug)]
pub(crate) struct Renderer {
    /// Style at the beginning of the unfinished line.
    style: Style,
    line: Vec<u8>,
    /// Offset in the log of the unfinished line.
    start: u64,
}

impl Renderer {
    /// For bytes of a log from `offset` on, which is best the beginning of a line.
    pub(crate) fn new(offset: u64) -> Self {
        Self {
            style: Style::default(),
            line: Vec::new(),
            start: offset,
        }
    }

    /// Adds bytes and returns the lines that are finished by them, each ended by a line feed.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> String {
        let mut html = String::new();
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            for piece in part.chunks(LONGEST_LINE) {
                self.line.extend_from_slice(piece);
                if piece.ends_with(b"\n") || self.line.len() >= LONGEST_LINE {
                    self.finish_line(&mut html);
                }
            }
        }
        html
    }

    fn finish_line(&mut self, html: &mut String) {
        let text = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        let (line, style) = render(text, self.style);
        html.push_str(&line);
        html.push('\n');
        self.style = style;
        self.start += self.line.len() as u64;
        self.line.clear();
    }

    /// The unfinished line.
    pub(crate) fn unfinished(&self) -> String {
        render(&self.line, self.style).0
    }

    /// Where another renderer has to begin to go on from here.
    pub(crate) const fn resume_at(&self) -> u64 {
        self.start
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(bytes: &[u8]) -> String {
        let mut renderer = Renderer::new(0);
        let html = renderer.push(bytes);
        html + &renderer.unfinished()
    }

    #[test]
    fn finished_lines_come_once_and_the_unfinished_one_as_it_grows() {
        let mut renderer = Renderer::new(100);
        assert_eq!(renderer.push(b"one\ntw"), "one\n");
        assert_eq!(
            (renderer.unfinished().as_str(), renderer.resume_at()),
            ("tw", 104)
        );
        assert_eq!(renderer.push(b"o\n"), "two\n");
        assert_eq!(
            (renderer.unfinished().as_str(), renderer.resume_at()),
            ("", 108)
        );
    }

    #[test]
    fn a_colour_lasts_over_the_end_of_its_line() {
        assert_eq!(
            whole(b"\x1b[31mred\nstill\x1b[0m plain"),
            "<span class=\"f1\">red</span>\n<span class=\"f1\">still</span> plain"
        );
    }

    #[test]
    fn a_line_without_an_end_is_broken() {
        let html = whole(&vec![b'x'; 3 * LONGEST_LINE + 1]);
        assert_eq!(html.matches('\n').count(), 3);
    }

    proptest! {
        #[test]
        fn nothing_in_a_log_becomes_markup_and_cuts_do_not_matter(
            bytes in proptest::collection::vec(
                prop_oneof![Just(b'\x1b'), Just(b'<'), Just(b'&'), Just(b'"'), Just(b'\n'), Just(b'\r'),
                            Just(b'['), Just(b'm'), Just(b'_'), Just(7), any::<u8>()], 0..200),
            cut in 0..200usize,
        ) {
            let html = whole(&bytes);
            let bare = html.replace("</span>", "");
            let mut rest = bare.as_str();
            while let Some(at) = rest.find('<') {
                rest = &rest[at..];
                prop_assert!(rest.starts_with("<span class=\""), "{}", rest);
                rest = &rest["<span class=\"".len()..];
            }
            let cut = cut.min(bytes.len());
            let mut renderer = Renderer::new(0);
            let mut pieces = renderer.push(&bytes[..cut]);
            pieces += &renderer.push(&bytes[cut..]);
            pieces += &renderer.unfinished();
            prop_assert_eq!(pieces, html);
        }
    }
}

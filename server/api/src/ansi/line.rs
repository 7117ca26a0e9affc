//! One line: escape sequences out, text escaped, styles as spans.

use super::style::Style;

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;

/// A line under construction.
struct Line {
    html: String,
    /// Text that shares one style, not yet given out.
    text: Vec<u8>,
    style: Style,
    /// A carriage return was seen: the next text begins the line anew.
    returned: bool,
}

/// Renders a line without its line feed. Returns the style at its end.
pub(super) fn render(bytes: &[u8], style: Style) -> (String, Style) {
    let mut line = Line {
        html: String::new(),
        text: Vec::new(),
        style,
        returned: false,
    };
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            ESC => line.escape(after),
            b'\r' => {
                line.returned = true;
                after
            }
            b'\t' | b' '.. if byte != 0x7f => {
                line.put(byte);
                after
            }
            _ => after,
        };
    }
    line.flush();
    (line.html, line.style)
}

impl Line {
    fn put(&mut self, byte: u8) {
        if self.returned {
            self.clear();
        }
        self.text.push(byte);
    }

    fn clear(&mut self) {
        self.html.clear();
        self.text.clear();
        self.returned = false;
    }

    /// Gives out the text in its style.
    fn flush(&mut self) {
        if self.text.is_empty() {
            return;
        }
        let text = escape(&String::from_utf8_lossy(&self.text));
        let classes = self.style.classes();
        if classes.is_empty() {
            self.html.push_str(&text);
        } else {
            for part in ["<span class=\"", &classes, "\">", &text, "</span>"] {
                self.html.push_str(part);
            }
        }
        self.text.clear();
    }

    /// Takes one sequence, whose ESC is gone already, and returns what follows it. An unfinished one
    /// swallows the rest of the line.
    fn escape<'a>(&mut self, after: &'a [u8]) -> &'a [u8] {
        match after.split_first() {
            Some((b'[', body)) => self.control(body),
            Some((b']' | b'_' | b'P' | b'^' | b'X', body)) => string(body),
            Some((b' '..=b'/', body)) => body.get(1..).unwrap_or_default(),
            Some((_, body)) => body,
            None => after,
        }
    }

    /// `ESC [ parameters final`. Colours count, and erasing the line; the rest moves a cursor that a
    /// log does not have.
    fn control<'a>(&mut self, body: &'a [u8]) -> &'a [u8] {
        let Some(end) = body.iter().position(|byte| (0x40..=0x7e).contains(byte)) else {
            return &[];
        };
        let parameters = String::from_utf8_lossy(&body[..end]);
        match body[end] {
            b'm' => {
                self.flush();
                self.style.apply(&parameters);
            }
            b'K' if parameters == "2" || self.returned => self.clear(),
            _ => {}
        }
        &body[end + 1..]
    }
}

/// Skips a string sequence: up to BEL or ESC \.
fn string(body: &[u8]) -> &[u8] {
    let Some(end) = body.iter().position(|&byte| byte == BEL || byte == ESC) else {
        return &[];
    };
    let after = &body[end + 1..];
    if body[end] == ESC {
        after.strip_prefix(b"\\").unwrap_or(after)
    } else {
        after
    }
}

fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            _ => html.push(c),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_goes_and_text_stays() {
        for (bytes, html) in [
            (&b"plain"[..], "plain"),
            (b"\x1b_bk;t=1767225600000\x07hello", "hello"),
            (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
            (b"\x1b]0;title\x07text", "text"),
            (b"\x1b[2Jcleared\x1b[3A", "cleared"),
            (b"\x1b(Bcharset", "charset"),
            (b"10 %\r50 %\r100 %\r", "100 %"),
            (b"10 %\r\x1b[Kdone", "done"),
            (b"half\x1b[2Kline", "line"),
            (b"a\x08b\x00c\x7fd", "abcd"),
            (b"tab\there", "tab\there"),
            (b"\xe2\x82\xac \xff", "€ \u{fffd}"),
            (b"cut \x1b[3", "cut "),
            (b"cut \x1b", "cut "),
            (b"<b>&\"'", "&lt;b&gt;&amp;&quot;&#39;"),
            (
                b"\x1b[1;31m<x>\x1b[m",
                "<span class=\"f1 bold\">&lt;x&gt;</span>",
            ),
        ] {
            assert_eq!(render(bytes, Style::default()).0, html);
        }
    }
}

//! Placeholders: names for what differs from run to run, in what goes in and in what is wanted.

use std::collections::BTreeMap;

/// What stands for each placeholder in one case.
#[derive(Default)]
pub(super) struct Names(BTreeMap<String, String>);

/// Wanted text: pieces that must be there, and pieces that only have a shape.
#[derive(Clone)]
pub(super) struct Pattern(Vec<Piece>);

#[derive(Clone)]
enum Piece {
    Text(String),
    /// At least one byte of any kind but `/` and line feed.
    Any,
    Number,
    /// 32 random bytes in URL-safe base64.
    Token,
}

impl Names {
    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Text for the host: every placeholder is replaced.
    pub(super) fn fill(&self, text: &str) -> String {
        let pieces = self.pattern(text).0.into_iter();
        pieces
            .map(|piece| match piece {
                Piece::Text(text) => text,
                _ => panic!("only wanted text may leave things open: {text:?}"),
            })
            .collect()
    }

    pub(super) fn pattern(&self, text: &str) -> Pattern {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('@') {
            plain.push_str(&rest[..at]);
            let Some(name) = placeholder(&rest[at + 1..]) else {
                plain.push('@');
                rest = &rest[at + 1..];
                continue;
            };
            rest = &rest[at + name.len() + 2..];
            let open = match name {
                "any" => Piece::Any,
                "number" => Piece::Number,
                "token" => Piece::Token,
                known => {
                    let value = self.get(known);
                    plain.push_str(value.unwrap_or_else(|| panic!("no placeholder @{known}@")));
                    continue;
                }
            };
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
            pieces.push(open);
        }
        plain.push_str(rest);
        pieces.push(Piece::Text(plain));
        Pattern(pieces)
    }

    /// Text for a reader of a failure: the folder of the case is shown by its name.
    pub(super) fn short(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let long_first = [
            "checkout", "plugins", "hooks", "mirrors", "repos", "builds", "home",
        ];
        for name in long_first.into_iter().chain(["tmp"]) {
            if let Some(value) = self.get(name) {
                text = text.replace(value, &format!("@{name}@"));
            }
        }
        for (name, value) in self
            .0
            .iter()
            .filter(|(name, _)| name.starts_with("commit:"))
        {
            text = text.replace(value, &format!("@{name}@"));
        }
        text
    }
}

/// The name between this place and the next `@`: small letters, or `commit:` and `short:` with ids.
fn placeholder(text: &str) -> Option<&str> {
    let name = &text[..text.find('@')?];
    let (word, ids) = name.split_once(':').unwrap_or((name, ""));
    let letters = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    let ids = ids.is_empty() || (["commit", "short"].contains(&word) && ids.bytes().all(plain));
    (letters && ids).then_some(name)
}

impl Pattern {
    pub(super) fn is(&self, text: &str) -> bool {
        matches(&self.0, text.as_bytes(), true)
    }

    pub(super) fn is_in(&self, text: &str) -> bool {
        (0..=text.len()).any(|at| matches(&self.0, &text.as_bytes()[at..], false))
    }
}

fn matches(pieces: &[Piece], text: &[u8], whole: bool) -> bool {
    let Some((first, rest)) = pieces.split_first() else {
        return !whole || text.is_empty();
    };
    let fits: fn(u8) -> bool = match first {
        Piece::Text(wanted) => {
            let left = text.strip_prefix(wanted.as_bytes());
            return left.is_some_and(|left| matches(rest, left, whole));
        }
        Piece::Any => |byte| byte != b'/' && byte != b'\n',
        Piece::Number => |byte| byte.is_ascii_digit(),
        Piece::Token => |byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_',
    };
    let most = text.iter().take_while(|byte| fits(**byte)).count();
    let lengths = if matches!(first, Piece::Token) {
        43..=43
    } else {
        1..=most
    };
    lengths
        .filter(|length| *length <= most)
        .any(|length| matches(rest, &text[length..], whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_pieces_have_a_shape_and_names_stand_for_text() {
        let mut names = Names::default();
        names.set("tmp", "/t");
        names.set("commit:main:c1", "abc");
        for (wanted, text, is) in [
            ("@tmp@/x", "/t/x", true),
            ("a@b.test:x@", "a@b.test:x@", true),
            ("@commit:main:c1@", "abc", true),
            ("s/@number@-@number@.sock", "s/12-3.sock", true),
            ("s/@number@-@number@.sock", "s/12-.sock", false),
            ("@any@/z", "xy/z", true),
            ("@any@/z", "x/y/z", false),
            ("@token@", "x", false),
        ] {
            assert_eq!(names.pattern(wanted).is(text), is, "{wanted} {text}");
        }
        assert!(names.pattern("y@number@").is_in("xy7z"));
    }
}

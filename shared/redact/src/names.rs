//! Deciding by a variable's name whether its value is a secret.

/// The patterns that hold where none are configured, as the peer has them.
pub const DEFAULT_NAMES: &[&str] = &[
    "*_PASSWORD",
    "*_SECRET",
    "*_TOKEN",
    "*_PRIVATE_KEY",
    "*_SSH_KEY",
    "*_ACCESS_KEY",
    "*_SECRET_KEY",
    "*_CONNECTION_STRING",
    "*_API_KEY",
];

/// Patterns of names. The language is that of Go's `path.Match`: `*` is any run without a slash,
/// `?` any one character but a slash, `[a-z]` and `[^a-z]` one of a set, `\x` the character `x`.
/// See <https://pkg.go.dev/path#Match>.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    patterns: Vec<Vec<Part>>,
}

/// A pattern that cannot be read; it matches nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadPattern(pub String);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    AnyRun,
    AnyOne,
    One(char),
    Set {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Names {
    /// Reads patterns; blank ones are left out, unreadable ones are returned beside the rest.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> (Self, Vec<BadPattern>) {
        let (mut names, mut bad) = (Self::default(), Vec::new());
        for text in patterns.into_iter().map(str::trim) {
            match parse(text) {
                Some(parts) if parts.is_empty() => {}
                Some(parts) => names.patterns.push(parts),
                None => bad.push(BadPattern(text.to_owned())),
            }
        }
        (names, bad)
    }

    /// Whether the value of a variable of this name is a secret.
    pub fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        self.patterns.iter().any(|parts| fits(parts, &name))
    }
}

fn parse(text: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        parts.push(match character {
            '*' => Part::AnyRun,
            '?' => Part::AnyOne,
            '\\' => Part::One(rest.next()?),
            '[' => parse_set(&mut rest)?,
            other => Part::One(other),
        });
    }
    Some(parts)
}

/// Reads a set after its `[`. It has at least one range; `]` and `-` stand in it only escaped.
fn parse_set(rest: &mut std::str::Chars<'_>) -> Option<Part> {
    let negated = rest.as_str().starts_with('^');
    if negated {
        rest.next();
    }
    let mut ranges = Vec::new();
    loop {
        if rest.as_str().starts_with(']') && !ranges.is_empty() {
            rest.next();
            return Some(Part::Set { negated, ranges });
        }
        let low = set_character(rest)?;
        let high = if rest.as_str().starts_with('-') {
            rest.next();
            set_character(rest)?
        } else {
            low
        };
        ranges.push((low, high));
    }
}

fn set_character(rest: &mut std::str::Chars<'_>) -> Option<char> {
    match rest.next()? {
        '\\' => rest.next(),
        '-' | ']' => None,
        other => Some(other),
    }
}

/// Matches with one point to return to: the latest `*`, which is enough for this language.
fn fits(parts: &[Part], name: &[char]) -> bool {
    let (mut part, mut at) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match parts.get(part) {
            Some(Part::AnyRun) => {
                retry = Some((part, at));
                part += 1;
                continue;
            }
            Some(single) if name.get(at).is_some_and(|&c| fits_one(single, c)) => {
                part += 1;
                at += 1;
                continue;
            }
            None if at == name.len() => return true,
            _ => {}
        }
        match retry {
            Some((star, from)) if name.get(from).is_some_and(|&c| c != '/') => {
                retry = Some((star, from + 1));
                part = star + 1;
                at = from + 1;
            }
            _ => return false,
        }
    }
}

fn fits_one(part: &Part, character: char) -> bool {
    match part {
        Part::AnyRun => false,
        Part::AnyOne => character != '/',
        Part::One(wanted) => *wanted == character,
        Part::Set { negated, ranges } => {
            ranges
                .iter()
                .any(|&(low, high)| (low..=high).contains(&character))
                != *negated
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> Option<bool> {
        let (names, bad) = Names::new([pattern]);
        bad.is_empty().then(|| names.matches(name))
    }

    #[test]
    fn patterns_match_as_in_go() {
        // From the table of the standard library's own tests for path.Match.
        let cases = [
            ("abc", "abc", true),
            ("*", "abc", true),
            ("*c", "abc", true),
            ("a*", "a", true),
            ("a*", "ab/c", false),
            ("a*b*c*d*e*", "axbxcxdxe", true),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/f", true),
            ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", false),
            ("a*b?c*x", "abxbbxdbxebxczzx", true),
            ("a*b?c*x", "abxbbxdbxebxczzy", false),
            ("ab[c]", "abc", true),
            ("ab[b-d]", "abc", true),
            ("ab[e-g]", "abc", false),
            ("ab[^c]", "abc", false),
            ("ab[^b-d]", "abc", false),
            ("ab[^e-g]", "abc", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "ab", false),
            ("a?b", "a☺b", true),
            ("a[^a]b", "a☺b", true),
            ("a???b", "a☺b", false),
            ("[a-ζ]*", "α", true),
            ("*[a-ζ]", "A", false),
            ("a?b", "a/b", false),
            ("a*b", "a/b", false),
            ("[\\]a]", "]", true),
            ("[\\-]", "-", true),
            ("[x\\-]", "z", false),
            ("*x", "xxx", true),
        ];
        for (pattern, name, wanted) in cases {
            assert_eq!(matches(pattern, name), Some(wanted), "{pattern} {name}");
        }
        for pattern in [
            "[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "[", "[^", "[^bc", "a[", "a\\",
        ] {
            assert_eq!(matches(pattern, "a"), None, "{pattern}");
        }
    }

    #[test]
    fn a_bad_pattern_is_reported_and_the_others_hold() {
        let (names, bad) = Names::new(["*_CODE", "[", " ", "X_?"]);
        assert_eq!(bad, [BadPattern("[".to_owned())]);
        assert!(names.matches("PIN_CODE") && names.matches("X_1") && !names.matches("X_12"));
        assert!(!names.matches(""));
    }
}

//! The config file: `key=value` a line, as `buildkite-agent.cfg` has always been. Pure.

/// One setting of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Line number, counted from 1.
    pub number: usize,
    /// The key: a flag's long name.
    pub key: String,
    /// The value, unquoted.
    pub value: String,
}

/// A line that is no setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {number} is neither key=value nor a comment; correct or remove it")]
pub struct NotASetting {
    /// Line number, counted from 1.
    pub number: usize,
}

/// Reads the text of a config file. Keys may be unknown; that is for the caller to judge.
pub fn parse(text: &str) -> Result<Vec<Line>, NotASetting> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = without_comment(line);
        let (key, value) = split(line).ok_or(NotASetting { number })?;
        lines.push(Line {
            number,
            key: key.to_owned(),
            value: unquote(value),
        });
    }
    Ok(lines)
}

/// The line up to a `#` that is not inside quotes.
fn without_comment(line: &str) -> &str {
    let mut quote = None;
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (None, '#') => return line[..at].trim_end(),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
    }
    line
}

/// `key=value`, or `key: value` where there is no `=` before the colon.
fn split(line: &str) -> Option<(&str, &str)> {
    let (key, value) = match (line.find('='), line.find(':')) {
        (Some(equals), Some(colon)) if colon < equals && line[colon + 1..].starts_with(' ') => {
            line.split_once(':')?
        }
        (Some(_), _) => line.split_once('=')?,
        (None, _) => line.split_once(':')?,
    };
    let key = key.trim();
    let key = key.strip_prefix("export ").map_or(key, str::trim);
    (!key.is_empty()).then_some((key, value.trim()))
}

/// Removes one pair of quotes around the whole, and then undoes `\"` and `\n`.
fn unquote(value: &str) -> String {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| {
            let inner = value.strip_prefix(quote)?.strip_suffix(quote)?;
            let alone = !inner.replace("\\\"", "").contains(quote);
            alone.then(|| inner.replace("\\\"", "\"").replace("\\n", "\n"))
        })
        .unwrap_or_else(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(text: &str) -> (String, String) {
        let mut lines = parse(text).unwrap();
        assert_eq!(lines.len(), 1, "{text:?}");
        let line = lines.remove(0);
        (line.key, line.value)
    }

    #[test]
    fn every_spelling_of_a_setting_is_understood() {
        for (text, key, value) in [
            ("name=box", "name", "box"),
            ("  name = box  ", "name", "box"),
            ("export name=box", "name", "box"),
            ("name: box", "name", "box"),
            ("name=\"box 1\"", "name", "box 1"),
            ("name='box 1'", "name", "box 1"),
            ("name=\"a \\\"b\\\"\\nc\"", "name", "a \"b\"\nc"),
            ("queue=slow # tail", "queue", "slow"),
            ("tags=\"a=#1\" # tail", "tags", "a=#1"),
            ("tags=a=1,b=2", "tags", "a=1,b=2"),
            ("endpoint=http://h:1/v3", "endpoint", "http://h:1/v3"),
            ("name=it's", "name", "it's"),
            ("name=", "name", ""),
        ] {
            assert_eq!(one(text), (key.to_owned(), value.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn comments_and_blank_lines_count_as_lines() {
        let lines = parse("# a\n\n  # b\nname=x\r\n").unwrap();
        assert_eq!((lines[0].number, lines[0].value.as_str()), (4, "x"));
    }

    #[test]
    fn a_line_without_a_value_is_named_by_its_number() {
        assert_eq!(parse("a=1\nnonsense\n"), Err(NotASetting { number: 2 }));
        assert_eq!(parse("=x"), Err(NotASetting { number: 1 }));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in any::<String>()) {
            let _ = parse(&text);
        }
    }
}

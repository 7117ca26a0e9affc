//! Splitting a line of settings into words, and writing words as a shell would read them.
//!
//! Flags and shells are configured as one text. The rules are those of a POSIX shell without
//! expansions and without comments: a `#` is a character like any other.

/// Why a text cannot be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WordsError {
    /// A quote is opened and never closed.
    #[error("a quote is not closed")]
    OpenQuote,
    /// The text ends with a backslash.
    #[error("nothing follows the last backslash")]
    OpenEscape,
}

/// Splits at blanks; quotes and backslashes as in a shell.
pub(crate) fn split(text: &str) -> Result<Vec<String>, WordsError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match character {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\'' => single_quoted(&mut rest, word.get_or_insert_default())?,
            '"' => double_quoted(&mut rest, word.get_or_insert_default())?,
            '\\' => {
                let next = rest.next().ok_or(WordsError::OpenEscape)?;
                word.get_or_insert_default().push(next);
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

fn single_quoted(rest: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), WordsError> {
    for character in rest {
        if character == '\'' {
            return Ok(());
        }
        word.push(character);
    }
    Err(WordsError::OpenQuote)
}

/// Between double quotes a backslash hides only the characters that are special there.
fn double_quoted(rest: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), WordsError> {
    while let Some(character) = rest.next() {
        match character {
            '"' => return Ok(()),
            '\\' => match rest.next().ok_or(WordsError::OpenQuote)? {
                '\n' => {}
                special @ ('"' | '\\' | '$' | '`') => word.push(special),
                other => word.extend(['\\', other]),
            },
            other => word.push(other),
        }
    }
    Err(WordsError::OpenQuote)
}

/// The word as a shell reads it back: as it is if nothing in it is special, else in single quotes.
pub(crate) fn quote(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,@%+*".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    single_quote(word)
}

/// The word in single quotes, as a shell reads it back.
pub(crate) fn single_quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_split_as_in_a_shell() {
        let cases: [(&str, &[&str]); 9] = [
            ("", &[]),
            (" -v  --prune\t\n", &["-v", "--prune"]),
            ("/bin/bash -e -c", &["/bin/bash", "-e", "-c"]),
            ("--config 'user.name=A B'", &["--config", "user.name=A B"]),
            ("a\"b c\"d'e f'", &["ab cde f"]),
            ("'' \"\"", &["", ""]),
            (r#"a\ b "c\"d\e" 'f\g'"#, &["a b", "c\"d\\e", "f\\g"]),
            ("a # b", &["a", "#", "b"]),
            ("\"a\\\nb\"", &["ab"]),
        ];
        for (text, words) in cases {
            assert_eq!(
                split(text).as_deref(),
                Ok(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>()[..]),
                "{text:?}"
            );
        }
        assert_eq!(split("'a"), Err(WordsError::OpenQuote));
        assert_eq!(split("\"a"), Err(WordsError::OpenQuote));
        assert_eq!(split("a\\"), Err(WordsError::OpenEscape));
    }

    proptest! {
        #[test]
        fn quoted_words_are_read_back(words in prop::collection::vec(".{0,12}", 0..6)) {
            let text: Vec<String> = words.iter().map(|word| quote(word)).collect();
            prop_assert_eq!(split(&text.join(" ")), Ok(words));
        }
    }
}

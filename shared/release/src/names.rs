//! What texts of a signed document may look like, and how long its lists may be.
//!
//! Whoever signs is trusted to say what is installed, not to write anywhere else or to exhaust a
//! host; and a publisher's mistake should end here, not on ten thousand hosts.

use crate::Error;

/// Longest text that people read, such as a version or a reason, in bytes.
const MAX_TEXT: usize = 512;

/// Lower-case letters, digits, `-`, `_`, `.`; not empty, not starting with a dot.
pub(crate) fn is_name(text: &str) -> bool {
    let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_' | '.');
    !text.is_empty() && text.len() <= 64 && !text.starts_with('.') && text.chars().all(allowed)
}

/// A channel's name is a folder of the tree, beside `blobs` and `roots`.
pub(crate) fn is_channel(text: &str) -> bool {
    is_name(text) && !matches!(text, "blobs" | "roots")
}

/// A path of names below the release tree: no scheme, no host, no way up or out.
pub(crate) fn is_relative(url: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
    !url.is_empty()
        && url.len() <= 512
        && url
            .split('/')
            .all(|part| !part.is_empty() && !part.starts_with('.') && part.chars().all(allowed))
}

/// `http` or `https`, a host, and no slash at the end; nothing that a shell or a log would trip over.
pub(crate) fn is_base_url(url: &str) -> bool {
    let rest = ["https://", "http://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    url.len() <= 512
        && url.bytes().all(|b| b.is_ascii_graphic())
        && !url.contains(['?', '#', '@', '"', '\\'])
        && !url.ends_with('/')
        && rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
}

/// A text for people: not empty, printable, not endless.
pub(crate) fn is_text(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_TEXT && !text.chars().any(char::is_control)
}

/// Refuses a list that is longer than any honest one.
pub(crate) fn limit<'a, L>(part: &'static str, list: &'a L, most: usize) -> Result<(), Error>
where
    L: ?Sized,
    &'a L: IntoIterator<IntoIter: ExactSizeIterator>,
{
    let count = list.into_iter().len();
    if count > most {
        return Err(Error::senseless(
            part,
            format!("there are {count}, and {most} are the most"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_addresses_are_base_urls() {
        for good in ["https://get.example", "http://10.0.0.1:8080/releases"] {
            assert!(is_base_url(good), "{good}");
        }
        for bad in [
            "",
            "https://",
            "https:///x",
            "ftp://x",
            "file:///etc",
            "https://x/",
            "https://x y",
            "https://u:p@x",
            "https://x/?a",
            "https://x/#a",
            "//x",
            "x",
        ] {
            assert!(!is_base_url(bad), "{bad}");
        }
    }

    #[test]
    fn no_channel_is_called_like_another_part_of_the_tree() {
        for bad in ["", "blobs", "roots", "..", "a/b", "Stable"] {
            assert!(!is_channel(bad), "{bad}");
        }
        assert!(is_channel("stable") && is_channel("lts-2026"));
    }
}

//! Tags that plugins give: which lines are tags, and who wins. Pure.

/// Most tags of one plugin, and the longest one in bytes.
const MOST_TAGS: usize = 64;
const MOST_BYTES: usize = 1024;

/// The tags in an answer, and the lines that are none. A tag is `key=value` with a key and without
/// control characters; empty lines do not count.
pub(crate) fn parse(answer: &str) -> (Vec<String>, Vec<String>) {
    let lines = answer
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let (mut tags, mut bad): (Vec<_>, Vec<_>) =
        lines.map(str::to_owned).partition(|line| is_tag(line));
    bad.extend(tags.drain(MOST_TAGS.min(tags.len())..));
    (tags, bad)
}

fn is_tag(line: &str) -> bool {
    line.len() <= MOST_BYTES
        && !line.contains(char::is_control)
        && line
            .split_once('=')
            .is_some_and(|(key, _)| !key.trim().is_empty())
}

/// Adds `offered` to `tags`, but for those whose key is there already: what a person configured
/// wins over a plugin, and an earlier plugin over a later one. Returns what was not added.
pub fn merge(tags: &mut Vec<String>, offered: Vec<String>) -> Vec<String> {
    let taken: Vec<String> = tags.iter().map(|tag| key(tag).to_owned()).collect();
    let is_taken = |tag: &String| taken.iter().any(|taken| taken == key(tag));
    let (lost, added): (Vec<_>, Vec<_>) = offered.into_iter().partition(is_taken);
    tags.extend(added);
    lost
}

fn key(tag: &str) -> &str {
    tag.split_once('=').map_or(tag, |(key, _)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_with_a_key_are_tags() {
        let (tags, bad) = parse("a=1\n\n b=x=y \r\nnone\n=v\nc=\u{7}\nd=\n");
        assert_eq!(tags, ["a=1", "b=x=y", "d="]);
        assert_eq!(bad, ["none", "=v", "c=\u{7}"]);
        let many = "k=v\n".repeat(MOST_TAGS + 1);
        assert_eq!(parse(&many).0.len(), MOST_TAGS);
        assert_eq!(parse(&format!("k={}", "v".repeat(MOST_BYTES))).1.len(), 1);
    }

    #[test]
    fn an_explicit_tag_wins_and_the_first_plugin_too() {
        let mut tags = vec!["queue=q".to_owned(), "bare".to_owned()];
        let offer = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect();
        let lost = merge(
            &mut tags,
            offer(&["queue=other", "gpu=2", "gpu=3", "bare=1"]),
        );
        assert_eq!(lost, ["queue=other", "bare=1"]);
        assert_eq!(merge(&mut tags, offer(&["gpu=9", "zone=a"])), ["gpu=9"]);
        assert_eq!(tags, ["queue=q", "bare", "gpu=2", "gpu=3", "zone=a"]);
    }
}

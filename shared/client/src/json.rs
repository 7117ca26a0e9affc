//! Request bodies, byte for byte as Go's JSON encoder writes them, since that is what endpoints
//! have always been sent.

use bytes::Bytes;
use serde::Serialize;

use crate::error::Local;

/// Encodes `value` with `<`, `>`, `&` and the two Unicode line separators escaped, and a line feed
/// at the end.
pub(crate) fn encode(value: &impl Serialize) -> Result<Bytes, Local> {
    let plain = serde_json::to_string(value).map_err(|error| Local::Encode(error.to_string()))?;
    let mut out = String::with_capacity(plain.len() + 1);
    // None of these characters can stand outside a JSON string, so plain replacement is right.
    for character in plain.chars() {
        match character {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            _ => out.push(character),
        }
    }
    out.push('\n');
    Ok(out.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_escaped_and_the_line_is_ended() {
        let body = encode(&["<a href=\"x\">&\u{2028}\u{2029}ü</a>"]).unwrap();
        assert_eq!(
            body,
            "[\"\\u003ca href=\\\"x\\\"\\u003e\\u0026\\u2028\\u2029ü\\u003c/a\\u003e\"]\n"
        );
    }
}

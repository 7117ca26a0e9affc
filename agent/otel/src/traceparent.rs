//! The W3C `traceparent`: <https://www.w3.org/TR/trace-context/#traceparent-header>. Pure, and
//! without the rest of OpenTelemetry, for those who only write the ids of a trace somewhere.

/// A `traceparent` as it stands in a header or a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent<'a> {
    /// The trace: 32 hexadecimal digits in lower case, not all of them 0.
    pub trace_id: &'a str,
    /// The span that is the parent: 16 of them.
    pub span_id: &'a str,
    /// Whether the caller recorded its span.
    pub sampled: bool,
}

/// Reads a `traceparent` of version 0, or of a later one as far as it is the same.
pub fn parse(text: &str) -> Option<TraceParent<'_>> {
    let fields: Vec<&str> = text.split('-').collect();
    let [version, trace_id, span_id, flags, rest @ ..] = &fields[..] else {
        return None;
    };
    let known = is_hex(version, 2) && *version != "ff" && (rest.is_empty() || *version != "00");
    if !known || !is_id(trace_id, 32) || !is_id(span_id, 16) || !is_hex(flags, 2) {
        return None;
    }
    let flags = u8::from_str_radix(flags, 16).ok()?;
    Some(TraceParent {
        trace_id,
        span_id,
        sampled: flags & 1 == 1,
    })
}

fn is_hex(text: &str, length: usize) -> bool {
    let mut bytes = text.bytes();
    text.len() == length && bytes.all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_id(text: &str, length: usize) -> bool {
    is_hex(text, length) && text.bytes().any(|byte| byte != b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_parent_is_read_as_the_standard_says() {
        for (text, wanted) in [
            (PARENT.to_owned(), true),
            (PARENT.replace("00-4b", "01-4b") + "-more", true),
            (PARENT.to_owned() + "-more", false),
            (PARENT.replace("00-4b", "ff-4b"), false),
            (PARENT.to_uppercase(), false),
            (
                PARENT.replace("00f067aa0ba902b7", "0000000000000000"),
                false,
            ),
            (String::new(), false),
        ] {
            assert_eq!(parse(&text).is_some(), wanted, "{text}");
        }
    }

    #[test]
    fn the_ids_are_those_of_the_text() {
        let parent = parse(PARENT).expect("a parent");
        assert_eq!(parent.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(parent.span_id, "00f067aa0ba902b7");
        assert!(parent.sampled);
        let quiet = PARENT.replace("-01", "-02");
        assert!(!parse(&quiet).expect("a parent").sampled);
    }
}

//! How a gRPC call ended: its status, or what stands for one where something other than gRPC has
//! answered. Pure.

use std::fmt;

/// A status of gRPC. Values and meanings:
/// <https://github.com/grpc/grpc/blob/master/doc/statuscodes.md>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code(pub u16);

impl Code {
    /// Ended as it should.
    pub const OK: Self = Self(0);
    /// Neither side says what it is.
    pub const UNKNOWN: Self = Self(2);
    /// The time that the call may take is over.
    pub const DEADLINE_EXCEEDED: Self = Self(4);
    /// The caller may not do that.
    pub const PERMISSION_DENIED: Self = Self(7);
    /// There is no such method.
    pub const UNIMPLEMENTED: Self = Self(12);
    /// Trouble that should pass.
    pub const UNAVAILABLE: Self = Self(14);
    /// The caller is not known.
    pub const UNAUTHENTICATED: Self = Self(16);

    /// The status in a header's text; [`Code::UNKNOWN`] if it is none.
    pub fn read(text: &str) -> Self {
        text.trim().parse().map_or(Self::UNKNOWN, Self)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 17] = [
            "OK",
            "CANCELLED",
            "UNKNOWN",
            "INVALID_ARGUMENT",
            "DEADLINE_EXCEEDED",
            "NOT_FOUND",
            "ALREADY_EXISTS",
            "PERMISSION_DENIED",
            "RESOURCE_EXHAUSTED",
            "FAILED_PRECONDITION",
            "ABORTED",
            "OUT_OF_RANGE",
            "UNIMPLEMENTED",
            "INTERNAL",
            "UNAVAILABLE",
            "DATA_LOSS",
            "UNAUTHENTICATED",
        ];
        match NAMES.get(usize::from(self.0)) {
            Some(name) => f.write_str(name),
            None => write!(f, "status {}", self.0),
        }
    }
}

/// The text of `grpc-message`: percent-encoded UTF-8. Control characters become blanks, so that it
/// forges no lines of a log.
pub fn message(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let (byte, tail) = escaped(rest).unwrap_or((*first, tail));
        bytes.push(byte);
        rest = tail;
    }
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    String::from_utf8_lossy(&bytes).chars().map(shown).collect()
}

/// The byte behind `%` and two digits, and what follows them.
fn escaped(text: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, tail @ ..] = text else {
        return None;
    };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = digit(*high)? * 16 + digit(*low)?;
    Some((u8::try_from(byte).ok()?, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_a_number_and_has_a_name() {
        for (text, code, name) in [
            ("0", Code::OK, "OK"),
            (" 4 ", Code::DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"),
            ("14", Code::UNAVAILABLE, "UNAVAILABLE"),
            ("16", Code::UNAUTHENTICATED, "UNAUTHENTICATED"),
            ("17", Code(17), "status 17"),
            ("x", Code::UNKNOWN, "UNKNOWN"),
        ] {
            assert_eq!(Code::read(text), code);
            assert_eq!(code.to_string(), name);
        }
    }

    #[test]
    fn a_message_is_decoded_and_stays_on_its_line() {
        for (text, wanted) in [
            ("plain", "plain"),
            ("50%25 of%20it", "50% of it"),
            ("%C3%BC", "ü"),
            ("a%0Ab%7", "a b%7"),
            ("%zz%", "%zz%"),
        ] {
            assert_eq!(message(text), wanted);
        }
    }
}

//! Splitting an address into its parts as the peer's runtime does, which differs from how browsers
//! do it: nothing is normalized, `x:y` without a slash is opaque, and a lone host is a path.

/// The parts of an address. None of them is checked for what it means.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Address {
    /// In small letters; empty if there is none.
    pub(crate) scheme: String,
    /// User and perhaps password, as written; empty if there are none.
    pub(crate) user: String,
    /// With its port.
    pub(crate) host: String,
    /// Decoded.
    pub(crate) path: String,
    /// What follows the first `#`, decoded.
    pub(crate) fragment: String,
}

/// Why a text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// A byte that no address has.
    #[error("it contains a control character")]
    Control,
    /// A `%` without two hexadecimal digits, or what is decoded is no text.
    #[error("a % in it is not followed by the code of a character; write %25 for the sign itself")]
    Percent,
    /// `:x`.
    #[error("nothing stands before its first colon")]
    NoScheme,
    /// `git@host:path`, which is an address for git only.
    #[error(
        "it has a colon before its first slash; write ssh://user@host/path instead of user@host:path"
    )]
    Colon,
    /// Characters that a host or user cannot have, or a port that is no number.
    #[error("its host or user cannot be read")]
    Authority,
}

/// Splits an address.
pub(crate) fn split(text: &str) -> Result<Address, AddressError> {
    if text.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(AddressError::Control);
    }
    let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
    let mut address = Address {
        fragment: decode(fragment)?,
        ..Address::default()
    };
    let (scheme, rest) = scheme(rest)?;
    address.scheme = scheme.to_ascii_lowercase();
    let (rest, _query) = rest.split_once('?').unwrap_or((rest, ""));
    if !rest.starts_with('/') {
        if !scheme.is_empty() {
            return Ok(address); // opaque: there is neither host nor path
        }
        if rest
            .split('/')
            .next()
            .is_some_and(|part| part.contains(':'))
        {
            return Err(AddressError::Colon);
        }
    }
    let has_authority = rest.starts_with("//") && (!scheme.is_empty() || !rest.starts_with("///"));
    let path = if has_authority {
        let rest = &rest[2..];
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        address.user = checked_user(user)?;
        address.host = checked_host(host)?;
        path
    } else {
        rest
    };
    address.path = decode(path)?;
    Ok(address)
}

/// The scheme, and what follows its colon.
fn scheme(text: &str) -> Result<(&str, &str), AddressError> {
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if index > 0 => {}
            b':' if index == 0 => return Err(AddressError::NoScheme),
            b':' => return Ok((&text[..index], &text[index + 1..])),
            _ => break,
        }
    }
    Ok(("", text))
}

fn checked_user(user: &str) -> Result<String, AddressError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
    if !user.chars().all(allowed) {
        return Err(AddressError::Authority);
    }
    decode(user).map(|_| user.to_owned())
}

fn checked_host(host: &str) -> Result<String, AddressError> {
    let port = match (host.starts_with('['), host.rfind(']')) {
        (true, Some(end)) => &host[end + 1..],
        (true, None) => return Err(AddressError::Authority),
        (false, _) => host.rfind(':').map_or("", |colon| &host[colon..]),
    };
    let port_is_number = match port.strip_prefix(':') {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_digit()),
        None => port.is_empty(),
    };
    let allowed = |c: char| {
        !c.is_ascii() || c.is_ascii_alphanumeric() || "-_.~!$&'()*+,;=:[]<>\"".contains(c)
    };
    if port_is_number && host.chars().all(allowed) {
        Ok(host.to_owned())
    } else {
        Err(AddressError::Authority)
    }
}

/// Replaces `%41` by `A`.
fn decode(text: &str) -> Result<String, AddressError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
            let (high, low) = digit().zip(digit()).ok_or(AddressError::Percent)?;
            bytes.push(u8::try_from(high * 16 + low).map_err(|_| AddressError::Percent)?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| AddressError::Percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> [String; 5] {
        let address = split(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        let Address {
            scheme,
            user,
            host,
            path,
            fragment,
        } = address;
        [scheme, user, host, path, fragment]
    }

    #[test]
    fn an_address_has_up_to_five_parts() {
        for (text, wanted) in [
            ("", ["", "", "", "", ""]),
            ("github.com/a/b#v1", ["", "", "", "github.com/a/b", "v1"]),
            ("https://h/a/b", ["https", "", "h", "/a/b", ""]),
            ("HTTPS://H.x:8443/a", ["https", "", "H.x:8443", "/a", ""]),
            (
                "ssh://git@h/a.git#x/y",
                ["ssh", "git", "h", "/a.git", "x/y"],
            ),
            ("https://u:p%40@h/a", ["https", "u:p%40", "h", "/a", ""]),
            ("https://a@b@h/", ["https", "a@b", "h", "/", ""]),
            ("file:///srv/a", ["file", "", "", "/srv/a", ""]),
            ("///srv/a", ["", "", "", "///srv/a", ""]),
            ("//h/a", ["", "", "h", "/a", ""]),
            ("/srv/a%20b", ["", "", "", "/srv/a b", ""]),
            ("./x#%23", ["", "", "", "./x", "#"]),
            ("https://h/a?x=1#v", ["https", "", "h", "/a", "v"]),
            ("zip+https://h/a.zip", ["zip+https", "", "h", "/a.zip", ""]),
            ("ext::sh -c x", ["ext", "", "", "", ""]),
            ("C:\\plugins", ["c", "", "", "", ""]),
            ("a#b#c", ["", "", "", "a", "b#c"]),
            ("https://[::1]:80/a", ["https", "", "[::1]:80", "/a", ""]),
        ] {
            assert_eq!(parts(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn a_text_that_is_no_address_says_why() {
        for (text, error) in [
            ("a\nb", AddressError::Control),
            ("a\0b", AddressError::Control),
            ("a\u{7f}", AddressError::Control),
            ("/a%2", AddressError::Percent),
            ("/a%zz", AddressError::Percent),
            ("/%ff", AddressError::Percent),
            (":a", AddressError::NoScheme),
            ("git@h:a/b.git", AddressError::Colon),
            ("https://h:port/a", AddressError::Authority),
            ("https://h x/a", AddressError::Authority),
            ("https://h\\x/a", AddressError::Authority),
            ("https://[::1/a", AddressError::Authority),
            ("https://[::1]x/a", AddressError::Authority),
            ("https://a b@h/a", AddressError::Authority),
        ] {
            assert_eq!(split(text), Err(error), "{text:?}");
        }
    }
}

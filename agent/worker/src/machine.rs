//! A host's lasting id, made so that it cannot be told from what the endpoint is sent.
//!
//! The operating system's own id must not leave the host, for other programs know it too. Sent is
//! the HMAC-SHA256 of a fixed text with that id as key, as the peer does it, so that a host that
//! changes from one to the other stays the same host.

use aws_lc_rs::hmac;

/// What is signed.
const TEXT: &str = "buildkite-agent";

/// This host's id; none where the operating system has none.
pub fn id() -> Option<String> {
    match machine_uid::get() {
        Ok(own) => protected(&own),
        Err(error) => {
            tracing::debug!("this host has no id of its own: {error}");
            None
        }
    }
}

fn protected(own: &str) -> Option<String> {
    let own = own.trim();
    if own.is_empty() {
        return None;
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, own.as_bytes());
    let tag = hmac::sign(&key, TEXT.as_bytes());
    let hex = tag
        .as_ref()
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16)));
    hex.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_the_peers_digest_and_blanks_around_an_id_do_not_count() {
        // printf %s buildkite-agent | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
        let expected = "231ca6d0cd1c82a12f10d25861b2e18cb4264b9e0729ff98f5ae7803a789242c";
        for own in [
            "0123456789abcdef0123456789abcdef",
            "0123456789abcdef0123456789abcdef\n",
        ] {
            assert_eq!(protected(own).as_deref(), Some(expected));
        }
        assert_eq!(protected(" \n"), None);
    }
}

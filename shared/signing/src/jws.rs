//! JWS in its compact form with a detached payload (RFC 7515, appendix F): `header..signature`.
//! Pure.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::algorithm::Algorithm;
use crate::jwk::KeySet;

/// The header of a signature.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    alg: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    /// Extensions that have to be understood. We understand none.
    #[serde(default, skip_serializing)]
    crit: Option<serde_json::Value>,
    /// Whether the payload is in base64; by default it is.
    #[serde(default, skip_serializing)]
    b64: Option<bool>,
}

/// A header that waits for its signature.
#[derive(Debug)]
pub(crate) struct Unsigned {
    header: String,
    /// What is to be signed.
    pub(crate) input: Vec<u8>,
}

impl Unsigned {
    pub(crate) fn new(algorithm: Algorithm, id: Option<&str>, payload: &[u8]) -> Self {
        let header = Header {
            alg: algorithm.name().to_owned(),
            kid: id.map(str::to_owned),
            crit: None,
            b64: None,
        };
        let json = serde_json::to_vec(&header).expect("texts are JSON");
        let header = URL_SAFE_NO_PAD.encode(json);
        let input = input(&header, payload);
        Self { header, input }
    }

    pub(crate) fn with(&self, signature: &[u8]) -> String {
        format!("{}..{}", self.header, URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Whether one of the keys made this signature of the payload.
pub(crate) fn verifies(value: &str, payload: &[u8], keys: &KeySet) -> bool {
    let Some((header, signature)) = value.split_once("..") else {
        return false;
    };
    let Ok(json) = URL_SAFE_NO_PAD.decode(header) else {
        return false;
    };
    let Ok(read) = serde_json::from_slice::<Header>(&json) else {
        return false;
    };
    let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else {
        return false;
    };
    if read.crit.is_some() || read.b64 == Some(false) {
        return false;
    }
    let input = input(header, payload);
    keys.candidates(&read.alg, read.kid.as_deref())
        .any(|key| key.verifies(&input, &signature))
}

fn input(header: &str, payload: &[u8]) -> Vec<u8> {
    let mut input = header.as_bytes().to_vec();
    input.push(b'.');
    input.extend(URL_SAFE_NO_PAD.encode(payload).into_bytes());
    input
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7515, appendix A.4.
    const KEY: &str = r#"{"kty":"EC","crv":"P-521","alg":"ES512",
        "x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
        "y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}"#;
    const VALUE: &str = "eyJhbGciOiJFUzUxMiJ9..AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1b\
        KPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYb\
        SW9ERBXukOXolLzeO_Jn";

    #[test]
    fn the_example_of_the_standard_verifies_and_nothing_like_it_does() {
        let keys = KeySet::parse(KEY).expect("key");
        assert!(verifies(VALUE, b"Payload", &keys));
        assert!(!verifies(VALUE, b"payload", &keys));
        assert!(!verifies(&VALUE.replace("..", "."), b"Payload", &keys));
        assert!(!verifies(&VALUE.replace("..", "..A"), b"Payload", &keys));
    }

    #[test]
    fn headers_that_ask_for_more_than_we_know_are_refused() {
        let secret = r#"{"kty":"oct","alg":"HS256","k":"c2VjcmV0"}"#;
        let keys = KeySet::parse(secret).expect("key");
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"secret");
        let made = |header: &str| {
            let header = URL_SAFE_NO_PAD.encode(header);
            let tag = aws_lc_rs::hmac::sign(&key, &input(&header, b"p"));
            let value = format!("{header}..{}", URL_SAFE_NO_PAD.encode(tag.as_ref()));
            verifies(&value, b"p", &keys)
        };
        assert!(made(r#"{"alg":"HS256"}"#));
        assert!(!made(r#"{"alg":"HS256","crit":["x"],"x":1}"#));
        assert!(!made(r#"{"alg":"HS256","b64":false}"#));
        assert!(!made(r#"{"alg":"HS512"}"#));
        assert!(!made("{}"));
    }
}

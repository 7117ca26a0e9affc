//! The publisher's keys: ed25519 (RFC 8032), made from 32 random bytes, kept as one line of hex.

use ed25519_dalek::{Signer as _, SigningKey};

use crate::Error;

/// A private key and its public half. Zeroed in memory when dropped.
pub struct Keypair(SigningKey);

impl Keypair {
    /// The key pair of a seed; the caller draws the seed from the operating system.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&seed))
    }

    /// Reads the text that [`Keypair::to_text`] wrote; white space around it is ignored.
    pub fn from_text(text: &str) -> Result<Self, Error> {
        from_hex(text.trim())
            .map(Self::from_seed)
            .ok_or(Error::NotAKey("64 lower-case hex digits were expected"))
    }

    /// The private seed as one line of hex. Whoever reads it can sign: write it to a 0600 file.
    pub fn to_text(&self) -> String {
        format!("{}\n", to_hex(self.0.as_bytes()))
    }

    /// The public half, as 64 hex digits.
    pub fn public_hex(&self) -> String {
        to_hex(&self.public())
    }

    /// The name by which signatures refer to this key: the first 16 digits of its public half.
    pub fn kid(&self) -> String {
        to_hex(&self.public()[..8])
    }

    pub(crate) fn sign(&self, payload: &[u8]) -> [u8; 64] {
        self.0.sign(payload).to_bytes()
    }

    fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }
}

impl std::fmt::Debug for Keypair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Keypair").field(&self.kid()).finish()
    }
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Exactly `N` bytes of lower-case hex; one spelling only, so that no flipped bit goes unseen.
pub(crate) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    let lower = |c: &u8| matches!(c, b'0'..=b'9' | b'a'..=b'f');
    if digits.len() != N * 2 || !digits.iter().all(lower) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_own_text() {
        let key = Keypair::from_seed([7; 32]);
        let again = Keypair::from_text(&key.to_text()).unwrap();
        assert_eq!(again.public_hex(), key.public_hex());
        assert!(key.public_hex().starts_with(&key.kid()));
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        for text in ["", "00", &"0".repeat(63), &"A".repeat(64), &"g".repeat(64)] {
            assert!(Keypair::from_text(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_printed_key_shows_no_secret() {
        let key = Keypair::from_seed([7; 32]);
        assert!(!format!("{key:?}").contains(key.to_text().trim()));
    }
}

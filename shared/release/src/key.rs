//! Keys and signatures: ed25519 (RFC 8032). A private key is made from 32 random bytes and kept as
//! one line of hex; a public one is 64 hex digits.

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};

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

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// The public half, as 64 hex digits.
    pub fn public_hex(&self) -> String {
        self.public().to_hex()
    }

    /// The name by which signatures refer to this key.
    pub fn kid(&self) -> String {
        self.public().kid()
    }

    /// Signs these bytes.
    pub fn sign(&self, payload: &[u8]) -> Signature {
        Signature {
            kid: self.kid(),
            hex: to_hex(&self.0.sign(payload).to_bytes()),
        }
    }
}

impl std::fmt::Debug for Keypair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Keypair").field(&self.kid()).finish()
    }
}

/// A public key whose point is canonical and not of small order, so that a signature of it binds
/// one key to one message (RFC 8032, 5.1.7; the strict rules of ed25519-dalek).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads 64 lower-case hex digits; white space around them is ignored.
    pub fn from_text(text: &str) -> Result<Self, Error> {
        let raw = from_hex::<32>(text.trim())
            .ok_or(Error::NotAKey("64 lower-case hex digits were expected"))?;
        let key = VerifyingKey::from_bytes(&raw)
            .map_err(|_| Error::NotAKey("these digits are no ed25519 public key"))?;
        if key.is_weak() || !is_canonical(&raw) {
            return Err(Error::NotAKey("an ed25519 key must not be of small order"));
        }
        Ok(Self(key))
    }

    /// As 64 hex digits.
    pub fn to_hex(&self) -> String {
        to_hex(self.0.as_bytes())
    }

    /// The name by which signatures refer to this key: the first 16 digits.
    pub fn kid(&self) -> String {
        to_hex(&self.0.as_bytes()[..8])
    }

    /// The signature that somebody else made over these bytes with this key, as 128 hex digits.
    /// White space around it is ignored. `None` if it is none, or does not match.
    pub fn signature(&self, payload: &[u8], hex: &str) -> Option<Signature> {
        let hex = hex.trim();
        self.has_signed(payload, hex).then(|| Signature {
            kid: self.kid(),
            hex: hex.to_owned(),
        })
    }

    pub(crate) fn has_signed(&self, payload: &[u8], hex: &str) -> bool {
        from_hex::<64>(hex).is_some_and(|raw| {
            let signature = ed25519_dalek::Signature::from_bytes(&raw);
            self.0.verify_strict(payload, &signature).is_ok()
        })
    }
}

/// A signature and the id of its key. Made by [`Keypair::sign`] or [`PublicKey::signature`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    pub(crate) kid: String,
    pub(crate) hex: String,
}

impl Signature {
    /// The id of the key.
    pub fn kid(&self) -> &str {
        &self.kid
    }
}

/// Whether y, all bits but the last, is below the field's prime 2^255 - 19.
fn is_canonical(raw: &[u8; 32]) -> bool {
    let high = raw[31] & 0x7f == 0x7f && raw[1..31].iter().all(|byte| *byte == 0xff);
    !(high && raw[0] >= 0xed)
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
        assert_eq!(PublicKey::from_text(&key.public_hex()), Ok(key.public()));
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        for text in ["", "00", &"0".repeat(63), &"A".repeat(64), &"g".repeat(64)] {
            assert!(Keypair::from_text(text).is_err(), "{text:?}");
            assert!(PublicKey::from_text(text).is_err(), "{text:?}");
        }
    }

    /// Points of order 1, 2, 4 and 8, and spellings of y that are not below the prime
    /// (<https://eprint.iacr.org/2020/1244>, table 1).
    #[test]
    fn keys_that_anybody_can_sign_for_are_refused() {
        for text in [
            "0100000000000000000000000000000000000000000000000000000000000000",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000080",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ] {
            assert!(PublicKey::from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_signature_from_elsewhere_counts_only_if_it_matches() {
        let key = Keypair::from_seed([7; 32]);
        let made = key.sign(b"payload");
        let text = format!(" {}\n", made.hex);
        assert_eq!(key.public().signature(b"payload", &text), Some(made));
        assert_eq!(key.public().signature(b"other", &text), None);
        let upper = text.to_uppercase();
        assert_eq!(key.public().signature(b"payload", &upper), None);
    }

    #[test]
    fn a_printed_key_shows_no_secret() {
        let key = Keypair::from_seed([7; 32]);
        assert!(!format!("{key:?}").contains(key.to_text().trim()));
    }
}

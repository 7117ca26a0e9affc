//! The token that only the processes of one job know.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

/// What a request has to carry, as `Authorization: Bearer TOKEN`.
#[derive(Clone)]
pub(crate) struct Token(String);

impl Token {
    /// A new one: 32 random bytes in URL-safe base64.
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// Whether the header names this token; takes as long for every wrong one.
    pub(crate) fn admits(&self, authorization: Option<&[u8]>) -> bool {
        let given = authorization.and_then(|header| header.strip_prefix(b"Bearer "));
        given.is_some_and(|given| given.ct_eq(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_after_the_word_bearer_admits() {
        let token = Token::random().expect("random");
        let whole = format!("Bearer {}", token.text());
        assert_eq!(token.text().len(), 43);
        assert!(token.admits(Some(whole.as_bytes())));
        let other = Token::random().expect("random");
        for wrong in [
            &whole[..whole.len() - 1],
            &format!("{whole}x"),
            &whole["Bearer ".len()..],
            &format!("bearer {}", token.text()),
            &format!("Bearer {}", other.text()),
            "Bearer ",
            "",
        ] {
            assert!(!token.admits(Some(wrong.as_bytes())), "{wrong}");
        }
        assert!(!token.admits(None));
    }
}

//! The algorithms of signatures, by their names in JWS (RFC 7518, RFC 8037). Pure.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters,
    VerificationAlgorithm,
};

/// How a signature is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Algorithm(&'static Row);

/// What keys of an algorithm are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Family {
    /// A point on an Edwards curve.
    Edwards(&'static dyn VerificationAlgorithm),
    /// A point on a curve of NIST, with the name of the curve and the bytes of a coordinate.
    Curve(&'static dyn VerificationAlgorithm, &'static str, usize),
    /// A modulus and an exponent.
    Rsa(&'static RsaParameters),
    /// A secret that both sides have.
    Shared(hmac::Algorithm),
}

#[derive(Debug)]
struct Row {
    name: &'static str,
    family: Family,
    signs: bool,
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Row {}

const fn row(name: &'static str, family: Family, signs: bool) -> Row {
    Row {
        name,
        family,
        signs,
    }
}

/// What is verified, and whether we sign with it, too. Whoever verifies chooses the keys, so the
/// list is that of the peer; for signing only the strong ones are left.
static ALL: [Row; 13] = [
    row("EdDSA", Family::Edwards(&ED25519), true),
    row(
        "ES512",
        Family::Curve(&ECDSA_P521_SHA512_FIXED, "P-521", 66),
        true,
    ),
    row("PS512", Family::Rsa(&RSA_PSS_2048_8192_SHA512), true),
    row(
        "ES256",
        Family::Curve(&ECDSA_P256_SHA256_FIXED, "P-256", 32),
        false,
    ),
    row(
        "ES384",
        Family::Curve(&ECDSA_P384_SHA384_FIXED, "P-384", 48),
        false,
    ),
    row("PS256", Family::Rsa(&RSA_PSS_2048_8192_SHA256), false),
    row("PS384", Family::Rsa(&RSA_PSS_2048_8192_SHA384), false),
    row("RS256", Family::Rsa(&RSA_PKCS1_2048_8192_SHA256), false),
    row("RS384", Family::Rsa(&RSA_PKCS1_2048_8192_SHA384), false),
    row("RS512", Family::Rsa(&RSA_PKCS1_2048_8192_SHA512), false),
    row("HS256", Family::Shared(hmac::HMAC_SHA256), false),
    row("HS384", Family::Shared(hmac::HMAC_SHA384), false),
    row("HS512", Family::Shared(hmac::HMAC_SHA512), false),
];

impl Algorithm {
    /// ECDSA on P-256, which is what key services sign with.
    pub const ES256: Self = Self(&ALL[3]);

    /// The algorithm of that name. Names are case-sensitive.
    pub fn named(name: &str) -> Option<Self> {
        ALL.iter().find(|row| row.name == name).map(Self)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// Whether steps are signed with keys of it that lie in a file. Secrets that verifiers have,
    /// too, and RSA without PSS are for old signatures only.
    pub fn signs(self) -> bool {
        self.0.signs
    }

    pub(crate) fn family(self) -> Family {
        self.0.family
    }

    /// The names that verify, for errors.
    pub(crate) fn names() -> String {
        let names: Vec<&str> = ALL.iter().map(|row| row.name).collect();
        names.join(", ")
    }
}

impl Family {
    /// The `kty` of its keys.
    pub(crate) fn key_type(self) -> &'static str {
        match self {
            Self::Edwards(_) => "OKP",
            Self::Curve(..) => "EC",
            Self::Rsa(_) => "RSA",
            Self::Shared(_) => "oct",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact_and_three_of_them_sign() {
        for row in &ALL {
            assert_eq!(
                Algorithm::named(row.name).map(Algorithm::name),
                Some(row.name)
            );
        }
        assert_eq!(Algorithm::ES256.name(), "ES256");
        for name in ["eddsa", "none", "", "ES256K"] {
            assert_eq!(Algorithm::named(name), None, "{name}");
        }
        let signing = ALL.iter().filter(|row| row.signs).map(|row| row.name);
        assert_eq!(signing.collect::<Vec<_>>(), ["EdDSA", "ES512", "PS512"]);
    }
}

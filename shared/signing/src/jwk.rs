//! Keys as files hold them: JWK (RFC 7517), alone or in a set. Pure.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ParsedPublicKey, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use crate::algorithm::{Algorithm, Family};

/// Why keys cannot be used. The text never holds a part of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No JSON, or not of keys.
    #[error("this is not a key or a set of keys (JWK or JWKS): {0}")]
    NotKeys(String),
    /// A set of no keys that sign.
    #[error("the set has no keys for signatures; make one with `tool keygen`")]
    Empty,
    /// A key does not say what it is for.
    #[error("key {0} has no `alg`; add the algorithm it is for")]
    NoAlgorithm(usize),
    /// A key is for something else.
    #[error("key {number} is for {algorithm:?}; use one of {known}")]
    Unknown {
        /// Which, from 1.
        number: usize,
        /// What it says it is for.
        algorithm: String,
        /// What would be right.
        known: String,
    },
    /// A key is not what its algorithm needs.
    #[error("key {number} is no key of {algorithm}: {why}")]
    Malformed {
        /// Which, from 1.
        number: usize,
        /// What it is for.
        algorithm: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Nobody said which of several keys signs.
    #[error("there are {0} keys; say with a key id which of them signs")]
    Several(usize),
    /// No key of that id.
    #[error("no key has the id {0:?}")]
    NoSuchId(String),
}

/// The members of a JWK that matter here, private ones included.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Jwk {
    pub(crate) kty: String,
    pub(crate) alg: Option<String>,
    pub(crate) kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    crv: String,
    pub(crate) x: String,
    pub(crate) y: String,
    pub(crate) n: String,
    pub(crate) e: String,
    k: String,
    pub(crate) d: String,
    pub(crate) p: String,
    pub(crate) q: String,
    pub(crate) dp: String,
    pub(crate) dq: String,
    pub(crate) qi: String,
}

/// A set of keys that signatures are verified with.
#[derive(Debug)]
pub struct KeySet(Vec<VerifyingKey>);

/// One key.
#[derive(Debug)]
pub(crate) struct VerifyingKey {
    pub(crate) id: Option<String>,
    pub(crate) algorithm: Algorithm,
    material: Material,
}

enum Material {
    Public(ParsedPublicKey),
    Shared(Box<hmac::Key>),
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public(_) => "public",
            Self::Shared(_) => "shared",
        })
    }
}

impl KeySet {
    /// Reads a set of keys, or one key alone. Private parts are neither needed nor looked at. Keys
    /// that are not for signatures are left out.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut keys = Vec::new();
        for (index, jwk) in read(text)?.iter().enumerate() {
            if let Some(key) = VerifyingKey::of(index + 1, jwk)? {
                keys.push(key);
            }
        }
        if keys.is_empty() {
            return Err(KeyError::Empty);
        }
        Ok(Self(keys))
    }

    /// A set of one key of a key service, which is a point on P-256 in the form of X.509 (DER).
    pub fn of_service(public_key: &[u8]) -> Result<Self, KeyError> {
        let algorithm = Algorithm::ES256;
        let malformed = KeyError::Malformed {
            number: 1,
            algorithm: algorithm.name(),
            why: "it is not on the curve P-256",
        };
        let Family::Curve(verify, ..) = algorithm.family() else {
            return Err(malformed);
        };
        let key = ParsedPublicKey::new(verify, public_key).map_err(|_| malformed)?;
        Ok(Self(vec![VerifyingKey {
            id: None,
            algorithm,
            material: Material::Public(key),
        }]))
    }

    /// The keys that may have made a signature with this header. An id rules out the keys of other
    /// ids; where the header or the key has none, the signature alone decides.
    pub(crate) fn candidates(
        &self,
        algorithm: &str,
        id: Option<&str>,
    ) -> impl Iterator<Item = &VerifyingKey> {
        self.0.iter().filter(move |key| {
            let named = id.is_none() || key.id.is_none() || key.id.as_deref() == id;
            named && key.algorithm.name() == algorithm
        })
    }
}

impl VerifyingKey {
    fn of(number: usize, jwk: &Jwk) -> Result<Option<Self>, KeyError> {
        // Keys for encryption have algorithms of their own.
        if !jwk.signs() {
            return Ok(None);
        }
        let algorithm = jwk.algorithm(number)?;
        let material = jwk.material(algorithm).map_err(|why| KeyError::Malformed {
            number,
            algorithm: algorithm.name(),
            why,
        })?;
        Ok(Some(Self {
            id: jwk.kid.clone(),
            algorithm,
            material,
        }))
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Public(key) => key.verify_sig(message, signature).is_ok(),
            Material::Shared(key) => hmac::verify(key, message, signature).is_ok(),
        }
    }
}

impl Jwk {
    pub(crate) fn algorithm(&self, number: usize) -> Result<Algorithm, KeyError> {
        let name = self.alg.as_deref().unwrap_or_default();
        if name.is_empty() {
            return Err(KeyError::NoAlgorithm(number));
        }
        Algorithm::named(name).ok_or_else(|| KeyError::Unknown {
            number,
            algorithm: name.to_owned(),
            known: Algorithm::names(),
        })
    }

    fn signs(&self) -> bool {
        self.purpose
            .as_deref()
            .is_none_or(|purpose| purpose == "sig")
    }

    fn material(&self, algorithm: Algorithm) -> Result<Material, &'static str> {
        let family = algorithm.family();
        if self.kty != family.key_type() {
            return Err("its `kty` is of another kind of key");
        }
        let broken = "its parts make no key";
        match family {
            Family::Shared(hash) => {
                let secret = bytes(&self.k)?;
                Ok(Material::Shared(Box::new(hmac::Key::new(hash, &secret))))
            }
            Family::Rsa(parameters) => {
                let components = RsaPublicKeyComponents {
                    n: number(&self.n)?,
                    e: number(&self.e)?,
                };
                let key = components.to_parsed_public_key(parameters);
                key.map(Material::Public).map_err(|_| broken)
            }
            Family::Edwards(verify) => {
                if self.crv != "Ed25519" {
                    return Err("its `crv` is not Ed25519");
                }
                let key = ParsedPublicKey::new(verify, bytes(&self.x)?);
                key.map(Material::Public).map_err(|_| broken)
            }
            Family::Curve(verify, curve, size) => {
                if self.crv != curve {
                    return Err("its `crv` is another curve");
                }
                let key = ParsedPublicKey::new(verify, self.point(size)?);
                key.map(Material::Public).map_err(|_| broken)
            }
        }
    }

    /// An uncompressed point: a mark and both coordinates.
    pub(crate) fn point(&self, size: usize) -> Result<Vec<u8>, &'static str> {
        let mut point = vec![4];
        for coordinate in [&self.x, &self.y] {
            point.extend(padded(coordinate, size)?);
        }
        Ok(point)
    }
}

/// The keys of a text: of its `keys`, or the text itself is one.
pub(crate) fn read(text: &str) -> Result<Vec<Jwk>, KeyError> {
    // What is wrong with JSON is told without the JSON: it may hold private keys.
    let not_keys = |error: &serde_json::Error| {
        let (line, column) = (error.line(), error.column());
        KeyError::NotKeys(match error.classify() {
            serde_json::error::Category::Data => "a part of a key is not a text".to_owned(),
            _ => format!("no JSON at line {line}, column {column}"),
        })
    };
    let value: Value = serde_json::from_str(text).map_err(|error| not_keys(&error))?;
    let Value::Object(map) = &value else {
        return Err(KeyError::NotKeys("it is no map".to_owned()));
    };
    let keys = match map.get("keys") {
        Some(keys) => Vec::<Jwk>::deserialize(keys),
        None if map.contains_key("kty") => Jwk::deserialize(&value).map(|key| vec![key]),
        None => {
            return Err(KeyError::NotKeys(
                "it has neither `keys` nor `kty`".to_owned(),
            ));
        }
    };
    keys.map_err(|error| not_keys(&error))
}

/// The bytes of a member.
pub(crate) fn bytes(member: &str) -> Result<Vec<u8>, &'static str> {
    match URL_SAFE_NO_PAD.decode(member) {
        Ok(bytes) if bytes.is_empty() => Err("a part of it is missing"),
        Ok(bytes) => Ok(bytes),
        Err(_) => Err("a part of it is not base64url"),
    }
}

/// A number without leading zeros.
pub(crate) fn number(member: &str) -> Result<Vec<u8>, &'static str> {
    let bytes = bytes(member)?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    Ok(bytes[zeros..].to_vec())
}

/// A number of so many bytes.
pub(crate) fn padded(member: &str, size: usize) -> Result<Vec<u8>, &'static str> {
    let number = number(member)?;
    let missing = size.checked_sub(number.len());
    let mut whole = vec![0; missing.ok_or("a part of it is too long")?];
    whole.extend(number);
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED: &str = r#"{"alg":"EdDSA","crv":"Ed25519","kid":"a","kty":"OKP","x":"NzUF4-X0hVbGqi9c25C2frexZ2zOpS9QoIuC2Od6d8A"}"#;

    #[test]
    fn a_set_a_key_alone_and_keys_for_other_uses_are_read() {
        assert_eq!(KeySet::parse(ED).expect("one").0.len(), 1);
        let set = format!(r#"{{"keys":[{ED},{ED}]}}"#);
        assert_eq!(KeySet::parse(&set).expect("two").0.len(), 2);
        let other = ED.replacen('{', r#"{"use":"enc","#, 1);
        for other in [&other, &other.replace("EdDSA", "RSA-OAEP-256")] {
            let set = format!(r#"{{"keys":[{ED},{other}]}}"#);
            assert_eq!(KeySet::parse(&set).expect("one").0.len(), 1, "{other}");
            assert_eq!(KeySet::parse(other).map(|_| ()), Err(KeyError::Empty));
        }
    }

    #[test]
    fn what_is_wrong_with_keys_is_said_without_them() {
        let without = |part: &str| ED.replace(part, "\"other\":\"\"");
        for (text, why) in [
            ("{\"secret\"".to_owned(), "no JSON at line 1"),
            ("[]".to_owned(), "no map"),
            ("{}".to_owned(), "neither `keys` nor `kty`"),
            (r#"{"keys":[]}"#.to_owned(), "no keys"),
            (r#"{"keys":[{"kty":7}]}"#.to_owned(), "not a text"),
            (without(r#""alg":"EdDSA""#), "key 1 has no `alg`"),
            (
                ED.replace("EdDSA", "none"),
                "is for \"none\"; use one of EdDSA",
            ),
            (ED.replace("EdDSA", "ES512"), "another kind"),
            (ED.replace("OKP", "EC"), "another kind"),
            (ED.replace("Ed25519", "Ed448"), "not Ed25519"),
            (ED.replace("NzUF4", "!"), "not base64url"),
            (ED.replace("NzUF4-X0", ""), "make no key"),
            (
                without(r#""x":"NzUF4-X0hVbGqi9c25C2frexZ2zOpS9QoIuC2Od6d8A""#),
                "missing",
            ),
        ] {
            let error = KeySet::parse(&text).expect_err(&text).to_string();
            assert!(error.contains(why), "{text}: {error}");
            assert!(
                !error.contains("secret") && !error.contains("hVbGqi"),
                "{error}"
            );
        }
    }

    #[test]
    fn coordinates_may_lack_their_zeros_but_not_be_longer() {
        assert_eq!(padded("AQI", 4), Ok(vec![0, 0, 1, 2]));
        assert_eq!(padded("AAAAAQI", 4), Ok(vec![0, 0, 1, 2]));
        assert!(padded("AQI", 1).is_err());
    }
}

//! Signing a step, for whoever uploads or writes a pipeline. Pure.
//!
//! With a key of a file, [`sign`] does all of it. With a key of a key service, [`prepare`] says
//! what the service has to sign and [`Prepared::finish`] takes its signature.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPairComponents;
use aws_lc_rs::signature::{
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PSS_SHA512, RsaKeyPair,
    RsaPublicKeyComponents,
};
use serde_json::Value;

use crate::algorithm::{Algorithm, Family};
use crate::jwk::{self, Jwk, KeyError};
use crate::jws::Unsigned;
use crate::payload::{ENV, payload};
use crate::step::{Signature, Step};

/// A key that signs.
pub struct SigningKey {
    id: Option<String>,
    algorithm: Algorithm,
    private: Private,
}

enum Private {
    Edwards(Ed25519KeyPair),
    Curve(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, {:?})", self.algorithm.name(), self.id)
    }
}

/// Signing failed although the key is good: the system gives no random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key does not sign; see whether the system has random numbers")]
pub struct CannotSign;

/// A step that waits for its signature.
#[derive(Debug)]
pub struct Prepared {
    unsigned: Unsigned,
    algorithm: Algorithm,
    fields: Vec<String>,
    payload: Vec<u8>,
}

impl SigningKey {
    /// Reads the private key of that id from a set; of one key alone, the id may be left out.
    pub fn parse(text: &str, id: Option<&str>) -> Result<Self, KeyError> {
        let keys = jwk::read(text)?;
        let count = keys.len();
        let mut keys = keys.into_iter().enumerate();
        let found = match id {
            Some(id) => keys
                .find(|(_, key)| key.kid.as_deref() == Some(id))
                .ok_or_else(|| KeyError::NoSuchId(id.to_owned()))?,
            None if count > 1 => return Err(KeyError::Several(count)),
            None => keys.next().ok_or(KeyError::Empty)?,
        };
        let (index, key) = found;
        Self::of(index + 1, &key)
    }

    fn of(number: usize, key: &Jwk) -> Result<Self, KeyError> {
        let algorithm = key.algorithm(number)?;
        if !algorithm.signs() {
            return Err(KeyError::Unknown {
                number,
                algorithm: algorithm.name().to_owned(),
                known: "EdDSA, ES512, PS512 for signing".to_owned(),
            });
        }
        let private = private(key, algorithm).map_err(|why| KeyError::Malformed {
            number,
            algorithm: algorithm.name(),
            why,
        })?;
        Ok(Self {
            id: key.kid.clone(),
            algorithm,
            private,
        })
    }

    fn signature(&self, input: &[u8]) -> Result<Vec<u8>, CannotSign> {
        let random = SystemRandom::new();
        match &self.private {
            Private::Edwards(key) => Ok(key.sign(input).as_ref().to_vec()),
            Private::Curve(key) => match key.sign(&random, input) {
                Ok(signature) => Ok(signature.as_ref().to_vec()),
                Err(_) => Err(CannotSign),
            },
            Private::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PSS_SHA512, &random, input, &mut signature)
                    .map_err(|_| CannotSign)?;
                Ok(signature)
            }
        }
    }
}

fn private(key: &Jwk, algorithm: Algorithm) -> Result<Private, &'static str> {
    if key.kty != algorithm.family().key_type() {
        return Err("its `kty` is of another kind of key");
    }
    if key.d.is_empty() {
        return Err("it is a public key, and those do not sign");
    }
    let broken = "its parts make no key";
    match algorithm.family() {
        Family::Edwards(_) => {
            let (seed, public) = (jwk::bytes(&key.d)?, jwk::bytes(&key.x)?);
            Ed25519KeyPair::from_seed_and_public_key(&seed, &public)
                .map(Private::Edwards)
                .map_err(|_| broken)
        }
        Family::Curve(_, _, size) => {
            let (secret, public) = (jwk::padded(&key.d, size)?, key.point(size)?);
            let algorithm = &ECDSA_P521_SHA512_FIXED_SIGNING;
            EcdsaKeyPair::from_private_key_and_public_key(algorithm, &secret, &public)
                .map(Private::Curve)
                .map_err(|_| broken)
        }
        Family::Rsa(_) => RsaKeyPair::from_components(&KeyPairComponents {
            public_key: RsaPublicKeyComponents {
                n: jwk::number(&key.n)?,
                e: jwk::number(&key.e)?,
            },
            d: jwk::number(&key.d)?,
            p: jwk::number(&key.p)?,
            q: jwk::number(&key.q)?,
            dP: jwk::number(&key.dp)?,
            dQ: jwk::number(&key.dq)?,
            qInv: jwk::number(&key.qi)?,
        })
        .map(Private::Rsa)
        .map_err(|_| broken),
        Family::Shared(_) => Err("it is a secret that others have, too"),
    }
}

/// What has to be signed of a step: `env` are the variables of its pipeline, `id` is the id of the
/// key, if it has one.
pub fn prepare(
    step: &Step,
    repository: &str,
    env: &BTreeMap<String, String>,
    algorithm: Algorithm,
    id: Option<&str>,
) -> Prepared {
    let mut values: BTreeMap<String, Value> = step
        .required()
        .filter_map(|field| Some((field.to_owned(), step.field(field, repository)?)))
        .collect();
    // A variable of the step hides the pipeline's.
    let env = env.iter().filter(|(name, _)| !step.env.contains_key(*name));
    values.extend(env.map(|(name, value)| (format!("{ENV}{name}"), value.as_str().into())));
    let payload = payload(algorithm.name(), &values);
    Prepared {
        unsigned: Unsigned::new(algorithm, id, &payload),
        algorithm,
        fields: values.into_keys().collect(),
        payload,
    }
}

/// Signs a step with a key of a file.
pub fn sign(
    step: &Step,
    repository: &str,
    env: &BTreeMap<String, String>,
    key: &SigningKey,
) -> Result<Signature, CannotSign> {
    let prepared = prepare(step, repository, env, key.algorithm, key.id.as_deref());
    Ok(prepared.finish(&key.signature(prepared.input())?))
}

impl Prepared {
    /// The bytes to sign.
    pub fn input(&self) -> &[u8] {
        &self.unsigned.input
    }

    /// What they stand for: the signed values in canonical JSON.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The whole signature. `signature` is in the form of JWS: for ECDSA both numbers, one after
    /// the other, in their full length.
    pub fn finish(&self, signature: &[u8]) -> Signature {
        Signature {
            algorithm: self.algorithm.name().to_owned(),
            signed_fields: self.fields.clone(),
            value: self.unsigned.with(signature),
        }
    }
}

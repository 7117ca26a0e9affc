//! The envelope: payload bytes and the signatures over them.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::key::{Keypair, Signature};
use crate::root::RoleKeys;
use crate::{Error, Role, strict};

/// Longest envelope that is read at all, in bytes. A manifest of 20 targets has 10 KB.
pub const MAX_SIGNED: usize = 1 << 20;

/// Most signatures that are looked at; a bound on the work an attacker can ask for.
const MAX_SIGNATURES: usize = 64;

#[derive(Serialize, Deserialize)]
struct Wire {
    payload: String,
    sigs: Vec<WireSignature>,
}

#[derive(Serialize, Deserialize)]
struct WireSignature {
    kid: String,
    sig: String,
}

/// An envelope that was taken apart. Nothing in it is trusted yet, and its payload not even read.
pub(crate) struct Envelope {
    payload: Vec<u8>,
    sigs: Vec<WireSignature>,
}

impl Envelope {
    /// Takes the envelope apart; refuses what is too large before looking at it.
    pub(crate) fn open(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_SIGNED {
            return Err(Error::TooLarge { limit: MAX_SIGNED });
        }
        let not_json = |error: serde_json::Error| Error::NotAnEnvelope(error.to_string());
        strict::check(bytes).map_err(not_json)?;
        let wire: Wire = serde_json::from_slice(bytes).map_err(not_json)?;
        if wire.sigs.len() > MAX_SIGNATURES {
            return Err(Error::NotAnEnvelope(format!(
                "more than {MAX_SIGNATURES} signatures"
            )));
        }
        let payload = STANDARD
            .decode(&wire.payload)
            .map_err(|error| Error::NotAnEnvelope(format!("payload is not base64: {error}")))?;
        Ok(Self {
            payload,
            sigs: wire.sigs,
        })
    }

    /// The payload's bytes, for reading a root whose own keys are to verify it.
    pub(crate) fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// The payload, if enough distinct keys of the role signed exactly these bytes.
    ///
    /// Unknown key ids are ignored and a key counts once, however often it signed.
    pub(crate) fn verify(&self, role: Role, keys: &RoleKeys) -> Result<&[u8], Error> {
        let mut valid = BTreeSet::new();
        let mut mismatched = BTreeSet::new();
        for WireSignature { kid, sig } in &self.sigs {
            let Some(key) = keys.key(kid) else { continue };
            if key.has_signed(&self.payload, sig) {
                valid.insert(kid.as_str());
            } else {
                mismatched.insert(kid.as_str());
            }
        }
        if valid.len() >= keys.threshold() {
            return Ok(&self.payload);
        }
        let mismatched = mismatched.difference(&valid).map(ToString::to_string);
        Err(Error::Signatures {
            role,
            root: keys.root(),
            valid: valid.len(),
            needed: keys.threshold(),
            mismatched: mismatched.collect(),
        })
    }
}

/// Refuses a payload that two readers could understand differently, whoever has signed it, and one of
/// another type than the one that is asked for. To be called before it is read.
pub(crate) fn expect_type(payload: &[u8], wanted: Role) -> Result<(), Error> {
    let senseless = |error| Error::senseless("payload", error);
    strict::check(payload).map_err(senseless)?;
    let head: Head = serde_json::from_slice(payload).map_err(senseless)?;
    if head.kind == wanted.name() {
        return Ok(());
    }
    Err(Error::WrongType {
        found: head.kind,
        wanted: wanted.name(),
    })
}

/// The field that decides what the rest is.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: String,
}

/// Signs a payload with each of the keys and returns the envelope as it is published.
pub fn sign(payload: &[u8], keys: &[&Keypair]) -> Vec<u8> {
    let signatures: Vec<Signature> = keys.iter().map(|key| key.sign(payload)).collect();
    seal(payload, &signatures)
}

/// Puts a payload and signatures that were made over it into the envelope that is published.
pub fn seal(payload: &[u8], signatures: &[Signature]) -> Vec<u8> {
    let sigs = signatures.iter().map(|signature| WireSignature {
        kid: signature.kid.clone(),
        sig: signature.hex.clone(),
    });
    let wire = Wire {
        payload: STANDARD.encode(payload),
        sigs: sigs.collect(),
    };
    serde_json::to_vec(&wire).expect("strings always serialise")
}

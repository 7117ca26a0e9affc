//! Key services: they hold the private key that signs steps, and tell the public one.
//!
//! Both give public keys as X.509 (DER) and make signatures of ECDSA on P-256.

pub mod aws;
pub mod google;

mod signature;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::CloudError;

/// What is signed of a message, in the form of JSON.
fn hashed(message: &[u8]) -> String {
    STANDARD.encode(digest(&SHA256, message))
}

/// Bytes that a service wrote in the form of JSON.
fn bytes(place: &str, text: &str) -> Result<Vec<u8>, CloudError> {
    STANDARD
        .decode(text)
        .map_err(|_| CloudError::Nonsense(place.to_owned()))
}

/// A signature in the form that JWS has.
fn fixed(place: &str, text: &str) -> Result<Vec<u8>, CloudError> {
    let der = bytes(place, text)?;
    signature::fixed(&der).ok_or_else(|| CloudError::Nonsense(place.to_owned()))
}

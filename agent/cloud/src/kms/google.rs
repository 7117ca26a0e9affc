//! Google Cloud KMS: the public key of a version, and `asymmetricSign`.

use serde::Deserialize;
use serde_json::json;
use shared_protocol::Secret;

use crate::CloudError;
use crate::google::{der, token};
use crate::surroundings::{Surroundings, call_json};

const DEFAULT: &str = "https://cloudkms.googleapis.com/";
/// Variable that moves the service elsewhere, as it does for Google's own programs.
const MOVED: &str = "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS";
/// ECDSA on P-256 over SHA-256, as the service calls it.
const ALGORITHM: &str = "EC_SIGN_P256_SHA256";

/// A version of a key of Google Cloud KMS.
#[derive(Debug)]
pub struct Key {
    name: String,
    address: String,
    token: Secret,
    around: Surroundings,
}

#[derive(Deserialize)]
struct Public {
    pem: String,
    #[serde(default)]
    algorithm: String,
}

#[derive(Deserialize)]
struct Signed {
    signature: String,
}

impl Key {
    /// The key of that resource name:
    /// `projects/…/locations/…/keyRings/…/cryptoKeys/…/cryptoKeyVersions/…`.
    pub async fn new(key: &str, around: Surroundings) -> Result<Self, CloudError> {
        let base = around.variable(MOVED).unwrap_or(DEFAULT);
        let base = base.trim_end_matches('/');
        Ok(Self {
            name: key.to_owned(),
            address: format!("{base}/v1/{}", key.trim_start_matches('/')),
            token: token(&around).await?,
            around,
        })
    }

    /// Its public half, as X.509 in DER.
    pub async fn public(&self) -> Result<Vec<u8>, CloudError> {
        let address = format!("{}/publicKey", self.address);
        let public: Public = call_json(&address, || {
            let request = self.around.http().get(&address);
            Ok(request.bearer_auth(self.token.expose()))
        })
        .await?;
        if public.algorithm != ALGORITHM {
            return Err(CloudError::WrongKey {
                key: self.name.clone(),
                kind: public.algorithm,
            });
        }
        der(&public.pem).ok_or(CloudError::Nonsense(address))
    }

    /// Signs a message, in the form that JWS has.
    pub async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CloudError> {
        let address = format!("{}:asymmetricSign", self.address);
        let body = json!({"digest": {"sha256": super::hashed(message)}}).to_string();
        let signed: Signed = call_json(&address, || {
            let request = self.around.http().post(&address);
            let request = request.header("Content-Type", "application/json");
            Ok(request.bearer_auth(self.token.expose()).body(body.clone()))
        })
        .await?;
        super::fixed(&address, &signed.signature)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn digests_are_hashes_in_base64() {
        // SHA-256 of nothing.
        let empty = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert_eq!(super::super::hashed(b""), empty);
    }
}

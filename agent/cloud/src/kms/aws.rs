//! AWS KMS: `GetPublicKey` and `Sign`.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::CloudError;
use crate::aws::{Credentials, endpoint, region, sign};
use crate::surroundings::{Surroundings, call_json};

/// A key of AWS KMS.
#[derive(Debug)]
pub struct Key {
    id: String,
    region: String,
    credentials: Credentials,
    place: String,
    around: Surroundings,
}

#[derive(Deserialize)]
struct Public {
    #[serde(rename = "PublicKey")]
    key: String,
    #[serde(default, rename = "KeySpec")]
    spec: String,
    #[serde(default, rename = "KeyUsage")]
    usage: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Signed {
    signature: String,
}

impl Key {
    /// The key of that id, alias or ARN. An ARN says its region itself.
    pub async fn new(key: &str, around: Surroundings) -> Result<Self, CloudError> {
        let region = match region_of(key) {
            Some(region) => region.to_owned(),
            None => region(&around).await?,
        };
        let credentials = Credentials::find(&around).await?;
        Ok(Self {
            id: key.to_owned(),
            place: endpoint(&around, "kms", &region),
            region,
            credentials,
            around,
        })
    }

    /// Its public half, as X.509 in DER.
    pub async fn public(&self) -> Result<Vec<u8>, CloudError> {
        let body = json!({"KeyId": self.id});
        let public: Public = self.call("GetPublicKey", &body).await?;
        if public.spec != "ECC_NIST_P256" || public.usage != "SIGN_VERIFY" {
            return Err(CloudError::WrongKey {
                key: self.id.clone(),
                kind: format!("{} for {}", public.spec, public.usage),
            });
        }
        super::bytes(&self.place, &public.key)
    }

    /// Signs a message, in the form that JWS has.
    pub async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CloudError> {
        let body = json!({
            "KeyId": self.id,
            "Message": super::hashed(message),
            "MessageType": "DIGEST",
            "SigningAlgorithm": "ECDSA_SHA_256",
        });
        let signed: Signed = self.call("Sign", &body).await?;
        super::fixed(&self.place, &signed.signature)
    }

    async fn call<T: serde::de::DeserializeOwned>(
        &self,
        action: &str,
        body: &Value,
    ) -> Result<T, CloudError> {
        let address = format!("{}/", self.place);
        let body = body.to_string();
        let target = format!("TrentService.{action}");
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", target.as_str()),
        ];
        call_json(&self.place, || {
            let signature = sign(
                &self.credentials,
                ("kms", &self.region),
                ("POST", &address),
                &headers,
                body.as_bytes(),
                self.around.now(),
            )?;
            let mut request = self.around.http().post(&address).body(body.clone());
            for (name, value) in headers {
                request = request.header(name, value);
            }
            for (name, value) in signature {
                request = request.header(name, value);
            }
            Ok(request)
        })
        .await
    }
}

/// The region in `arn:aws:kms:REGION:account:key/id`.
fn region_of(key: &str) -> Option<&str> {
    let mut parts = key.split(':');
    (parts.next() == Some("arn"))
        .then(|| parts.nth(2))
        .flatten()
        .filter(|region| !region.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_says_its_region() {
        let arn = "arn:aws:kms:eu-west-1:123456789012:key/abc";
        assert_eq!(region_of(arn), Some("eu-west-1"));
        assert_eq!(region_of("alias/steps"), None);
        assert_eq!(region_of("abc-def"), None);
        assert_eq!(region_of("arn:aws:kms::1:key/abc"), None);
    }
}

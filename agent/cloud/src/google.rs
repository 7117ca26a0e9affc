//! Who we are to Google Cloud: a service account of a file, or the one of this machine.
//!
//! Source: "How Application Default Credentials works" and "Using OAuth 2.0 for server to server
//! applications" of Google's documentation.

use std::time::UNIX_EPOCH;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::json;
use shared_protocol::Secret;

use crate::CloudError;
use crate::surroundings::{Surroundings, call_json, read};

const FILE: &str = "GOOGLE_APPLICATION_CREDENTIALS";
/// Variable that names another metadata service, as host or host and port.
const METADATA: &str = "GCE_METADATA_HOST";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// How long a token is asked for, in seconds.
const LIFETIME: u64 = 3600;

/// A file of credentials.
#[derive(Deserialize)]
struct Account {
    r#type: String,
    #[serde(default)]
    client_email: String,
    #[serde(default)]
    private_key_id: String,
    #[serde(default)]
    private_key: String,
    #[serde(default)]
    token_uri: String,
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
}

/// A token for an hour.
pub(crate) async fn token(around: &Surroundings) -> Result<Secret, CloudError> {
    let token = match around.variable(FILE) {
        Some(file) => of_file(around, file).await?,
        None => of_machine(around).await?,
    };
    Ok(Secret::new(token.access_token))
}

fn missing(why: impl Into<String>) -> CloudError {
    CloudError::NoCredentials {
        cloud: "Google Cloud",
        why: why.into(),
    }
}

async fn of_file(around: &Surroundings, file: &str) -> Result<Token, CloudError> {
    let text = read(file.as_ref())?.ok_or_else(|| missing(format!("{FILE}: no file {file}")))?;
    let account: Account = serde_json::from_str(&text)
        .map_err(|_| missing(format!("{file} is no file of credentials")))?;
    if account.r#type != "service_account" {
        let kind = account.r#type;
        return Err(missing(format!(
            "{file} is of type {kind:?}; use one of a service account"
        )));
    }
    let now = around.now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |time| time.as_secs());
    let claim =
        claim(&account, now).ok_or_else(|| missing(format!("the key of {file} is broken")))?;
    let body = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
        .append_pair("assertion", &claim)
        .finish();
    let place = &account.token_uri;
    call_json(place, || {
        let form = "application/x-www-form-urlencoded";
        let request = around.http().post(place).header("Content-Type", form);
        Ok(request.body(body.clone()))
    })
    .await
}

/// What the account says of itself, with its signature.
fn claim(account: &Account, now: u64) -> Option<String> {
    let encoded = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": account.private_key_id});
    let claims = json!({
        "iss": account.client_email,
        "scope": SCOPE,
        "aud": account.token_uri,
        "iat": now,
        "exp": now + LIFETIME,
    });
    let input = format!("{}.{}", encoded(header), encoded(claims));
    let key = RsaKeyPair::from_pkcs8(&der(&account.private_key)?).ok()?;
    let mut signature = vec![0; key.public_modulus_len()];
    let random = SystemRandom::new();
    key.sign(&RSA_PKCS1_SHA256, &random, input.as_bytes(), &mut signature)
        .ok()?;
    Some(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

async fn of_machine(around: &Surroundings) -> Result<Token, CloudError> {
    let host = around
        .variable(METADATA)
        .unwrap_or("metadata.google.internal");
    let path = "computeMetadata/v1/instance/service-accounts/default/token";
    let address = format!("http://{host}/{path}");
    let answer = call_json(&address, || {
        Ok(around
            .near()
            .get(&address)
            .header("Metadata-Flavor", "Google"))
    });
    answer.await.map_err(|error| {
        missing(format!(
            "{FILE} names no file, and {error}; set it, or give the machine a service account"
        ))
    })
}

/// The bytes between the lines of PEM.
pub(crate) fn der(pem: &str) -> Option<Vec<u8>> {
    let lines = pem.lines().map(str::trim);
    let text: String = lines.filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(text).ok().filter(|bytes| !bytes.is_empty())
}

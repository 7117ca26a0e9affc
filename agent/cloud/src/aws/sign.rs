//! Signatures of requests to AWS: version 4.

use std::time::SystemTime;

use aws_credential_types::Credentials as Identity;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings};
use aws_sigv4::sign::v4::SigningParams;

use super::Credentials;
use crate::CloudError;

/// The headers that sign a request made at `now`, to be sent along with `headers`. The host is
/// signed as the address names it.
pub fn sign(
    credentials: &Credentials,
    (service, region): (&str, &str),
    (method, address): (&str, &str),
    headers: &[(&str, &str)],
    body: &[u8],
    now: SystemTime,
) -> Result<Vec<(String, String)>, CloudError> {
    let failed = |error: &dyn std::error::Error| CloudError::Sign(error.to_string());
    let session = credentials.session.as_ref();
    let identity = Identity::new(
        &credentials.id,
        credentials.secret.expose(),
        session.map(|token| token.expose().to_owned()),
        None,
        "agent",
    )
    .into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(now)
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| failed(&error))?
        .into();
    let body = SignableBody::Bytes(body);
    let request = SignableRequest::new(method, address, headers.iter().copied(), body)
        .map_err(|error| failed(&error))?;
    let signed = aws_sigv4::http_request::sign(request, &parameters);
    let (instructions, _) = signed.map_err(|error| failed(&error))?.into_parts();
    let headers = instructions.headers();
    Ok(headers
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shared_protocol::Secret;

    use super::*;

    /// Cases of the test suite that AWS publishes for signature version 4.
    #[test]
    fn signatures_are_those_of_the_published_cases() {
        let credentials = Credentials {
            id: "AKIDEXAMPLE".to_owned(),
            secret: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session: None,
        };
        // 2015-08-30T12:36:00Z
        let now = SystemTime::UNIX_EPOCH + Duration::from_mins(24_015_636);
        for (method, signature) in [
            (
                "GET",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                "POST",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
        ] {
            let request = (method, "https://example.amazonaws.com/");
            let place = ("service", "us-east-1");
            let headers = sign(&credentials, place, request, &[], b"", now).expect("signed");
            let value = |wanted: &str| {
                let found = headers.iter().find(|(name, _)| name == wanted);
                found.map_or("", |(_, value)| value)
            };
            assert_eq!(value("x-amz-date"), "20150830T123600Z");
            let scope = "20150830/us-east-1/service/aws4_request";
            let wanted = format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, SignedHeaders=host;x-amz-date, \
                 Signature={signature}"
            );
            assert_eq!(value("authorization"), wanted);
        }
    }
}

//! Who we are to AWS.
//!
//! ```text
//! environment ─▶ profile ─▶ web identity ─▶ container ─▶ instance
//! ```
//!
//! The first that knows something is taken; what is broken there is an error and no reason to be
//! somebody else. Source: "Standardized credential providers" of the AWS SDKs and Tools reference
//! guide.

use serde::Deserialize;
use shared_protocol::Secret;
use url::Url;

use super::profile::Profile;
use super::xml;
use crate::surroundings::{Surroundings, call, call_json, read};
use crate::{CloudError, ImdsError};

/// Where containers of ECS ask.
const ECS: &str = "http://169.254.170.2";
/// Hosts that may be asked for credentials without encryption: this machine, ECS and EKS.
const NEAR: [&str; 6] = [
    "169.254.170.2",
    "169.254.170.23",
    "[fd00:ec2::23]",
    "127.0.0.1",
    "[::1]",
    "localhost",
];

/// Credentials of AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Id of the access key.
    pub id: String,
    /// The access key itself.
    pub secret: Secret,
    /// Token of a session, for credentials that expire.
    pub session: Option<Secret>,
}

/// Credentials as services answer them.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
}

impl Credentials {
    /// Finds the credentials of this process. They are good for an hour at least, or for ever.
    pub async fn find(around: &Surroundings) -> Result<Self, CloudError> {
        if let Some(found) = of_environment(around)? {
            return Ok(found);
        }
        let profile = Profile::read(around)?;
        if let Some(found) = of_profile(&profile)? {
            return Ok(found);
        }
        if let Some(found) = of_web_identity(around, &profile).await? {
            return Ok(found);
        }
        if let Some(found) = of_container(around).await? {
            return Ok(found);
        }
        of_instance(around).await
    }

    fn new(id: &str, secret: &str, session: Option<&str>) -> Self {
        Self {
            id: id.to_owned(),
            secret: Secret::new(secret),
            session: session.filter(|text| !text.is_empty()).map(Secret::new),
        }
    }
}

impl From<Answer> for Credentials {
    fn from(answer: Answer) -> Self {
        let (id, secret) = (answer.access_key_id, answer.secret_access_key);
        Self::new(&id, &secret, answer.token.as_deref())
    }
}

fn missing(why: impl Into<String>) -> CloudError {
    CloudError::NoCredentials {
        cloud: "AWS",
        why: why.into(),
    }
}

fn of_environment(around: &Surroundings) -> Result<Option<Credentials>, CloudError> {
    let (id, secret) = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
    match (around.variable(id), around.variable(secret)) {
        (Some(id), Some(secret)) => {
            let session = around.variable("AWS_SESSION_TOKEN");
            Ok(Some(Credentials::new(id, secret, session)))
        }
        (None, None) => Ok(None),
        _ => Err(missing(format!("of {id} and {secret} only one is set"))),
    }
}

fn of_profile(profile: &Profile) -> Result<Option<Credentials>, CloudError> {
    let (id, secret) = ("aws_access_key_id", "aws_secret_access_key");
    if let (Some(id), Some(secret)) = (profile.get(id), profile.get(secret)) {
        let session = profile.get("aws_session_token");
        return Ok(Some(Credentials::new(id, secret, session)));
    }
    for unknown in [
        "source_profile",
        "credential_process",
        "sso_session",
        "sso_start_url",
    ] {
        if profile.get(unknown).is_some() {
            let name = &profile.name;
            return Err(missing(format!(
                "profile {name} has {unknown}, which is not supported; give it an access key or a \
                 web identity"
            )));
        }
    }
    Ok(None)
}

/// A token of somebody whom AWS trusts, such as Kubernetes, for the credentials of a role.
async fn of_web_identity(
    around: &Surroundings,
    profile: &Profile,
) -> Result<Option<Credentials>, CloudError> {
    let of = |variable, setting| around.variable(variable).or_else(|| profile.get(setting));
    let file = of("AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file");
    let (Some(file), Some(role)) = (file, of("AWS_ROLE_ARN", "role_arn")) else {
        return Ok(None);
    };
    let token =
        std::fs::read_to_string(file).map_err(|error| CloudError::File(file.to_owned(), error))?;
    let session = of("AWS_ROLE_SESSION_NAME", "role_session_name").unwrap_or("buildkite-agent");
    let region = super::region(around).await?;
    let place = super::endpoint(around, "sts", &region);
    let body = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("Action", "AssumeRoleWithWebIdentity")
        .append_pair("Version", "2011-06-15")
        .append_pair("RoleArn", role)
        .append_pair("RoleSessionName", session)
        .append_pair("WebIdentityToken", token.trim())
        .finish();
    let answer = call(&place, || {
        let request = around.http().post(format!("{place}/"));
        let form = "application/x-www-form-urlencoded";
        Ok(request.header("Content-Type", form).body(body.clone()))
    })
    .await?;
    let part = |name| xml::text(&answer, name);
    match (part("AccessKeyId"), part("SecretAccessKey")) {
        (Some(id), Some(secret)) => {
            let session = part("SessionToken");
            Ok(Some(Credentials::new(&id, &secret, session.as_deref())))
        }
        _ => Err(CloudError::Nonsense(place)),
    }
}

async fn of_container(around: &Surroundings) -> Result<Option<Credentials>, CloudError> {
    let relative = around.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    let full = around.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    let address = match (relative, full) {
        (Some(path), _) => format!("{ECS}{path}"),
        (None, Some(full)) => full.to_owned(),
        (None, None) => return Ok(None),
    };
    let url = Url::parse(&address).map_err(|_| missing(format!("{address:?} is no address")))?;
    if url.scheme() != "https" && !url.host_str().is_some_and(|host| NEAR.contains(&host)) {
        return Err(missing(format!("{address} is far away and not encrypted")));
    }
    let token = match around.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        Some(file) => read(file.as_ref())?,
        None => around
            .variable("AWS_CONTAINER_AUTHORIZATION_TOKEN")
            .map(str::to_owned),
    };
    let answer: Answer = call_json(&address, || {
        let request = around.near().get(url.clone());
        Ok(match &token {
            Some(token) => request.header("Authorization", token.trim()),
            None => request,
        })
    })
    .await?;
    Ok(Some(answer.into()))
}

async fn of_instance(around: &Surroundings) -> Result<Credentials, CloudError> {
    let path = "/latest/meta-data/iam/security-credentials/";
    let mut imds = super::imds(around)?;
    let nowhere = |error: ImdsError| {
        missing(format!(
            "none in the environment, in a profile or for this container, and {error}; set \
             AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the instance a role"
        ))
    };
    let roles = imds.get(path).await.map_err(nowhere)?;
    let role = roles.lines().next().unwrap_or_default().trim();
    let text = imds.get(&format!("{path}{role}")).await.map_err(nowhere)?;
    let answer: Answer = serde_json::from_str(&text)
        .map_err(|_| missing(format!("the instance's role {role:?} gives none")))?;
    Ok(answer.into())
}

//! Asking to be let in until it is so.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use shared_client::{Client, Pacing as _, RealPacing};
use shared_protocol::enroll::EnrollRequest;
use shared_protocol::platform;

use crate::boot;
use crate::identity::{Identity, IdentityError, IdentityFile};
use crate::properties::{self, Properties};
use crate::space::free_bytes;
use crate::step::{Loss, Next, Why, next};

/// What a host says of itself beside its identity.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Its name.
    pub hostname: String,
    /// Version of the agent.
    pub version: String,
    /// Folder that jobs are checked out in.
    pub location: PathBuf,
}

/// A host that wants to be let in.
#[derive(Debug)]
pub struct Enrollment {
    /// Who it is.
    pub identity: IdentityFile,
    /// The file with a key, which need not be there.
    pub properties: PathBuf,
    /// What it says of itself.
    pub facts: Facts,
}

/// Why a host cannot be let in at all.
#[derive(Debug, thiserror::Error)]
pub enum EnrollError {
    /// It has no identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The endpoint knows nothing of it.
    #[error(
        "the endpoint {0} lets nobody in without a token; set one with --token, \
         BUILDKITE_AGENT_TOKEN, or `token=` in the config file"
    )]
    NotOffered(String),
}

impl Enrollment {
    /// Asks until the host is in, however long; `client` is the same with the secret that registers
    /// its workers. May be dropped at any time.
    pub async fn run(self, client: &Client) -> Result<Client, EnrollError> {
        let mut identity = self.identity.open()?;
        let mut told: Option<Why> = None;
        let mut is_fresh = false;
        loop {
            let client = client.with_token(&identity.secret);
            let (request, has_file) = self.request(&identity);
            let answer = client.enroll(&request).await;
            is_fresh &= answer.is_err();
            match next(&answer, is_fresh) {
                Next::In => {
                    tracing::info!(host = identity.id, "this host is in");
                    if has_file {
                        self.scrub();
                    }
                    return Ok(client);
                }
                Next::Again(wait, why) => {
                    if told.as_ref() != Some(&why) {
                        tell(&identity, &why);
                        told = Some(why);
                    }
                    // A fleet that starts at once need not ask at once.
                    let jitter = Duration::from_secs_f64(RealPacing.random());
                    tokio::time::sleep(wait + jitter).await;
                }
                Next::NewIdentity(loss) => {
                    tell_loss(&identity, loss);
                    identity = self.identity.renew(&identity)?;
                    is_fresh = true;
                }
                Next::NotOffered => {
                    return Err(EnrollError::NotOffered(client.endpoint().to_string()));
                }
            }
        }
    }

    /// The request, and whether the file with a key took part in it.
    fn request(&self, identity: &Identity) -> (EnrollRequest, bool) {
        let text = self.properties_text();
        let has_file = text.is_some();
        let Properties {
            key,
            resources,
            environments,
            hostname,
        } = properties::parse(&text.unwrap_or_default());
        let facts = &self.facts;
        let request = EnrollRequest {
            id: identity.id.clone(),
            boot: boot::name(self.identity.path(), &facts.hostname),
            hostname: hostname.unwrap_or_else(|| facts.hostname.clone()),
            os: platform::system().to_owned(),
            arch: platform::architecture().to_owned(),
            version: facts.version.clone(),
            location: facts.location.display().to_string(),
            free_bytes: free_bytes(&facts.location),
            key,
            resources,
            environments,
        };
        (request, has_file)
    }

    /// Read each time: whoever lays the file down while the host waits need not restart anything.
    fn properties_text(&self) -> Option<String> {
        match fs::read_to_string(&self.properties) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                let file = self.properties.display();
                tracing::warn!("{file} cannot be read, going on without it: {error}");
                None
            }
        }
    }

    /// The key must not lie about once it was used. In place, so that owner and mode stay.
    fn scrub(&self) {
        let scrubbed = self.properties_text().map(|text| {
            let clean = properties::scrubbed(&text);
            if clean == text {
                return Ok(());
            }
            fs::write(&self.properties, clean)
        });
        if let Some(Err(error)) = scrubbed {
            let file = self.properties.display();
            tracing::warn!("the key could not be taken out of {file}, do it yourself: {error}");
        }
    }
}

fn tell(identity: &Identity, why: &Why) {
    let host = identity.id.as_str();
    match why {
        Why::Approval => {
            tracing::warn!(
                host,
                "waiting to be let in; approve this host on the server's page"
            );
        }
        Why::OtherRun => tracing::warn!(
            host,
            "waiting: another machine used this identity a moment ago, or this one before it was restarted"
        ),
        Why::Refused(text) => tracing::error!(host, "not let in, asking again: {text}"),
        Why::Trouble(text) => tracing::warn!(host, "not let in yet, asking again: {text}"),
    }
}

fn tell_loss(identity: &Identity, loss: Loss) {
    let host = identity.id.as_str();
    match loss {
        Loss::Anothers => tracing::warn!(host, "this identity belongs to another host"),
        Loss::Copied => tracing::warn!(
            host,
            "another machine uses this identity: one of the two was copied from the other"
        ),
    }
}

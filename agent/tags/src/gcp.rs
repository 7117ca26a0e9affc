//! Tags from the instance in Google Cloud that the agent runs on.
//!
//! Source: "About VM metadata" and the method `instances.get` of the Compute Engine documentation.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use shared_protocol::Secret;

use crate::pairs::Pair;
use crate::patience::{Patience, insist};
use crate::service::{Service, Trouble};
use crate::{Tag, Variables, set};

/// Variable with host and port of the metadata service.
const HOST: &str = "GCE_METADATA_HOST";
/// Without it.
const DEFAULT_HOST: &str = "169.254.169.254";
/// What the service wants to see, as proof that no browser was tricked into asking.
const FLAVOR: (&str, &str) = ("Metadata-Flavor", "Google");
/// Variable with another address of the Compute Engine API, for private endpoints and tests.
const API: &str = "TRIREME_GCP_COMPUTE_ENDPOINT";
/// Without it.
const DEFAULT_API: &str = "https://compute.googleapis.com/compute/v1";

struct Metadata<'a> {
    service: &'a Service,
    root: String,
}

impl<'a> Metadata<'a> {
    fn new(service: &'a Service, variables: &Variables) -> Self {
        let host = set(variables, HOST).unwrap_or(DEFAULT_HOST);
        Self {
            service,
            root: format!("http://{host}/computeMetadata/v1"),
        }
    }

    async fn get(&self, path: &str) -> Result<String, Trouble> {
        let url = format!("{}/{path}", self.root);
        self.service.get(&url, FLAVOR).await
    }

    /// The last part of a value that is itself a path, such as `projects/1/zones/europe-west1-b`.
    async fn last_part(&self, path: &str) -> Result<String, Trouble> {
        let value = self.get(path).await?;
        let last = value.rsplit('/').next().unwrap_or_default();
        Ok(last.to_owned())
    }
}

/// What and where the instance is.
pub(crate) async fn identity(variables: &Variables) -> Result<Vec<Tag>, Trouble> {
    let patience = Patience::each_second();
    let service = Service::near(patience)?;
    insist(patience, async || {
        let metadata = Metadata::new(&service, variables);
        let zone = metadata.last_part("instance/zone").await?;
        let region = zone.rsplit_once('-').map_or("", |(region, _)| region);
        let tags = [
            ("gcp:instance-id", metadata.get("instance/id").await?),
            ("gcp:instance-name", metadata.get("instance/name").await?),
            (
                "gcp:machine-type",
                metadata.last_part("instance/machine-type").await?,
            ),
            (
                "gcp:preemptible",
                metadata
                    .get("instance/scheduling/preemptible")
                    .await?
                    .to_lowercase(),
            ),
            ("gcp:project-id", metadata.get("project/project-id").await?),
            ("gcp:region", region.to_owned()),
            ("gcp:zone", zone),
        ];
        Ok(tags.map(|(key, value)| (key.to_owned(), value)).into())
    })
    .await
}

/// Values that the user has named.
pub(crate) async fn values(variables: &Variables, wanted: &[Pair]) -> Result<Vec<Tag>, Trouble> {
    let patience = Patience::each_second();
    let service = Service::near(patience)?;
    insist(patience, async || {
        let metadata = Metadata::new(&service, variables);
        let mut tags = Vec::new();
        for Pair { key, path } in wanted {
            tags.push((key.clone(), metadata.get(path).await?));
        }
        Ok(tags)
    })
    .await
}

#[derive(Deserialize)]
struct Token {
    access_token: Secret,
}

#[derive(Deserialize)]
struct Instance {
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

/// The instance's labels, by key. Needs a service account that may read instances.
pub(crate) async fn labels(variables: &Variables, limit: Duration) -> Result<Vec<Tag>, Trouble> {
    let patience = Patience::within(limit);
    let (near, far) = (Service::near(patience)?, Service::far(patience)?);
    let api = set(variables, API).unwrap_or(DEFAULT_API);
    insist(patience, async || {
        let metadata = Metadata::new(&near, variables);
        let project = metadata.get("project/project-id").await?;
        let zone = metadata.last_part("instance/zone").await?;
        let name = metadata.get("instance/name").await?;
        let token = format!("{}/instance/service-accounts/default/token", metadata.root);
        let token: Token = near.json(&token, FLAVOR).await?;
        let bearer = format!("Bearer {}", token.access_token.expose());
        let url = format!("{api}/projects/{project}/zones/{zone}/instances/{name}");
        let instance: Instance = far.json(&url, ("Authorization", &bearer)).await?;
        Ok(instance.labels.unwrap_or_default().into_iter().collect())
    })
    .await
}

//! Tags from the EC2 instance that the agent runs on.
//!
//! Source: "Instance identity documents" and "Instance metadata categories" of the EC2 user guide.

use std::time::{Duration, SystemTime};

use agent_cloud::surroundings::Surroundings;
use agent_cloud::{Imds, ImdsError, aws};
use reqwest::StatusCode;
use serde::Deserialize;

use crate::pairs::Pair;
use crate::patience::{Patience, insist};
use crate::service::Trouble;
use crate::{Tag, Variables};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Document {
    account_id: String,
    image_id: String,
    architecture: String,
    availability_zone: String,
    instance_id: String,
    instance_type: String,
    region: String,
}

fn service(variables: &Variables, patience: Patience) -> Result<Imds, Trouble> {
    let variable = |name: &str| variables.get(name).cloned();
    Imds::new(variable, patience.request).map_err(Trouble::NoClient)
}

async fn document(imds: &mut Imds) -> Result<Document, Trouble> {
    let path = "/latest/dynamic/instance-identity/document";
    let text = imds.get(path).await?;
    serde_json::from_str(&text).map_err(|_| Trouble::Nonsense(path.to_owned()))
}

/// What and where the instance is.
pub(crate) async fn identity(variables: &Variables, limit: Duration) -> Result<Vec<Tag>, Trouble> {
    let patience = Patience::within(limit);
    insist(patience, async || {
        let mut imds = service(variables, patience)?;
        let document = document(&mut imds).await?;
        let life_cycle = imds.get("/latest/meta-data/instance-life-cycle").await?;
        let tags = [
            ("aws:account-id", document.account_id),
            ("aws:ami-id", document.image_id),
            ("aws:architecture", document.architecture),
            ("aws:availability-zone", document.availability_zone),
            ("aws:instance-id", document.instance_id),
            ("aws:instance-life-cycle", life_cycle),
            ("aws:instance-type", document.instance_type),
            ("aws:region", document.region),
        ];
        Ok(tags.map(|(key, value)| (key.to_owned(), value)).into())
    })
    .await
}

/// Values of the metadata that the user has named.
pub(crate) async fn values(
    variables: &Variables,
    limit: Duration,
    wanted: &[Pair],
) -> Result<Vec<Tag>, Trouble> {
    let patience = Patience::within(limit);
    insist(patience, async || {
        let mut imds = service(variables, patience)?;
        let mut tags = Vec::new();
        for Pair { key, path } in wanted {
            let value = imds.get(&format!("/latest/meta-data/{path}")).await?;
            tags.push((key.clone(), value));
        }
        Ok(tags)
    })
    .await
}

/// The instance's tags, by key: from its metadata, which needs no permission, or else from EC2 at
/// `now`. None at all may mean that they are not there yet, so they are asked for again.
pub(crate) async fn instance_tags(
    variables: &Variables,
    now: fn() -> SystemTime,
    limit: Duration,
) -> Result<Vec<Tag>, Trouble> {
    let patience = Patience::within(limit);
    insist(patience, async || {
        let mut imds = service(variables, patience)?;
        let mut tags = match tags_of_metadata(&mut imds).await {
            // Of no instance are they in its metadata unless somebody has switched that on.
            Err(ImdsError::Refused(_, StatusCode::NOT_FOUND)) => {
                let around = Surroundings::new(variables.clone(), patience.request, now)?;
                let Document {
                    instance_id,
                    region,
                    ..
                } = document(&mut imds).await?;
                aws::ec2::instance_tags(&around, &region, &instance_id).await?
            }
            found => found?,
        };
        if tags.is_empty() {
            return Err(Trouble::Empty);
        }
        tags.sort();
        Ok(tags)
    })
    .await
}

async fn tags_of_metadata(imds: &mut Imds) -> Result<Vec<Tag>, ImdsError> {
    let folder = "/latest/meta-data/tags/instance";
    let mut tags = Vec::new();
    for key in imds.get(folder).await?.lines() {
        let value = imds.get(&format!("{folder}/{key}")).await?;
        tags.push((key.to_owned(), value));
    }
    Ok(tags)
}

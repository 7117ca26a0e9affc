//! AWS: who we are there, in which region, and requests with our signature.

pub mod ec2;

mod credentials;
mod profile;
mod sign;
mod xml;

pub use credentials::Credentials;
pub use sign::sign;

use crate::surroundings::Surroundings;
use crate::{CloudError, Imds};
use profile::Profile;

/// The region: as the environment, the profile or the instance says, in this order.
pub async fn region(around: &Surroundings) -> Result<String, CloudError> {
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        if let Some(region) = around.variable(name) {
            return Ok(region.to_owned());
        }
    }
    if let Some(region) = Profile::read(around)?.get("region") {
        return Ok(region.to_owned());
    }
    let mut imds = imds(around)?;
    let region = imds.get("/latest/meta-data/placement/region").await;
    region.map_err(|_| CloudError::NoRegion)
}

/// The address of a service, which variables may move elsewhere.
pub fn endpoint(around: &Surroundings, service: &str, region: &str) -> String {
    let own = format!("AWS_ENDPOINT_URL_{}", service.to_ascii_uppercase());
    let moved = around
        .variable(&own)
        .or(around.variable("AWS_ENDPOINT_URL"));
    match moved {
        Some(address) => address.trim_end_matches('/').to_owned(),
        None => {
            let china = if region.starts_with("cn-") { ".cn" } else { "" };
            format!("https://{service}.{region}.amazonaws.com{china}")
        }
    }
}

fn imds(around: &Surroundings) -> Result<Imds, CloudError> {
    Imds::new(
        |name| around.variable(name).map(str::to_owned),
        around.patience(),
    )
    .map_err(|error| CloudError::Silent("nobody".to_owned(), crate::cause_of(&error)))
}

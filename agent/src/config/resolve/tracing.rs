//! How jobs are traced.

use std::ffi::OsStr;

use agent_runner::trace::{DESTINATION, JobTracing};

use super::{BadValue, Values};

/// What settings say, and the agent's own environment: variables of it reach jobs.
pub(in crate::config) fn tracing<'a>(
    values: &Values<'_>,
    mut environ: impl Iterator<Item = &'a OsStr>,
) -> Result<JobTracing, BadValue> {
    let propagate = "tracing-propagate-traceparent";
    let said = values.is_set(propagate);
    Ok(JobTracing {
        backend: Some(values.text("tracing-backend")).filter(|backend| !backend.is_empty()),
        service: values.text("tracing-service-name"),
        propagate: said.then(|| values.switch(propagate)).transpose()?,
        has_destination: environ.any(|name| DESTINATION.iter().any(|known| name == *known)),
        exporter: None,
    })
}

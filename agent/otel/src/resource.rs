//! Who the spans, records and numbers come from.

use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::EnvResourceDetector;

use crate::SCOPE;

/// Who tells.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Name of the service, as it is configured.
    pub service: String,
    /// Version stamp of the agent.
    pub version: String,
    /// What else is known of it, such as the job.
    pub attributes: Vec<KeyValue>,
}

impl Origin {
    /// What makes spans, records and numbers: the agent in this version.
    pub(crate) fn scope(&self) -> InstrumentationScope {
        let scope = InstrumentationScope::builder(SCOPE);
        scope.with_version(self.version.clone()).build()
    }

    /// What is known, over what `OTEL_RESOURCE_ATTRIBUTES` says.
    pub(crate) fn resource(&self) -> Resource {
        let own = [
            KeyValue::new("service.name", self.service.clone()),
            KeyValue::new("service.version", self.version.clone()),
            KeyValue::new("deployment.environment", "ci"),
        ];
        Resource::builder_empty()
            .with_detector(Box::new(EnvResourceDetector::new()))
            .with_attributes(own.into_iter().chain(self.attributes.iter().cloned()))
            .build()
    }
}

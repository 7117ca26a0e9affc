//! Where metrics are sent to.

use agent_metrics::DatadogSettings;

use super::{BadValue, Values};

/// Metrics that the agent sends by itself; those that are scraped are at the status server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsConfig {
    /// To a DogStatsD.
    pub datadog: Option<DatadogSettings>,
}

pub(super) fn metrics(values: &Values<'_>) -> Result<MetricsConfig, BadValue> {
    let datadog = DatadogSettings {
        host: values.text("metrics-datadog-host"),
        distributions: values.switch("metrics-datadog-distributions")?,
    };
    Ok(MetricsConfig {
        datadog: values.switch("metrics-datadog")?.then_some(datadog),
    })
}

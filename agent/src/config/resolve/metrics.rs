//! Where metrics are sent to.

use std::time::Duration;

use agent_metrics::DatadogSettings;
use agent_otel::{Destination, Signal};

use super::{ConfigError, Surroundings, Values};

/// Metrics that the agent sends by itself; those that are scraped are at the status server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsConfig {
    /// To a DogStatsD.
    pub datadog: Option<DatadogSettings>,
    /// To a collector of OpenTelemetry.
    pub collector: Option<CollectorConfig>,
}

/// Metrics by OTLP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectorConfig {
    /// Where to, as the agent's environment says.
    pub to: Destination,
    /// What they come from.
    pub service: String,
    /// Time between two exports, if the environment says.
    pub interval: Option<Duration>,
}

pub(super) fn metrics(
    values: &Values<'_>,
    around: &Surroundings,
) -> Result<MetricsConfig, ConfigError> {
    let datadog = DatadogSettings {
        host: values.text("metrics-datadog-host"),
        distributions: values.switch("metrics-datadog-distributions")?,
    };
    let by_otlp = values.switch("opentelemetry-metrics")?;
    Ok(MetricsConfig {
        datadog: values.switch("metrics-datadog")?.then_some(datadog),
        collector: by_otlp.then(|| collector(values, around)).transpose()?,
    })
}

fn collector(values: &Values<'_>, around: &Surroundings) -> Result<CollectorConfig, ConfigError> {
    let get = |name: &str| around.variables.get(name).cloned();
    let interval = get("OTEL_METRIC_EXPORT_INTERVAL").and_then(|text| text.parse().ok());
    Ok(CollectorConfig {
        to: Destination::resolve(Signal::Metrics, get)?,
        service: values.text("tracing-service-name"),
        interval: interval.map(Duration::from_millis),
    })
}

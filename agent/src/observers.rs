//! Who wants to know what happens in the agent: nobody, unless a setting says so.

use std::sync::Arc;

use agent_metrics::{Datadog, DatadogDelivery, Metrics, Observer, Prometheus};
use agent_otel::{JobNumbers, Origin, Sending};
use agent_status::{AgentFacts, Board, StatusServer};
use tokio::task::JoinSet;

use crate::config::resolve::{CollectorConfig, MetricsConfig, StatusConfig};

/// Everybody who wants to know, about to begin.
#[derive(Debug)]
pub struct Observers {
    /// Where things are recorded for them.
    pub metrics: Metrics,
    server: Option<StatusServer>,
    datadog: Option<DatadogDelivery>,
    sending: Option<Sending>,
}

impl Observers {
    /// Those that the settings ask for. `facts` are for the status page.
    pub fn new(status: StatusConfig, metrics: &MetricsConfig, facts: AgentFacts) -> Self {
        let mut observers: Vec<Box<dyn Observer>> = Vec::new();
        let version = facts.version.clone();
        let server = status.address.map(|address| {
            let (board, prometheus) = <(Arc<Board>, Arc<Prometheus>)>::default();
            observers.push(Box::new(Arc::clone(&board)));
            observers.push(Box::new(Arc::clone(&prometheus)));
            StatusServer::new(address, board, prometheus, facts)
        });
        let datadog = metrics.datadog.as_ref().map(|settings| {
            let (datadog, delivery) = Datadog::new(settings);
            observers.push(Box::new(datadog));
            delivery
        });
        let sending = metrics.collector.as_ref().and_then(|settings| {
            let (numbers, sending) = numbers(settings, version)?;
            observers.push(Box::new(numbers));
            Some(sending)
        });
        Self {
            metrics: Metrics::new(observers),
            server,
            datadog,
            sending,
        }
    }

    /// What has to be sent once more when all is over.
    pub fn last_words(&mut self) -> Option<Sending> {
        self.sending.take()
    }

    /// Starts what they need. It ends when the set is dropped. Has to be called in a
    /// [`LocalSet`](tokio::task::LocalSet).
    pub fn start(self) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        if let Some(server) = self.server {
            tasks.spawn_local(server.run());
        }
        if let Some(datadog) = self.datadog {
            tasks.spawn_local(datadog.run());
        }
        tasks
    }
}

/// That they cannot be sent is no reason to run no jobs.
fn numbers(settings: &CollectorConfig, version: String) -> Option<(JobNumbers, Sending)> {
    let origin = Origin {
        service: settings.service.clone(),
        version,
        attributes: Vec::new(),
    };
    let started = JobNumbers::start(&settings.to, &origin, settings.interval);
    started
        .inspect_err(|error| tracing::error!("metrics are not sent: {error}"))
        .ok()
}

//! The tags of all workers: as configured, from sources around the host, of plugins.

use agent_tags::{Around, Missing, collect};

use crate::config::resolve::TagsConfig;
use crate::plugins::Plugins;

/// Why there are no tags.
#[derive(Debug, thiserror::Error)]
pub enum TagsError {
    /// A source did not answer.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// A source has a queue of its own.
    #[error(
        "the queue is given twice, by --queue and by the tag {0:?} of a source; remove one of them"
    )]
    SecondQueue(String),
}

/// Where tags come from.
#[derive(Debug)]
pub struct Tags {
    /// As configured.
    pub config: TagsConfig,
    /// What sources are read from.
    pub around: Around,
    /// Plugins that are being loaded.
    pub plugins: Option<Plugins>,
}

impl Tags {
    /// Waits for all of them. May be dropped at any time.
    pub async fn gather(self) -> Result<Vec<String>, TagsError> {
        let mut tags = collect(&self.config.wanted, &self.around).await?;
        if let Some(queue) = self.config.queue {
            if let Some(other) = tags.iter().find(|tag| tag.starts_with("queue=")) {
                return Err(TagsError::SecondQueue(other.clone()));
            }
            tags.push(format!("queue={queue}"));
        }
        if let Some(plugins) = self.plugins {
            plugins.add_tags(&mut tags).await;
        }
        Ok(tags)
    }
}

//! Native plugins of the release, beside everything else: a thread of their own unpacks, loads and
//! asks them, and the first registration waits for their tags, for a while.
//!
//! Nothing of it can fail: the agent says what does not work and serves without it. The launcher's
//! gate sees none of this, not even of a library that ends the process it is loaded into: the agent
//! lets each of them do so in a child first. Without an archive there is no thread and no child, and
//! no library of the system that loads others is touched.

use std::path::PathBuf;
use std::time::Duration;

use agent_plugins::{Event, Limits, Settings, gather, tags};
use shared_handover::layout::StateDir;
use shared_protocol::env::TRIREME_PLUGINS;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// For one call of one plugin.
const CALL_LIMIT: Duration = Duration::from_secs(3);

/// For all of them: far less than the time in which a gate wants a trial agent to be accepted.
const ALL_LIMIT: Duration = Duration::from_secs(10);

/// Events under way.
const EVENTS: usize = 16;

/// Plugins that are being loaded.
#[derive(Debug)]
pub struct Plugins {
    events: mpsc::Receiver<Event>,
}

impl Plugins {
    /// Begins to unpack and load, on a thread; `program` is this one. `None` where nothing will come
    /// of it.
    pub fn start(zip: PathBuf, program: PathBuf, state: Option<&StateDir>) -> Option<Self> {
        let Some(state) = state else {
            tracing::warn!(
                "no plugins: {TRIREME_PLUGINS} is set, but no state folder to unpack them to"
            );
            return None;
        };
        let into = state.plugins();
        let (tell, events) = mpsc::channel(EVENTS);
        let work = move || {
            let settings = Settings {
                zip: &zip,
                into: &into,
                program: &program,
                limits: Limits::default(),
                call_limit: CALL_LIMIT,
            };
            // Nobody waits for plugins that are late.
            let wanted = || !tell.is_closed();
            let kept = gather(&settings, wanted, |event| {
                let _ = tell.blocking_send(event);
            });
            // The folder is in use until the process ends.
            std::mem::forget(kept);
        };
        // Not a thread of the runtime: that would wait for a plugin that hangs before it ends.
        let started = std::thread::Builder::new()
            .name("plugins".to_owned())
            .spawn(work);
        if let Err(error) = started {
            tracing::warn!("no plugins: failed to start a thread for them: {error}");
            return None;
        }
        Some(Self { events })
    }

    /// Adds the tags of plugins to those that were configured, which win. Ends when all plugins
    /// have answered, or without the rest of them after a while.
    pub async fn add_tags(mut self, tags: &mut Vec<String>) {
        let all = async {
            while let Some(event) = self.events.recv().await {
                take(event, tags);
            }
        };
        if timeout(ALL_LIMIT, all).await.is_err() {
            let seconds = ALL_LIMIT.as_secs();
            tracing::warn!(
                seconds,
                "plugins are not ready in time, going on without the rest"
            );
        }
    }
}

fn take(event: Event, tags: &mut Vec<String>) {
    match event {
        Event::Trouble(text) => tracing::warn!("{text}"),
        Event::Ready {
            plugin,
            tags: given,
        } => {
            let (name, release) = (plugin.name(), plugin.release());
            let kinds: Vec<_> = plugin
                .kinds()
                .into_iter()
                .map(agent_plugins::Kind::name)
                .collect();
            let (kinds, shown) = (kinds.join(","), given.join(","));
            tracing::info!(release, kinds, tags = shown, "plugin {name} loaded");
            let lost = tags::merge(tags, given);
            if !lost.is_empty() {
                let lost = lost.join(",");
                tracing::info!("not used, their keys are set already: {lost} of plugin {name}");
            }
        }
    }
}

//! What the log says of the settings when the agent starts.

use shared_protocol::experiment::{self, Standing};

use crate::config::flags::Support;
use crate::config::raw::{Raw, Renamed};
use crate::config::resolve::Config;

pub(super) fn tell_start(stamp: &str, raw: &Raw, config: &Config) {
    let pid = std::process::id();
    let endpoint = &config.endpoint;
    let spawn = config.workers.spawn;
    tracing::info!(version = stamp, pid, %endpoint, spawn, "agent starts");
    if let Some(file) = &raw.file {
        tracing::info!("configuration read from {}", file.display());
    }
    for Renamed { name, origin, now } in &raw.renamed {
        tracing::warn!("{name} is called {now} by now; rename it ({origin})");
    }
    for (flag, said) in raw.said() {
        if flag.support == Support::Idle && said.text != flag.default {
            let (name, origin, help) = (flag.name, &said.origin, flag.help);
            tracing::warn!("{name} has no effect in this version ({origin}): {help}");
        }
    }
    if config.jobs.logs.idle_lines {
        tracing::warn!(
            "timestamp-lines has no effect: job logs carry the time in marks; leave those out with \
             --no-ansi-timestamps"
        );
    }
    if !raw.unknown_keys.is_empty() {
        let keys = raw.unknown_keys.join(", ");
        tracing::warn!("unknown keys in the configuration are ignored: {keys}");
    }
    for name in &config.experiments {
        match experiment::standing(name) {
            Standing::Available(_) => tracing::info!("experiment {name} is on"),
            Standing::Promoted => {
                tracing::warn!("experiment {name} is always on by now; take it off the list");
            }
            Standing::Removed => {
                tracing::warn!("experiment {name} is gone and does nothing; take it off the list");
            }
            Standing::Unknown => {
                tracing::warn!("experiment {name} is not known; jobs see its name, no more");
            }
        }
    }
}

//! The native plugins of a release: one archive is unpacked, its libraries are loaded, and their
//! tags are asked for. [`gather`] does all of it and tells what happens, step by step.
//!
//! Nothing here ever stops an agent. An archive that is not safe is not unpacked, a library that
//! does not load is left out, a call that takes too long is given up, and each of these is one
//! warning. What a foreign library can do inside the process is limited by its good will only, so
//! one in which the agent died or hung twice is left out too, until the archive changes.
//!
//! Everything blocks, so the caller gives it a thread of its own.

pub mod deaths;
pub mod load;
pub mod tags;
pub mod unpack;

mod archive;
mod compare;
mod entry_name;
mod limited;
mod os;

use std::path::Path;
use std::time::Duration;

pub use agent_plugin_api::Kind;
pub use archive::{ArchiveError, Limits};
pub use entry_name::NameError;
pub use os::library::{CallError, OpenError, Plugin};

use deaths::Deaths;
use load::LoadError;
use unpack::{Unpacked, unpack};

/// Something that happened while plugins were made ready.
#[derive(Debug)]
pub enum Event {
    /// A plugin is loaded and gives these tags, each `key=value`.
    Ready {
        /// The plugin. Whatever becomes of this value, its library stays in the process.
        plugin: Plugin,
        /// Tags in its order; none if it gives none.
        tags: Vec<String>,
    },
    /// Something does not work, and the rest goes on. The text is for the log.
    Trouble(String),
}

/// Unpacks `zip` below `into`, loads its libraries by name, asks each for its tags, and tells of
/// every step. `limit` is for one call of one library. Returns what keeps the unpacked folder from
/// being removed by another process; to be kept while the process runs.
pub fn gather(
    zip: &Path,
    into: &Path,
    limits: &Limits,
    limit: Duration,
    mut tell: impl FnMut(Event),
) -> Option<Unpacked> {
    let unpacked = match unpack(zip, into, limits) {
        Ok(unpacked) => unpacked,
        Err(error) => {
            let zip = zip.display();
            tell(Event::Trouble(format!("no plugins from {zip}: {error}")));
            return None;
        }
    };
    if unpacked.libraries.is_empty() {
        let suffix = std::env::consts::DLL_SUFFIX;
        let zip = zip.display();
        let text = format!("no plugins from {zip}: it holds no library (*{suffix}) at its top");
        tell(Event::Trouble(text));
    }
    let mut deaths = Deaths::open(&unpacked.deaths);
    let mut names = Vec::new();
    for library in &unpacked.libraries {
        let name = load::label(library);
        if deaths.too_many(&name) {
            tell(trouble(&name, &LoadError::Deadly));
            continue;
        }
        deaths.begin(&name);
        let loaded = load::load(library, &names, limit);
        // One that hangs here may hold the loader's lock, and the agent would hang with it.
        let hangs = matches!(loaded, Err(LoadError::Late(_)));
        let asked = loaded.and_then(|plugin| {
            names.push(plugin.name().to_owned());
            load::ask_tags(plugin, limit)
        });
        if !hangs {
            deaths.end(&name);
        }
        match asked {
            Ok((plugin, answer)) => ready(plugin, answer, &mut tell),
            Err(error) => tell(trouble(&name, &error)),
        }
    }
    Some(unpacked)
}

/// A plugin whose tags failed is still a plugin.
fn ready(plugin: Plugin, answer: Result<String, CallError>, tell: &mut impl FnMut(Event)) {
    let tags = match answer {
        Ok(text) => {
            let (tags, bad) = tags::parse(&text);
            if let Some(first) = bad.first() {
                let error = CallError::BadTags(bad.len(), first.chars().take(100).collect());
                tell(trouble(plugin.name(), &error));
            }
            tags
        }
        Err(error) => {
            tell(trouble(plugin.name(), &error));
            Vec::new()
        }
    };
    tell(Event::Ready { plugin, tags });
}

fn trouble(name: &str, error: &dyn std::error::Error) -> Event {
    Event::Trouble(format!("plugin {name}: {error}"))
}

//! The native plugins of a release: one archive is unpacked, its libraries are loaded, and their
//! tags are asked for. [`gather`] does all of it and tells what happens, step by step.
//!
//! Nothing here ever stops an agent. An archive that is not safe is not unpacked, a library that
//! ends or stops a process of its own is not loaded, a call that takes too long is given up, and
//! each of these is one warning. What a foreign library can do inside the agent afterwards is
//! limited by its good will only, so one in which the agent died or hung twice is left out too,
//! until the archive changes.
//!
//! Everything blocks, so the caller gives it a thread of its own.

pub mod rehearse;
pub mod tags;
pub mod unpack;

mod archive;
mod compare;
mod deaths;
mod entry_name;
mod limited;
mod load;
mod os;

use std::path::Path;
use std::time::Duration;

pub use agent_plugin_api::Kind;
pub use archive::{ArchiveError, Limits};
pub use entry_name::NameError;
pub use os::library::Plugin;

use deaths::Deaths;
use load::LoadError;
use os::library::CallError;
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

/// Where plugins come from, and what they may cost.
#[derive(Debug)]
pub struct Settings<'a> {
    /// The archive. If its folder is named by a sha256, as in the store, it has to have that one.
    pub zip: &'a Path,
    /// The folder of unpacked archives.
    pub into: &'a Path,
    /// The program whose subcommand [`rehearse::COMMAND`] runs [`rehearse::main`].
    pub program: &'a Path,
    /// For the archive.
    pub limits: Limits,
    /// For one call of one library.
    pub call_limit: Duration,
}

/// Unpacks the archive, loads its libraries by name as long as somebody wants them, asks each for
/// its tags, and tells of every step. Returns what keeps the unpacked folder from being removed by
/// another process; to be kept while the process runs.
pub fn gather(
    settings: &Settings<'_>,
    wanted: impl Fn() -> bool,
    mut tell: impl FnMut(Event),
) -> Option<Unpacked> {
    let zip = settings.zip.display();
    let unpacked = match unpack(settings.zip, settings.into, &settings.limits) {
        Ok(unpacked) => unpacked,
        Err(error) => {
            tell(Event::Trouble(format!("no plugins from {zip}: {error}")));
            return None;
        }
    };
    if unpacked.libraries.is_empty() {
        let suffix = std::env::consts::DLL_SUFFIX;
        let text = format!("no plugins from {zip}: it holds no library (*{suffix}) at its top");
        tell(Event::Trouble(text));
    }
    let mut deaths = Deaths::open(&unpacked.deaths);
    let mut names = Vec::new();
    for library in unpacked.libraries.iter().take_while(|_| wanted()) {
        match load_and_ask(library, settings, &mut deaths, &mut names) {
            Ok((plugin, answer)) => ready(plugin, answer, &mut tell),
            Err(error) => tell(trouble(&load::label(library), &error)),
        }
    }
    Some(unpacked)
}

/// A library becomes a plugin whose name is not among `names` yet, and is asked for its tags.
fn load_and_ask(
    library: &Path,
    settings: &Settings<'_>,
    deaths: &mut Deaths,
    names: &mut Vec<String>,
) -> Result<(Plugin, Result<String, CallError>), LoadError> {
    let label = load::label(library);
    let limit = settings.call_limit;
    deaths.check(&label)?;
    rehearse::rehearse(settings.program, library)?;
    deaths.begin(&label)?;
    let loaded = load::load(library, names, limit);
    // One that hangs here may hold the loader's lock, and the agent would hang with it.
    let hangs = matches!(loaded, Err(LoadError::Late(_)));
    let asked = loaded.and_then(|plugin| {
        names.push(plugin.name().to_owned());
        load::ask_tags(plugin, limit)
    });
    if !hangs {
        deaths.end(&label);
    }
    asked
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

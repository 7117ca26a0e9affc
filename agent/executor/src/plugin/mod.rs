//! Plugins of the step: getting them, and what their hooks are told.
//!
//! Cloned and downloaded plugins are there before the checkout, vendored ones after it. None of
//! them is looked for outside of the plugins path or the checkout.

mod archive;
mod clone;
pub(crate) mod error;
mod place;
mod validation;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use agent_hooks::Name;
use agent_step_plugins::{Reference, Renamed, Source, Wanted, json, parse_list, variables};

use crate::failure::Failure;
use crate::hook;
use crate::job::{Job, Plugin};

use error::{PluginError, Trouble};
use place::Place;

/// Gets the plugins of the step, but for vendored ones, and runs their `environment` hooks.
pub(crate) async fn prepare(job: &mut Job) -> Result<(), Failure> {
    if job.settings.plugins.list.is_none() {
        return Ok(());
    }
    job.log.header("Preparing plugins");
    if let Some(flag) = disabled_by(job) {
        return Err(PluginError::Disabled(flag).into());
    }
    let wanted = wanted(job)?;
    if job.settings.debug {
        job.log.comment(&format!("Parsed {} plugins", wanted.len()));
    }
    let mut got = Vec::new();
    if wanted.iter().any(|plugin| !plugin.reference.is_vendored()) {
        got = get_all(job, &wanted).await?;
    }
    job.plugins = got;
    let all = 0..job.plugins.len();
    hook::run_of_plugins(job, Name::Environment, all).await
}

/// Finds the plugins that lie in the checkout, and runs their `environment` hooks.
pub(crate) async fn prepare_vendored(job: &mut Job) -> Result<(), Failure> {
    let root = job.checkout_root.clone();
    let first = job.plugins.len();
    for wanted in wanted(job)? {
        if let Ok(Source::Vendored(path)) = wanted.reference.source() {
            let name = wanted.reference.name();
            let plugin = vendored(job, root.as_deref(), Path::new(&path), &wanted);
            let plugin = plugin.map_err(|trouble| ends_job(trouble, &name))?;
            job.plugins.push(plugin);
        }
    }
    let vendored = first..job.plugins.len();
    hook::run_of_plugins(job, Name::Environment, vendored).await
}

/// Removes what was there for this job only. Called after its last hook.
pub(crate) fn take_down(job: &mut Job) {
    archive::remove_all(job);
}

/// The flag of the agent that turned plugins off, if they are off.
fn disabled_by(job: &Job) -> Option<&'static str> {
    let settings = &job.settings;
    if settings.plugins.enabled {
        None
    } else if !settings.local_hooks {
        Some("--no-local-hooks")
    } else if !settings.command_eval {
        Some("--no-command-eval")
    } else {
        Some("--no-plugins")
    }
}

/// What the step asks for. Hooks cannot change it.
fn wanted(job: &Job) -> Result<Vec<Wanted>, PluginError> {
    let list = job.settings.plugins.list.as_deref();
    Ok(list.map_or(Ok(Vec::new()), parse_list)?)
}

/// Gets every plugin that is not vendored, each only once.
async fn get_all(job: &mut Job, wanted: &[Wanted]) -> Result<Vec<Plugin>, Failure> {
    let mut roots: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut plugins = Vec::new();
    let mut place = None;
    for wanted in wanted.iter().filter(|one| !one.reference.is_vendored()) {
        let name = wanted.reference.name();
        let plugin = get(job, &mut place, &mut roots, wanted).await;
        plugins.push(plugin.map_err(|trouble| ends_job(trouble, &name))?);
    }
    Ok(plugins)
}

async fn get(
    job: &mut Job,
    place: &mut Option<Place>,
    roots: &mut BTreeMap<String, PathBuf>,
    wanted: &Wanted,
) -> Result<Plugin, Trouble> {
    let reference = &wanted.reference;
    let source = reference.source()?;
    let place_and_version = reference.place_and_version();
    let root = match roots.get(&place_and_version) {
        Some(root) => root.clone(),
        None => {
            let place = match place {
                Some(place) => place,
                None => place.insert(Place::take(job).await?),
            };
            let folder = place.own.join(reference.folder()?);
            if roots.values().any(|root| *root == folder) {
                return Err(Trouble::Taken(folder));
            }
            hide_secret(job, reference);
            let root = match &source {
                Source::Git { repository, .. } => {
                    clone::get(job, place, reference, repository).await?
                }
                Source::Zip(archive) => archive::get(job, place, reference, archive).await?,
                Source::Vendored(path) => return Err(Trouble::NotVendored(path.into())),
            };
            roots.insert(place_and_version, root.clone());
            root
        }
    };
    let folder = match source {
        Source::Git { subdirectory, .. } => PathBuf::from(subdirectory),
        Source::Zip(_) | Source::Vendored(_) => PathBuf::new(),
    };
    ready(job, root, folder, wanted)
}

/// What the job ends with if this plugin is in trouble.
fn ends_job(trouble: Trouble, plugin: &str) -> Failure {
    match trouble {
        Trouble::Canceled => Failure::Canceled,
        Trouble::Log(error) => Failure::Log(error),
        trouble => Failure::Plugin(PluginError::One(plugin.to_owned(), trouble)),
    }
}

/// A secret in the address would be in the log with the command.
fn hide_secret(job: &mut Job, reference: &Reference) {
    if let Some(secret) = reference.secret() {
        job.log.hide_value(secret.as_bytes());
    }
}

fn vendored(
    job: &mut Job,
    root: Option<&Path>,
    path: &Path,
    wanted: &Wanted,
) -> Result<Plugin, Trouble> {
    match root.filter(|root| place::has_folder(root, path)) {
        Some(root) => ready(job, root.to_owned(), path.to_owned(), wanted),
        None => Err(Trouble::NotVendored(path.to_owned())),
    }
}

/// A plugin whose files lie in `folder` below `root`, if they are those of a plugin.
fn ready(
    job: &mut Job,
    root: PathBuf,
    folder: PathBuf,
    wanted: &Wanted,
) -> Result<Plugin, Trouble> {
    let hooks = folder.join(Plugin::HOOKS);
    if !place::has_folder(&root, &hooks) {
        return Err(Trouble::NoHooks(hooks));
    }
    let Wanted {
        reference,
        configuration,
    } = wanted;
    let (variables, renamed) = told(job, reference, configuration);
    let plugin = Plugin {
        label: reference.display_name(),
        name: reference.name(),
        root,
        folder,
        variables,
        traced: traced(reference),
        renamed,
        vendored: reference.is_vendored(),
    };
    validation::check(job, &plugin, configuration)?;
    Ok(plugin)
}

/// What spans of its hooks say of the plugin: nothing that may hold a secret.
fn traced(reference: &Reference) -> Vec<(&'static str, String)> {
    let version = reference.version().unwrap_or_default();
    let mut traced = vec![
        ("plugin.name", reference.name()),
        ("plugin.version", version.to_owned()),
        ("plugin.is_vendored", reference.is_vendored().to_string()),
    ];
    if reference.secret().is_none() {
        traced.push(("plugin.location", reference.label()));
    }
    traced
}

/// What the plugin's hooks will be told.
fn told(
    job: &mut Job,
    reference: &Reference,
    configuration: &json::Map,
) -> (Vec<(String, String)>, Vec<Renamed>) {
    let name = reference.name();
    let variables = variables(&name, configuration);
    if !variables.left_out.is_empty() {
        job.log.warning(&format!(
            "the configuration of plugin {name} holds values that cannot be variables, so its hooks do not see these: {}",
            variables.left_out.join(", ")
        ));
    }
    (variables.set.into_iter().collect(), variables.renamed)
}

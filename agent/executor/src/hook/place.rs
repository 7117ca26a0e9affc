//! Where the hooks of the agent, the repository and the plugins are.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use agent_hooks::{Found, Name, Scope, find};

use super::error::HookError;
use crate::job::Job;

/// A hook that is there.
#[derive(Debug)]
pub(super) struct Hook {
    pub(super) name: Name,
    pub(super) scope: Scope,
    /// Whose it is, as logs say it.
    pub(super) label: String,
    pub(super) path: PathBuf,
    /// What it sees besides the job's environment.
    pub(super) variables: Vec<(String, String)>,
    /// What its span says of the plugin that it belongs to.
    pub(super) traced: Vec<(&'static str, String)>,
}

impl Hook {
    /// Its file cannot be read.
    pub(super) fn unreadable(&self, error: io::Error) -> HookError {
        HookError::Unreadable {
            hook: self.to_string(),
            path: self.path.clone(),
            error,
        }
    }

    /// What is needed to run it could not be made.
    pub(super) fn unprepared(&self, error: io::Error) -> HookError {
        let hook = self.to_string();
        HookError::Prepare { hook, error }
    }

    /// What it did to its environment cannot be read.
    pub(super) fn left(&self, error: io::Error) -> HookError {
        let hook = self.to_string();
        HookError::Left { hook, error }
    }
}

/// As logs name it.
impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} hook", self.label, self.name.as_str())
    }
}

/// The agent's hooks of this name, in the order of its folders. A folder that is not named from the
/// root is below the executor's own, wherever the job is by now.
pub(super) fn of_agent(job: &mut Job, name: Name) -> Result<Vec<Hook>, HookError> {
    let mut hooks = Vec::new();
    for folder in job.settings.hooks_paths.clone() {
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        let Some(path) = look(job, &folder, None, name)? else {
            continue;
        };
        hooks.push(Hook {
            name,
            scope: Scope::Agent,
            label: Scope::Agent.as_str().to_owned(),
            path,
            variables: Vec::new(),
            traced: Vec::new(),
        });
    }
    Ok(hooks)
}

/// The repository's hook of this name. A job has none before its checkout, and none from a place
/// that a hook named after it.
pub(super) fn of_repository(job: &mut Job, name: Name) -> Result<Option<Hook>, HookError> {
    let Some(root) = job.checkout_root.clone().filter(|_| name.in_repository()) else {
        return Ok(None);
    };
    let path = look(job, &root.join(".buildkite/hooks"), Some(&root), name)?;
    Ok(path.map(|path| Hook {
        name,
        scope: Scope::Repository,
        label: Scope::Repository.as_str().to_owned(),
        path,
        variables: Vec::new(),
        traced: Vec::new(),
    }))
}

/// A plugin's hook of this name. A vendored plugin comes too late for the hooks of the checkout.
pub(super) fn of_plugin(
    job: &mut Job,
    name: Name,
    index: usize,
) -> Result<Option<Hook>, HookError> {
    let Some(plugin) = job.plugins.get(index).cloned() else {
        return Ok(None);
    };
    if plugin.vendored && name.around_checkout() {
        return Ok(None);
    }
    let path = look(job, &plugin.hooks(), Some(&plugin.root), name)?;
    Ok(path.map(|path| Hook {
        name,
        scope: Scope::Plugin,
        label: format!("{} {}", Scope::Plugin.as_str(), plugin.label),
        path,
        variables: plugin.variables,
        traced: plugin.traced,
    }))
}

fn look(
    job: &mut Job,
    folder: &Path,
    root: Option<&Path>,
    name: Name,
) -> Result<Option<PathBuf>, HookError> {
    match find(folder, root, name)? {
        Found::Hook(path) => Ok(Some(path)),
        Found::Nothing => Ok(None),
        Found::Outside(path) => {
            let text = format!("{} leads elsewhere and is not run", path.display());
            job.log.comment(&text);
            Ok(None)
        }
    }
}

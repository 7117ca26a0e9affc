//! Plugins of the step: getting them, and what their hooks are told.

use std::path::PathBuf;

use agent_hooks::Name;

use crate::failure::Failure;
use crate::hook;
use crate::job::Job;

/// A plugin whose files are there.
#[derive(Debug, Clone)]
pub(crate) struct Plugin {
    /// As logs name it.
    pub(crate) label: String,
    /// Its folder; hooks may not leave it.
    pub(crate) root: PathBuf,
    /// What its hooks see besides the job's environment.
    pub(crate) variables: Vec<(String, String)>,
    /// Whether it lies in the checkout.
    pub(crate) vendored: bool,
}

/// Gets the plugins of the step, but for vendored ones, and runs their `environment` hooks.
pub(crate) async fn prepare(job: &mut Job) -> Result<(), Failure> {
    let asked = job.settings.plugins.as_deref().map(str::trim);
    if asked.is_some_and(|list| !matches!(list, "[]" | "null")) {
        job.log
            .warning("the step has plugins, but this version does not run plugins");
    }
    let all = 0..job.plugins.len();
    hook::run_of_plugins(job, Name::Environment, all).await
}

/// Finds the plugins that lie in the checkout, and runs their `environment` hooks.
pub(crate) async fn prepare_vendored(job: &mut Job) -> Result<(), Failure> {
    let none = job.plugins.len()..job.plugins.len();
    hook::run_of_plugins(job, Name::Environment, none).await
}

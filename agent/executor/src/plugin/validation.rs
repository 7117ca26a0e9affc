//! Comparing a plugin and its configuration with what its definition says, where the agent wants it.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use agent_process::find_program;
use agent_step_plugins::{DEFINITION_BYTES, DEFINITIONS, Definition, json};

use super::Plugin;
use super::error::Trouble;
use super::place;
use crate::job::Job;

/// Compares, unless the agent does not want it. A plugin without a definition is fine.
pub(super) fn check(
    job: &mut Job,
    plugin: &Plugin,
    configuration: &json::Map,
) -> Result<(), Trouble> {
    if !job.settings.plugins.validation {
        return Ok(());
    }
    let name = &plugin.name;
    let Some(path) = find(plugin) else {
        job.log.warning(&format!(
            "plugin {name} has no definition to compare its configuration with"
        ));
        return Ok(());
    };
    let text = read(&path)?;
    let definition = Definition::parse(&text)?;
    let problems = definition.problems(configuration, |program| has(job, program));
    if problems.is_empty() {
        job.log
            .comment(&format!("Valid plugin configuration for {name:?}"));
        return Ok(());
    }
    job.log
        .header(&format!("Plugin validation failed for {name:?}"));
    let shown = json::compact(configuration);
    job.log
        .comment(&format!("Plugin configuration JSON is {shown}"));
    Err(Trouble::Invalid(problems.join(", ")))
}

/// The plugin's definition, if it lies inside the plugin.
fn find(plugin: &Plugin) -> Option<PathBuf> {
    let mut paths = DEFINITIONS.iter().map(|name| plugin.folder.join(name));
    paths.find_map(|path| place::file_inside(&plugin.root, &path))
}

fn read(path: &Path) -> Result<String, Trouble> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(DEFINITION_BYTES).read_to_string(&mut text))
        .map_err(Trouble::file("read", path))?;
    Ok(text)
}

/// Whether the plugin's hooks will find this program.
fn has(job: &Job, program: &str) -> bool {
    let found = find_program(program.as_ref(), job.env.get("PATH"), Some(&job.cwd));
    found.is_some_and(|path| path.is_file())
}

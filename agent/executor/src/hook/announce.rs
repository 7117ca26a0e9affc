//! What the log says of a plugin before each of its hooks.

use agent_step_plugins::Renamed;

use crate::job::Job;

/// Says which of the plugin's variables have an old name too.
pub(super) fn announce(job: &mut Job, index: usize) {
    let Some(plugin) = job
        .plugins
        .get(index)
        .filter(|plugin| !plugin.renamed.is_empty())
    else {
        return;
    };
    let (name, renamed) = (plugin.name.clone(), plugin.renamed.clone());
    job.log.header(&format!(
        "Deprecated environment variables for plugin {name}"
    ));
    job.log.line(
        "Each dash, blank and underscore of a key is one underscore in its variable. Earlier several in a row became one, and for now variables have that name too. Keys without several in a row avoid this.",
    );
    for Renamed { old, new } in renamed {
        job.log
            .line(&format!(" deprecated: {old:?}\nreplacement: {new:?}"));
    }
}

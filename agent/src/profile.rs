//! `--profile` of `agent start`: what the log says of it.

use std::path::Path;

use agent_profile::{Profile, Written};

/// Begins the profile that a setting asks for, if any. That it cannot be had is said once, and no
/// reason to run no jobs.
pub(crate) fn begin(kind: Option<&str>, folder: &Path) -> Option<Profile> {
    match Profile::begin(kind?, folder) {
        Ok(profile) => {
            let path = profile.path().display();
            tracing::info!("a CPU profile is taken; it is written to {path} at the end");
            Some(profile)
        }
        Err(error) => {
            tracing::warn!("{error}");
            None
        }
    }
}

/// Ends it and says where it is.
pub(crate) fn end(profile: Option<Profile>) {
    let Some(profile) = profile else { return };
    match profile.finish() {
        Ok(written) => tell(&written),
        Err(error) => tracing::error!("the CPU profile cannot be written: {error}"),
    }
}

fn tell(written: &Written) {
    let Written {
        path,
        samples,
        missed,
    } = written;
    let path = path.display();
    tracing::info!(samples, missed, "CPU profile written to {path}");
}

//! `--profile` of a job's own process: what the log says of it.

use agent_profile::Profile;

use crate::job::Job;

/// Begins the profile that a setting asks for, if any. That it cannot be had is a remark.
pub(crate) fn begin(job: &mut Job) -> Option<Profile> {
    let kind = job.settings.profile.as_deref()?;
    match Profile::begin(kind, &std::env::temp_dir()) {
        Ok(profile) => {
            let path = profile.path().display();
            let text = format!("A CPU profile is taken; it is written to {path} at the end");
            job.log.comment(&text);
            Some(profile)
        }
        Err(error) => {
            job.log.comment(&error.to_string());
            None
        }
    }
}

/// Ends it and says where it is. A log that is gone by now is told by the job's status.
pub(crate) async fn end(profile: Option<Profile>, job: &mut Job) {
    let Some(profile) = profile else { return };
    let text = match profile.finish() {
        Ok(written) => {
            let (path, samples) = (written.path.display(), written.samples);
            format!("CPU profile written to {path}: {samples} samples")
        }
        Err(error) => format!("The CPU profile cannot be written: {error}"),
    };
    job.log.comment(&text);
    let _ = job.log.send().await;
}

//! The job's end of the job API: the environment lies on a desk while a child runs, and what the
//! child changed there is taken over after it ended.

use std::path::PathBuf;

use agent_local_api::job_api::{self, Open};
use agent_local_api::{Desk, SocketError};
use shared_protocol::env as names;

use crate::job::{Job, JobApi};
use crate::settings::Sockets;
use crate::warnings::Warning;
use crate::{promise, protected};

/// Opens the job API and tells children where it is. A job that wants or can have none goes on
/// without.
pub(crate) fn open(job: &mut Job) -> Result<(), SocketError> {
    let sockets = match &job.settings.sockets {
        Sockets::In(folder) => folder.clone(),
        Sockets::Unwanted => {
            warn(job, Warning::JobApiDisabled, "it is off (--no-job-api)");
            return Ok(());
        }
        Sockets::Nowhere => {
            let why = "there is no home folder for its socket; set --sockets-path";
            warn(job, Warning::JobApiUnavailable, why);
            return Ok(());
        }
    };
    let mode = job.settings.override_mode;
    let desk = Desk::new(
        move |name| protected::may_change(name, mode),
        job.log.secrets(),
    );
    let Open { server, token } = job_api::open(&sockets, desk.clone(), promise::declare(job))?;
    if job.settings.debug {
        job.log.header("Job API");
        let path = server.path().display();
        job.log.comment(&format!("The job API listens on {path}"));
    }
    job.env.set(names::JOB_API_SOCKET, server.path());
    job.env.set(names::JOB_API_TOKEN, token);
    job.api = Some(JobApi { desk, server });
    Ok(())
}

fn warn(job: &mut Job, warning: Warning, why: &str) {
    let text = format!(
        "The job has no API: {why}. Hooks that are no shell scripts cannot change the \
         environment, and what is found to be secret while the job runs stays visible"
    );
    job.warn(warning, &text);
}

/// Closes it: nothing of the job runs any more.
pub(crate) async fn close(job: &mut Job) {
    if let Some(api) = job.api.take() {
        api.server.close().await;
    }
}

impl Job {
    /// Puts down the environment for the child that starts next.
    pub(crate) fn publish(&mut self) {
        if let Some(api) = &self.api {
            api.desk.publish(self.env.iter().map(|(name, value)| {
                let text = |text: &std::ffi::OsStr| text.to_string_lossy().into_owned();
                (text(name), text(value))
            }));
        }
    }

    /// Takes over what the child that ended changed in the environment. The folder that it asked
    /// for counts only where a hook may choose one, see [`Job::take_workdir`].
    pub(crate) fn take_changes(&mut self) {
        let Some(api) = &self.api else { return };
        let changes = api.desk.take();
        for (name, value) in changes.variables {
            match value {
                Some(value) => self.env.set(&name, value),
                None => self.env.unset(&name),
            }
        }
        self.workdir = changes.workdir;
    }

    /// The folder that the last child asked for as the one of later children.
    pub(crate) fn take_workdir(&mut self) -> Option<PathBuf> {
        self.workdir.take()
    }
}

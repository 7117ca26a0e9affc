//! The program that runs, to be started again for one of its own subcommands.
//!
//! A job's own calls (`meta-data`, `artifact upload`) go through the running program and not
//! through the `PATH`, which belongs to the job.

use std::io;
use std::path::Path;

use crate::job::Job;

/// Only this job may name another program in the agent's place: no endpoint gives out such an id.
const TEST_JOB: &str = "1111-1111-1111-1111";
const OVERRIDE: &str = "BUILDKITE_OVERRIDE_SELF";

/// The program to start. An upgrade may have replaced or removed its file since; it is still this
/// version that answers.
pub(crate) fn program(job: &Job) -> io::Result<String> {
    if job.settings.job == TEST_JOB
        && let Some(other) = job.env.filled(OVERRIDE)
    {
        return Ok(other.to_owned());
    }
    let path = std::env::current_exe()?;
    let path = path.to_str().ok_or_else(|| {
        let text = format!("the agent's own path {} is no text", path.display());
        io::Error::new(io::ErrorKind::InvalidData, text)
    })?;
    Ok(lasting(path, Path::new(path).exists()))
}

/// The path of a program whose file may be gone: Linux then adds a mark to its old path, and the
/// program itself stays reachable through its process.
fn lasting(path: &str, exists: bool) -> String {
    if exists || !cfg!(target_os = "linux") {
        path.to_owned()
    } else {
        format!("/proc/{}/exe", std::process::id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_whose_file_is_there_is_called_by_its_path() {
        assert_eq!(lasting("/opt/agent", true), "/opt/agent");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_program_whose_file_is_gone_is_reached_through_its_process() {
        let path = lasting("/opt/agent (deleted)", false);
        assert_eq!(path, format!("/proc/{}/exe", std::process::id()));
        let own = std::env::current_exe().unwrap();
        assert_eq!(std::fs::canonicalize(path).unwrap(), own);
    }
}

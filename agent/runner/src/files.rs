//! Files beside a job: its variables for scripts that start containers, and the mark that its time
//! is up. They live as long as the job and hold no token of the agent.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use shared_fault::{point, write_point};
use shared_protocol::JobId;
use tempfile::TempPath;

use crate::env_file;

/// The files of one job; removed when dropped.
#[derive(Debug)]
pub(crate) struct JobFiles {
    env: PathBuf,
    env_json: PathBuf,
    timeout: PathBuf,
    log: Option<TempPath>,
}

impl JobFiles {
    /// The names of a job's files, so that they can be noted before there are any.
    pub(crate) fn name(folder: &Path, job: &JobId) -> Self {
        let id = job.path_segment();
        // Names in a folder that others write to must not be foreseen.
        let random = getrandom::u64().unwrap_or_default();
        Self {
            env: folder.join(format!("job-env-{id}{random:016x}")),
            env_json: folder.join(format!("job-env-json-{id}{random:016x}")),
            timeout: folder.join(format!("job-timeout-{id}")),
            log: None,
        }
    }

    /// Writes both files of variables; their folder is made if it is missing. With `with_settings`
    /// the one for containers begins with the names of the agent's settings.
    pub(crate) fn write(
        &self,
        variables: &BTreeMap<String, String>,
        with_settings: bool,
    ) -> io::Result<()> {
        let text = env_file::text(variables, with_settings);
        match create(&self.env, text.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                point("job-files.create-dir")?;
                std::fs::create_dir_all(self.env.parent().unwrap_or(Path::new("/")))?;
                create(&self.env, text.as_bytes())?;
            }
            created => created?,
        }
        let mut json = serde_json::to_vec(variables)?;
        json.push(b'\n');
        create(&self.env_json, &json)
    }

    /// One variable a line.
    pub(crate) fn env(&self) -> &Path {
        &self.env
    }

    /// One JSON object.
    pub(crate) fn env_json(&self) -> &Path {
        &self.env_json
    }

    /// Where [`JobFiles::mark_timed_out`] writes.
    pub(crate) fn timeout(&self) -> &Path {
        &self.timeout
    }

    /// Takes over the copy of the job's log.
    pub(crate) fn keep_log(&mut self, log: Option<TempPath>) {
        self.log = log;
    }

    /// The copy of the job's log, if one is wanted.
    pub(crate) fn log(&self) -> Option<&Path> {
        self.log.as_deref()
    }

    /// Every file that is there, or may come to be.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        let mut paths = vec![
            self.env.clone(),
            self.env_json.clone(),
            self.timeout.clone(),
        ];
        paths.extend(self.log().map(Path::to_path_buf));
        paths
    }

    /// Tells the executor, and through it the hooks, that the job is stopped for its time limit.
    pub(crate) fn mark_timed_out(&self) -> io::Result<()> {
        point("job-files.time-out")?;
        // The name can be foreseen, so whatever is there already is not to be followed.
        let mut file = std::fs::File::create_new(&self.timeout)?;
        file.write_all(b"true")
    }
}

impl Drop for JobFiles {
    fn drop(&mut self) {
        clear(&self.paths());
    }
}

/// Removes the files of a job, as far as they are there.
pub(crate) fn clear(files: &[PathBuf]) {
    for file in files {
        if let Err(error) = point("job-files.clear").and_then(|()| std::fs::remove_file(file))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!("failed to remove {}: {error}", file.display());
        }
    }
}

/// A new file, readable by the agent's user only.
fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    point("job-files.create")?;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    write_point("job-files.write", || {
        file.write_all(&content[..content.len() / 2])
    })?;
    file.write_all(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_hold_the_variables_and_vanish_with_the_job() {
        let folder = tempfile::tempdir().unwrap();
        let variables = BTreeMap::from([("A".to_owned(), "1\n2".to_owned())]);
        let files = JobFiles::name(&folder.path().join("new"), &JobId::new("../j"));
        files.write(&variables, false).unwrap();
        assert_eq!(
            std::fs::read_to_string(files.env()).unwrap(),
            "A=\"1\\n2\"\n"
        );
        assert_eq!(
            std::fs::read_to_string(files.env_json()).unwrap(),
            "{\"A\":\"1\\n2\"}\n"
        );
        assert!(files.env().starts_with(folder.path().join("new")));
        assert_eq!(files.paths().len(), 3);
        files.mark_timed_out().unwrap();
        assert_eq!(std::fs::read_to_string(files.timeout()).unwrap(), "true");
        assert!(
            files.mark_timed_out().is_err(),
            "a file of that name is not written to"
        );
        drop(files);
        let left = std::fs::read_dir(folder.path().join("new"))
            .unwrap()
            .count();
        assert_eq!(left, 0);
    }
}

//! A copy of the log in a file beside the job, where its hooks can read it.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use shared_fault::{point, write_point};
use tempfile::{Builder, TempPath};

/// Begins the name of the file; scripts find it by the variable that holds its path.
const PREFIX: &str = "buildkite_job_log";

/// Makes the file for the copy in `folder`, with a name of its own: jobs of several workers share
/// the folder. It is removed when the path is dropped. Everybody may read it, as with the peer:
/// jobs hand it to helpers that run as other users.
pub fn create(folder: &Path) -> io::Result<(File, TempPath)> {
    point("job-log.create")?;
    let mut builder = Builder::new();
    builder.prefix(PREFIX);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let (file, path) = builder.tempfile_in(folder)?.into_parts();
    // The umask may have taken something away.
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    Ok((file, path))
}

/// The file while the log is written. A disk that is full costs the copy, never the log.
#[derive(Debug)]
pub(crate) struct Copy(Option<Arc<File>>);

impl Copy {
    pub(crate) fn new(file: Option<File>) -> Self {
        Self(file.map(Arc::new))
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// Appends bytes, off this thread.
    pub(crate) async fn write(&mut self, bytes: Vec<u8>) {
        let Some(file) = self.0.clone() else { return };
        let written = tokio::task::spawn_blocking(move || {
            write_point("job-log.write", || {
                (&*file).write_all(&bytes[..bytes.len() / 2])
            })?;
            (&*file).write_all(&bytes)
        });
        if let Err(error) = written.await.unwrap_or_else(|join| Err(join.into())) {
            tracing::warn!("failed to write the copy of the job's log, which ends here: {error}");
            self.0 = None;
        }
    }
}

//! Where wrapped hooks have their files: a folder that only the agent's user can enter. It goes with
//! the job.

use std::io;
use std::path::Path;

use tempfile::TempDir;

use crate::os;

/// The folder of a job's wrappers.
#[derive(Debug, Default)]
pub(crate) struct HookFiles {
    made: Option<TempDir>,
    /// How many wrappers there were. What a child of an earlier one still writes is not a later one's.
    count: u32,
}

impl HookFiles {
    /// The number of the next wrapper, and the folder.
    pub(crate) fn next(&mut self) -> io::Result<(u32, &Path)> {
        self.count += 1;
        Ok((self.count, self.path()?))
    }

    /// The folder; made again if a hook took it away.
    fn path(&mut self) -> io::Result<&Path> {
        if self.made.as_ref().is_none_or(|made| !made.path().is_dir()) {
            let within = std::env::temp_dir();
            self.made = Some(os::private_scratch(
                "buildkite-agent-hook-wrapper",
                &within,
            )?);
        }
        let made = self.made.as_ref().expect("it was made just now");
        Ok(made.path())
    }
}

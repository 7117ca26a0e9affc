//! What is between the agent and the system: foreign libraries, and folders that last.

pub(crate) mod library;

use std::io;
use std::path::Path;

/// Makes the names in a folder durable. Windows has no such call and does it by itself.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    std::fs::File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

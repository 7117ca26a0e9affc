//! Windows: permissions come from the folder that the administrator chose.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;

/// Makes a folder with its parents.
pub(crate) fn make_private_folder(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

/// Options that create files with inherited permissions.
pub(crate) fn private_file() -> OpenOptions {
    OpenOptions::new()
}

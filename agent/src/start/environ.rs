//! What the process finds around it: its environment and what settings are resolved against.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use shared_handover::layout::StateDir;
use shared_protocol::env;

use crate::config::job_variables::ProcessFacts;
use crate::config::raw::{Raw, RawError, search_paths};
use crate::config::resolve::Place;
use crate::config::values::Surroundings;

/// The environment, whole and as text.
pub(crate) struct Environ {
    all: Vec<(OsString, OsString)>,
    text: BTreeMap<String, String>,
}

/// The time, for requests to clouds: their signatures carry it.
#[expect(
    clippy::disallowed_methods,
    reason = "this is where the agent starts, and signed requests carry the time"
)]
pub(super) fn clock() -> SystemTime {
    SystemTime::now()
}

/// Reads what was set: by arguments, by variables, and in the config file if there is one.
pub(crate) fn settings(args: &[OsString], environ: &Environ) -> Result<Raw, RawError> {
    let mut raw = Raw::read(args, |name| environ.text.get(name).cloned())?;
    let executable = std::env::current_exe().ok();
    let home = environ.home();
    let named = raw.get("config").text;
    let file = if named.is_empty() {
        search_paths(executable.as_deref(), home.as_deref())
            .into_iter()
            .find(|path| path.is_file())
    } else {
        Some(environ.surroundings().absolute(&named))
    };
    if let Some(file) = file {
        raw.take_file(&file)?;
    }
    Ok(raw)
}

pub(crate) fn place(
    raw: &Raw,
    environ: &Environ,
    executable: &Path,
    state: Option<&StateDir>,
) -> Place {
    let bin_folder = executable.parent().unwrap_or(Path::new("/"));
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    Place {
        around: environ.surroundings(),
        environ: environ.all.clone(),
        process: ProcessFacts {
            pid: std::process::id(),
            bin_folder: bin_folder.to_string_lossy().into_owned(),
            config_file: raw
                .file
                .as_ref()
                .map(|file| file.to_string_lossy().into_owned())
                .unwrap_or_default(),
        },
        executable: executable.to_owned(),
        cpus: cpus as u64,
        default_endpoint: environ
            .get(env::TRIREME_DEFAULT_ENDPOINT)
            .map(str::to_owned),
        default_build_path: state.map(|state| state.root().join("builds")),
        temporary: std::env::temp_dir(),
        has_bash: Path::new("/bin/bash").exists(),
        is_file: Path::is_file,
    }
}

impl Environ {
    pub(crate) fn read() -> Self {
        let all: Vec<_> = std::env::vars_os().collect();
        let text = all
            .iter()
            .filter_map(|(name, value)| Some((name.to_str()?.into(), value.to_str()?.into())))
            .collect();
        Self { all, text }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let value = self.text.get(name)?;
        (!value.is_empty()).then_some(value)
    }

    pub(crate) fn home(&self) -> Option<PathBuf> {
        self.get("HOME").map(PathBuf::from)
    }

    pub(crate) fn surroundings(&self) -> Surroundings {
        Surroundings {
            variables: self.text.clone(),
            home: self.home(),
            cwd: std::env::current_dir().unwrap_or_default(),
        }
    }
}

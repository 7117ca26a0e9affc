//! The files of a wrapped hook: the script that is run in its place, and what that writes down.
//!
//! They lie in a folder of their own that only the agent's user can enter, and go with it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use agent_hooks::windows::{AFTER, AGENT, Form, HOOK};
use agent_hooks::{Dump, Posix};
use tempfile::TempDir;

use super::place::Hook;
use crate::environment::Environment;
use crate::os;

/// A wrapper that was written.
#[derive(Debug)]
pub(super) struct Wrapper {
    folder: TempDir,
    script: PathBuf,
    dump: File,
    form: Form,
}

impl Wrapper {
    /// Writes the wrapper of a hook. `own` is the agent's program.
    pub(super) fn write(hook: &Hook, form: Form, own: Option<&Path>) -> io::Result<Self> {
        let folder = os::private_scratch("buildkite-agent-hook-wrapper", &std::env::temp_dir())?;
        let (dump_path, json) = (dump_path(&folder), json_path(&folder));
        // Held open, so that nothing the hook does to its rights or its name keeps it from us.
        let dump = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&dump_path)?;
        let (text, script) = match form.wrapper() {
            Some((text, ending)) => (text.into(), format!("wrapper.{ending}")),
            None => {
                let posix = Posix {
                    hook: &hook.path,
                    env: env_program(),
                    dump: &dump_path,
                    own: own.map(|own| (own, &*json)),
                };
                (posix.text(), "wrapper".to_owned())
            }
        };
        let script = folder.path().join(script);
        std::fs::write(&script, text)?;
        Ok(Self {
            folder,
            script,
            dump,
            form,
        })
    }

    /// The script to run.
    pub(super) fn script(&self) -> &Path {
        &self.script
    }

    /// What the script has to find in its environment.
    pub(super) fn tell(&self, hook: &Hook, own: Option<&Path>, env: &mut Environment) {
        if self.form.wrapper().is_some() {
            env.set(HOOK, hook.path.as_os_str());
            env.set(AFTER, dump_path(&self.folder));
            if let Some(own) = own {
                env.set(AGENT, own);
            }
        }
    }

    /// The environment that the hook left; empty if it ended the shell.
    pub(super) fn environment(mut self) -> io::Result<Dump> {
        let mut bytes = Vec::new();
        self.dump.read_to_end(&mut bytes)?;
        let json = match self.form {
            Form::Batch => std::mem::take(&mut bytes),
            _ => std::fs::read(json_path(&self.folder)).unwrap_or_default(),
        };
        if json.is_empty() {
            return Ok(Dump::parse(&bytes));
        }
        Dump::parse_json(&json).map_err(io::Error::other)
    }
}

fn dump_path(folder: &TempDir) -> PathBuf {
    folder.path().join("environment")
}

fn json_path(folder: &TempDir) -> PathBuf {
    folder.path().join("environment.json")
}

/// The system's `env`. It is not looked up: the hook's `PATH` is the job's.
fn env_program() -> &'static Path {
    let places = ["/usr/bin/env", "/bin/env"].map(Path::new);
    let [usual, other] = places;
    if usual.exists() { usual } else { other }
}

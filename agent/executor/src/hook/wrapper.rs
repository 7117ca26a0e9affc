//! The files of a wrapped hook: the script that is run in its place, and what that writes down.
//!
//! They go with the hook.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use agent_hooks::windows::{AFTER, AGENT, Form, HOOK};
use agent_hooks::{Dump, Posix, Shebang};
use tempfile::TempPath;

use super::place::Hook;
use crate::environment::Environment;
use crate::job::HookFiles;
use crate::os;

/// A wrapper that was written.
#[derive(Debug)]
pub(super) struct Wrapper {
    script: TempPath,
    dump_path: TempPath,
    /// Held open, so that nothing the hook does to its rights or its name keeps it from us.
    dump: File,
    json: PathBuf,
    /// What the shell had when the hook began, where that is not what it was given.
    before: Option<TempPath>,
    form: Form,
}

impl Wrapper {
    /// Writes the wrapper of a hook. `own` is the agent's program; `measure` says that the shell
    /// itself may change its environment.
    pub(super) fn write(
        files: &mut HookFiles,
        hook: &Hook,
        form: Form,
        shebang: Option<&Shebang>,
        own: Option<&Path>,
        measure: bool,
    ) -> io::Result<Self> {
        let (number, folder) = files.next()?;
        let dump_path = folder.join(format!("environment-{number}"));
        let json = folder.join(format!("environment-{number}.json"));
        // For us alone, even if a hook opened the folder to others: it will hold secrets.
        os::create_with_mode(&dump_path, 0o600)?;
        let dump = File::open(&dump_path)?;
        let dump_path = TempPath::try_from_path(dump_path)?;
        let measured =
            (measure && form == Form::Shell).then(|| folder.join(format!("before-{number}")));
        let before = measured.map(TempPath::try_from_path).transpose()?;
        if let Some(before) = &before {
            os::create_with_mode(before, 0o600)?;
        }
        let (text, script) = match form.wrapper() {
            Some((text, ending)) => (text.into(), format!("wrapper-{number}.{ending}")),
            None => {
                let posix = Posix {
                    shebang,
                    hook: &hook.path,
                    before: before.as_deref(),
                    env: env_program(),
                    dump: &dump_path,
                    own: own.map(|own| (own, &*json)),
                };
                (posix.text(), format!("wrapper-{number}"))
            }
        };
        let script = TempPath::try_from_path(folder.join(script))?;
        // Executable, for a configured shell may be a program that starts others.
        os::create_with_mode(&script, 0o700)?.write_all(&text)?;
        Ok(Self {
            script,
            dump_path,
            dump,
            json,
            before,
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
            env.set(AFTER, self.dump_path.as_os_str());
            if let Some(own) = own {
                env.set(AGENT, own);
            }
        }
    }

    /// The environment that the hook began with, if it was written down.
    pub(super) fn before(&self) -> Option<Dump> {
        let bytes = std::fs::read(self.before.as_ref()?).ok()?;
        Some(Dump::parse(&bytes)).filter(|dump| !dump.is_empty())
    }

    /// The environment that the hook left; empty if it ended the shell.
    pub(super) fn environment(mut self) -> io::Result<Dump> {
        let mut bytes = Vec::new();
        self.dump.read_to_end(&mut bytes)?;
        let json = match self.form {
            Form::Batch => std::mem::take(&mut bytes),
            _ => std::fs::read(&self.json).unwrap_or_default(),
        };
        if json.is_empty() {
            return Ok(Dump::parse(&bytes));
        }
        let _ = std::fs::remove_file(&self.json);
        Dump::parse_json(&json).map_err(io::Error::other)
    }
}

/// The system's `env`. It is not looked up: the hook's `PATH` is the job's.
fn env_program() -> &'static Path {
    let places = ["/usr/bin/env", "/bin/env"].map(Path::new);
    let [usual, other] = places;
    if usual.exists() { usual } else { other }
}

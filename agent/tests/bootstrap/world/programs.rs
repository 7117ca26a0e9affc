//! Programs that stand in for others and write down how they are called, and the agent's hooks.

use std::fs;

use super::World;

impl World {
    /// A program on the job's path: it writes down its name and words, then runs this shell code.
    pub(crate) fn stand_in(&self, name: &str, code: &str) {
        let note = "printf '%s %s\\n' \"${0##*/}\" \"$*\" >>\"$HOME/told\"";
        self.write_program(
            &format!("bin/{name}"),
            &format!("#!/bin/sh\n{note}\n{code}\n"),
        );
    }

    /// How the stand-ins were called since the last time this was asked.
    pub(crate) fn told(&self) -> Vec<String> {
        let file = self.path("home/told");
        let text = fs::read_to_string(&file).unwrap_or_default();
        let _ = fs::remove_file(file);
        text.lines().map(str::to_owned).collect()
    }

    /// A hook of the agent.
    pub(crate) fn hook(&mut self, name: &str, text: &str) -> &mut Self {
        let folder = self.path("hooks");
        fs::create_dir_all(&folder).expect("folder");
        self.write_program(&format!("hooks/{name}"), text);
        self.set("BUILDKITE_HOOKS_PATH", &folder.to_string_lossy())
    }
}

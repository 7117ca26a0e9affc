//! `workdir set`: the folder of what the job runs next, chosen by a hook that is no shell script.

use std::path::{Component, Path, PathBuf};

use serde_json::json;

use crate::env::job_api;
use crate::error::CommandError;
use crate::format::{DONE, Format};
use crate::given::{Flag, Given};
use crate::{Command, block_on, print};

pub(crate) const SET: Command = Command {
    group: "workdir",
    name: "set",
    arguments: "FOLDER",
    help: "choose the folder in which the job goes on after this hook",
    flags: &[Flag::text(
        "output-format",
        "BUILDKITE_AGENT_WORKDIR_SET_OUTPUT_FORMAT",
        "plain",
        "plain, json, json-pretty or quiet",
    )],
    run: set,
};

fn set(given: &Given) -> Result<(), CommandError> {
    let format = Format::asked(given, "output-format", &DONE)?;
    let [folder] = given.arguments.as_slice() else {
        return Err(CommandError::Arguments("workdir set FOLDER"));
    };
    let folder = Path::new(folder);
    let path = std::path::absolute(folder).map_err(|error| {
        let path = folder.to_owned();
        CommandError::File { path, error }
    })?;
    let path = lexically(&path);
    if !path.is_dir() {
        return Err(CommandError::NoFolder(path));
    }
    let api = job_api()?;
    let workdir = block_on(api.move_to(&path))?;
    let answer = json!({ "workdir": workdir });
    print(&format.show(&answer, || format!("{workdir}\n")))
}

/// The path without `..`, by its text alone, as `cd` of a shell takes it.
fn lexically(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_up_is_taken_by_the_text_of_the_path() {
        for (path, wanted) in [
            ("/a/../b", "/b"),
            ("/a/b/..", "/a"),
            ("/../a", "/a"),
            ("/a/b", "/a/b"),
        ] {
            assert_eq!(lexically(Path::new(path)), Path::new(wanted));
        }
    }
}

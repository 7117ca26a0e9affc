//! `env dump`: the environment of the calling process itself, for hooks whose system has no better
//! way to write it down.

use std::collections::BTreeMap;

use crate::error::CommandError;
use crate::format::{Format, JSON_ONLY};
use crate::given::{Flag, Given};
use crate::{Command, print};

pub(crate) const DUMP: Command = Command {
    group: "env",
    name: "dump",
    arguments: "",
    help: "print the environment of the calling process",
    flags: &[Flag::text(
        "format",
        "BUILDKITE_AGENT_ENV_DUMP_FORMAT",
        "json",
        "json or json-pretty",
    )],
    run: dump,
};

fn dump(given: &Given) -> Result<(), CommandError> {
    let format = Format::asked(given, "format", &JSON_ONLY)?;
    // JSON holds no bytes that are not text; those are replaced.
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    let variables: BTreeMap<String, String> = std::env::vars_os()
        .map(|(name, value)| (text(name), text(value)))
        .collect();
    print(&format.show(&variables, String::new))
}

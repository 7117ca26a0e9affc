//! The agent's subcommand, for the tests: `rehearse try-plugin <library>`.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let library = std::env::args_os().nth(2).expect("a library");
    agent_plugins::rehearse::main(Path::new(&library))
}

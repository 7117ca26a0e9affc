//! Tier 3: the agent. See the library of the same name.

fn main() -> std::process::ExitCode {
    agent::main(option_env!("TRIREME_VERSION").unwrap_or(env!("CARGO_PKG_VERSION")))
}

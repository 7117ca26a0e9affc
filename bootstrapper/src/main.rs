//! Tier 1: starts the launcher its slot names, for ever.

fn main() -> std::process::ExitCode {
    bootstrapper::main(option_env!("TRIREME_VERSION").unwrap_or(env!("CARGO_PKG_VERSION")))
}

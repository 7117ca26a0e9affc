//! Tier 2: keeps one agent running and switches versions.

fn main() -> std::process::ExitCode {
    shared_fault::begin("launcher");
    launcher::main(option_env!("TRIREME_VERSION").unwrap_or(env!("CARGO_PKG_VERSION")))
}

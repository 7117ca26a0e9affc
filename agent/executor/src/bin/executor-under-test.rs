//! `executor-under-test bootstrap …`: the executor alone, for its tests. Never shipped.

fn main() -> std::process::ExitCode {
    agent_executor::main(std::env::args_os().skip(2))
}

//! The terminal of a job: as it is, raw, turned off, and where the host has none to give.

use crate::world::World;

const LOOK: &str = "stty size 2>/dev/null </dev/tty || echo none; echo \"<${TERM-unset}>\"";

fn log_of(world: &World) -> String {
    let ended = world.run();
    assert_eq!(ended.code(), 0, "{}", ended.log);
    ended.log
}

#[test]
fn a_terminal_has_a_size_and_ends_lines_unless_it_is_raw() {
    for (pty, experiments, wanted) in [
        ("true", "", "100 160\r\n<xterm-256color>\r\n"),
        ("true", "agent-api,pty-raw", "100 160\n<xterm-256color>\n"),
        ("false", "pty-raw", "none\n<dumb>\n"),
    ] {
        let mut world = World::without_checkout(LOOK);
        world
            .set("BUILDKITE_PTY", pty)
            .set("BUILDKITE_AGENT_EXPERIMENT", experiments)
            .set("TERM", "dumb");
        let log = log_of(&world);
        assert!(log.ends_with(wanted), "{pty} {experiments}: {log}");
    }
}

#[test]
fn a_host_without_terminals_runs_the_job_with_a_pipe_and_says_so_once() {
    let full = "mount -t devpts -o newinstance,max=1,ptmxmode=666 devpts /dev/pts && \
                mount --bind /dev/pts/ptmx /dev/ptmx && exec 9<>/dev/ptmx";
    for (name, take) in [
        ("none there", "mount --bind /dev/null /dev/ptmx"),
        ("none left", full),
    ] {
        let mut world = World::new();
        world
            .set("BUILDKITE_PTY", "true")
            .set("BUILDKITE_COMMAND", "test -t 1 || echo no terminal");
        let output = world.run_with_mounts(take);
        let log = String::from_utf8_lossy(&output.stdout);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{name}: {said} {log}");
        assert!(log.ends_with("\nno terminal\n"), "{name}: {said} {log}");
        assert_eq!(log.matches("has no terminal").count(), 1, "{name}: {log}");
    }
}

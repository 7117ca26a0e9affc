//! Real children: what they see, what arrives, how they end.

use std::path::Path;
use std::time::Duration;

use agent_process::{
    Command, Ending, Exit, Output, Running, Signal, StartError, Stdin, Stream, Window, follow,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
const TERMINAL: Stream = Stream::Terminal(Window::JOB);
/// Longer than any of these children takes; only a failing test waits for it.
const LONG: Duration = Duration::from_mins(5);

fn shell(script: &str, stream: Stream) -> Command {
    Command::new("/bin/sh")
        .args(["-c", script])
        .env([("PATH", PATH)])
        .stream(stream)
}

async fn text_of(command: Command) -> (String, Ending) {
    let (mut running, mut output) = command.start().expect("start");
    let mut bytes = Vec::new();
    let ending = follow(&mut running, &mut output, LONG, async |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    })
    .await
    .expect("follow");
    (String::from_utf8(bytes).expect("text"), ending)
}

async fn wait_for_line(output: &mut Output, line: &str) {
    let mut seen = Vec::new();
    let mut byte = [0];
    while !String::from_utf8_lossy(&seen).contains(line) {
        let read = tokio::time::timeout(LONG, output.read(&mut byte)).await;
        assert_ne!(
            read.expect("in time").expect("read"),
            0,
            "ended before {line:?}"
        );
        seen.push(byte[0]);
    }
}

async fn wait_in_time(running: &mut Running) -> Exit {
    let exit = tokio::time::timeout(LONG, running.wait()).await;
    exit.expect("in time").expect("wait")
}

#[tokio::test]
async fn a_terminal_has_the_job_size_a_name_and_controls_the_session() {
    let script = "stty size; echo $TERM; test -t 0 && test -t 1 && test -t 2 && echo all; \
                  echo x >/dev/tty; ps -o sid= -p $$ | tr -d ' ' >/dev/tty; echo $$";
    let (text, ending) = text_of(shell(script, TERMINAL)).await;
    let lines: Vec<&str> = text.split("\r\n").collect();
    assert_eq!(lines[..4], ["100 160", "xterm-256color", "all", "x"]);
    assert_eq!(lines[4], lines[5], "the child leads its session");
    assert_eq!(
        ending,
        Ending {
            exit: Exit::Code(0),
            held: false
        }
    );
}

#[tokio::test]
async fn a_raw_terminal_changes_no_byte() {
    let script = "printf 'a\\nb\\r\\nc\\t\\033[1m\\377'; test -t 1 && stty size";
    let command = shell(script, Stream::RawTerminal(Window::JOB));
    let (mut running, mut output) = command.start().expect("start");
    let mut bytes = Vec::new();
    output.read_to_end(&mut bytes).await.expect("read");
    assert_eq!(bytes, b"a\nb\r\nc\t\x1b[1m\xff100 160\n");
    assert_eq!(wait_in_time(&mut running).await, Exit::Code(0));
}

#[tokio::test]
async fn a_pipe_beside_a_terminal_changes_no_byte_and_its_terminal_hangs_up_with_the_output() {
    let script = "trap 'echo hung up >\"$0\"; exit 3' HUP; test -t 1 || stty size; \
                  printf 'a\\n' >&2; while :; do read line; done";
    let told = tempfile::NamedTempFile::new().expect("a file");
    let mut command = shell(script, Stream::PipeWithTerminal(Window::JOB));
    command.args.push(told.path().into());
    let (mut running, mut output) = command.start().expect("start");
    let mut bytes = [0; 10];
    output.read_exact(&mut bytes).await.expect("read");
    assert_eq!(&bytes, b"100 160\na\n");
    drop(output);
    assert_eq!(wait_in_time(&mut running).await, Exit::Code(3));
    let text = std::fs::read_to_string(told.path()).expect("read");
    assert_eq!(text, "hung up\n");
}

#[tokio::test]
async fn a_given_term_is_kept() {
    let mut command = shell("echo $TERM", TERMINAL);
    command.env.push(("TERM".into(), "dumb".into()));
    assert_eq!(text_of(command).await.0, "xterm-256color\r\n");
}

#[tokio::test]
async fn a_pipe_takes_output_and_error_in_order_and_is_no_terminal() {
    let script = "echo one; echo two >&2; echo three; test -t 1 || echo none; cat";
    let (text, _) = text_of(shell(script, Stream::Pipe)).await;
    assert_eq!(text, "one\ntwo\nthree\nnone\n");
}

#[tokio::test]
async fn output_alone_is_captured_without_the_error_stream() {
    let (text, _) = text_of(shell("echo one; echo two >&2", Stream::OutputOnly)).await;
    assert_eq!(text, "one\n");
}

#[tokio::test]
async fn standard_input_reaches_the_child() {
    let command = shell("cat", Stream::Pipe).stdin(Stdin::Piped);
    let (mut running, mut output) = command.start().expect("start");
    let mut stdin = running.take_stdin().expect("a pipe");
    stdin.write_all(b"hello").await.expect("write");
    drop(stdin);
    let mut text = String::new();
    output.read_to_string(&mut text).await.expect("read");
    assert_eq!(text, "hello");
    assert_eq!(wait_in_time(&mut running).await, Exit::Code(0));
}

#[tokio::test]
async fn the_environment_is_exactly_what_was_given() {
    let command = Command::new("env").env([("PATH", PATH), ("A", "1")]);
    let (text, _) = text_of(command).await;
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["A=1", &format!("PATH={PATH}")]);
}

#[tokio::test]
async fn the_working_directory_is_the_given_one() {
    let dir = tempfile::tempdir().expect("dir");
    let place = dir.path().canonicalize().expect("path");
    let (text, _) = text_of(shell("pwd -P", Stream::Pipe).cwd(&place)).await;
    assert_eq!(Path::new(text.trim_end()), place);
}

#[tokio::test]
async fn an_exit_tells_status_and_signal_apart() {
    for stream in [
        Stream::Pipe,
        Stream::PipeInSession,
        TERMINAL,
        Stream::OutputOnly,
    ] {
        let (_, ending) = text_of(shell("exit 37", stream)).await;
        assert_eq!(ending.exit, Exit::Code(37), "{stream:?}");
        let (_, ending) = text_of(shell("kill -USR1 $$", stream)).await;
        assert_eq!(
            ending.exit.signal_name().as_deref(),
            Some("SIGUSR1"),
            "{stream:?}"
        );
        assert_eq!(ending.exit.status(), -1);
    }
}

#[tokio::test]
async fn a_flood_arrives_whole_through_pipe_and_terminal() {
    const SIZE: usize = 50_000_000;
    let script = format!("head -c {SIZE} /dev/zero | tr '\\0' x");
    for stream in [Stream::Pipe, TERMINAL] {
        let (mut running, mut output) = shell(&script, stream).start().expect("start");
        let (mut count, mut strange) = (0, 0);
        let ending = follow(&mut running, &mut output, LONG, async |piece| {
            count += piece.len();
            strange += piece.iter().filter(|&&byte| byte != b'x').count();
            Ok(())
        })
        .await
        .expect("follow");
        assert_eq!(
            (count, strange, ending.held),
            (SIZE, 0, false),
            "{stream:?}"
        );
    }
}

#[tokio::test]
async fn a_signal_reaches_the_whole_group() {
    for stream in [Stream::Pipe, Stream::PipeInSession, TERMINAL] {
        let script = "sleep 300 & echo ready; wait";
        let (mut running, mut output) = shell(script, stream).start().expect("start");
        wait_for_line(&mut output, "ready").await;
        running.signal_group(Signal::TERM).expect("signal");
        assert_eq!(
            wait_in_time(&mut running).await,
            Exit::Signal(15),
            "{stream:?}"
        );
        let mut rest = Vec::new();
        let end = tokio::time::timeout(LONG, output.read_to_end(&mut rest)).await;
        end.expect("the sleeper is gone too").expect("read");
    }
}

#[tokio::test]
async fn a_child_that_ignores_the_polite_end_is_ended_by_the_hard_one() {
    let script = "trap '' TERM; echo ready; while :; do sleep 300; done";
    let (mut running, mut output) = shell(script, TERMINAL).start().expect("start");
    wait_for_line(&mut output, "ready").await;
    running.signal_group(Signal::TERM).expect("signal");
    running.signal_group(Signal::KILL).expect("signal");
    assert_eq!(wait_in_time(&mut running).await, Exit::Signal(9));
    running
        .signal_group(Signal::KILL)
        .expect("a group that is gone is no error");
}

#[tokio::test]
async fn a_daemon_that_holds_the_output_is_left_behind_after_the_patience() {
    for stream in [Stream::Pipe, TERMINAL] {
        let script = "trap '' HUP; sleep 300 & echo last words";
        let (mut running, mut output) = shell(script, stream).start().expect("start");
        let mut bytes = Vec::new();
        let patience = Duration::from_millis(50);
        let ending = follow(&mut running, &mut output, patience, async |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })
        .await
        .expect("follow");
        running.signal_group(Signal::KILL).expect("end the sleeper");
        assert_eq!(String::from_utf8_lossy(&bytes).trim_end(), "last words");
        assert_eq!(
            (ending.exit, ending.held),
            (Exit::Code(0), true),
            "{stream:?}"
        );
    }
}

#[tokio::test]
async fn a_grandchild_on_the_terminal_is_hung_up_when_the_child_ends() {
    let (text, ending) = text_of(shell("sleep 300 & echo last words", TERMINAL)).await;
    assert_eq!((text.as_str(), ending.held), ("last words\r\n", false));
}

#[tokio::test]
async fn a_missing_program_is_named() {
    let error = Command::new("no-such-program")
        .env([("PATH", PATH)])
        .start();
    let error = error.expect_err("nothing to start");
    assert!(matches!(error, StartError::NotFound(_)));
    assert!(error.to_string().contains("no-such-program"), "{error}");
    let error = Command::new("/no/such/program")
        .start()
        .expect_err("nothing");
    assert!(matches!(error, StartError::Run(..)), "{error}");
}

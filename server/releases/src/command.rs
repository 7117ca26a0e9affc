//! A key that this program cannot read: a command gets the payload on its standard input and
//! prints the signature as 128 hex digits. So a hardware key, or a second person, can sign.
//!
//! The command runs in a shell, in the terminal of whoever publishes: it may ask for a PIN or a
//! touch there. `TRIREME_KEY_ID`, `TRIREME_KEY_ROLE` and `TRIREME_KEY_PUBLIC` say which key is
//! wanted. What it prints is checked against the public key before anything is written.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use shared_release::{PublicKey, Role, Signature};
use shared_supervise::{ProcessId, kill_tree};

/// Most bytes of its output that are read. A signature has 128.
const MAX_OUTPUT: u64 = 4096;

/// How often it is asked whether the command has ended, once its output has.
const STEP: Duration = Duration::from_millis(10);

/// Asks a command for a signature. The error says what it did instead.
pub(crate) fn sign(
    line: &str,
    role: Role,
    key: &PublicKey,
    payload: &[u8],
    limit: Duration,
) -> Result<Signature, String> {
    let fail = |what: String| format!("the key command `{line}` {what}");
    let mut child = shell(line)
        .env("TRIREME_KEY_ID", key.kid())
        .env("TRIREME_KEY_ROLE", role.name())
        .env("TRIREME_KEY_PUBLIC", key.to_hex())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| fail(format!("cannot be started: {error}")))?;
    let text = exchange(&mut child, payload, limit);
    let status = text
        .is_some()
        .then(|| end(&mut child, limit))
        .and_then(Result::ok);
    let (Some(text), Some(status)) = (text, status) else {
        // It may have ended just now; either way nobody waits for it any longer, nor for what its
        // shell has started.
        if let Some(id) = ProcessId::of(child.id()) {
            kill_tree(&[id]);
        }
        let _ = child.kill();
        let _ = child.wait();
        return Err(fail(format!("took longer than {} s", limit.as_secs())));
    };
    if !status.success() {
        return Err(fail(format!("failed: {status}")));
    }
    key.signature(payload, &text).ok_or_else(|| {
        let shown: String = text.trim().chars().take(80).collect();
        fail(format!(
            "printed {shown:?}, which is no signature of key {} over the payload; 128 hex digits \
             were expected",
            key.kid()
        ))
    })
}

#[cfg(unix)]
fn shell(line: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", line]);
    command
}

#[cfg(windows)]
fn shell(line: &str) -> Command {
    let mut command = Command::new("cmd");
    command.args(["/C", line]);
    command
}

/// Feeds the payload and takes the output, on threads of their own: a command that reads nothing,
/// or prints before it reads, must not block. `None` if its output has not ended in time.
fn exchange(child: &mut Child, payload: &[u8], limit: Duration) -> Option<String> {
    let mut input = child.stdin.take().expect("its input is a pipe");
    let output = child.stdout.take().expect("its output is a pipe");
    let payload = payload.to_vec();
    // A command that needs no payload may close its input; whether it signed shows in its output.
    std::thread::spawn(move || {
        let _ = input.write_all(&payload);
    });
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = Vec::new();
        let _ = output.take(MAX_OUTPUT).read_to_end(&mut text);
        let _ = send.send(text);
    });
    let text = receive.recv_timeout(limit).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// Waits for the end of a command whose output has ended.
fn end(child: &mut Child, limit: Duration) -> Result<ExitStatus, ()> {
    let mut left = limit;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if !left.is_zero() => std::thread::park_timeout(STEP),
            _ => return Err(()),
        }
        left = left.saturating_sub(STEP);
    }
}

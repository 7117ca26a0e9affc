//! A log that contains what makes logs hard: colours, long lines, cut UTF-8, no final newline.

/// The first `length` bytes of an endless log that is the same each time. Contains no carriage
/// return, and never ends in a newline, so that nothing is lost unseen at its end.
pub fn bytes(length: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(length + 8192);
    let mut line = 0_u64;
    while out.len() < length {
        match line % 7 {
            0 => {
                out.extend_from_slice(
                    format!("\x1b[3{}mline {line}\x1b[0m\n", line % 8).as_bytes(),
                );
            }
            1 => out.extend_from_slice("Grüße, 世界, 🚣🚣🚣\n".as_bytes()),
            // A multi-byte character without its end, then a stray continuation byte.
            2 => out.extend_from_slice(b"cut \xe4\xb8 and \xbf stray\n"),
            3 => long_line(&mut out, line),
            4 => out.extend_from_slice(b"\n\n"),
            5 => out.extend_from_slice(b"progress 10%\x1b[2K progress 90%\x1b[K done\n"),
            _ => out.extend_from_slice(format!("plain text number {line} with\ttabs\n").as_bytes()),
        }
        line += 1;
    }
    out.truncate(length);
    if let Some(last) = out.last_mut() {
        *last = b'.';
    }
    out
}

/// A line of some 5,000 characters, as minified sources are.
fn long_line(out: &mut Vec<u8>, line: u64) {
    let mut state = line.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    for _ in 0..5000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        out.push(b'a' + u8::try_from((state >> 33) % 26).unwrap_or(0));
    }
    out.push(b'\n');
}

/// What a terminal makes of the log: each line feed becomes carriage return and line feed.
pub fn through_a_terminal(log: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(log.len() + log.len() / 16);
    for &byte in log {
        if byte == b'\n' {
            out.push(b'\r');
        }
        out.push(byte);
    }
    out
}

/// Takes out the agent's time marks, `ESC _ bk;t=… BEL`.
pub fn without_time_marks(log: &[u8]) -> Vec<u8> {
    const BEGIN: &[u8] = b"\x1b_bk;t=";
    let mut out = Vec::with_capacity(log.len());
    let mut at = 0;
    while at < log.len() {
        if log[at..].starts_with(BEGIN) {
            let end = log[at..]
                .iter()
                .position(|&byte| byte == 7)
                .map_or(log.len(), |end| at + end + 1);
            at = end;
        } else {
            out.push(log[at]);
            at += 1;
        }
    }
    out
}

//! Measures what one log costs inside the agent, without a network: time marks, cutting, gzip.
//!
//! `cargo run --release -p agent-log-stream --example throughput [FILE [MARKED]]` prints megabytes
//! of the job's output per CPU second for the whole way, and, to choose the level, CPU time and size
//! of every gzip level over the same chunks. Without FILE, or with `-`, a build log with colours is
//! made up. With MARKED the log is written there with its time marks, so that other compressors can
//! be compared over the same bytes.

#![expect(clippy::print_stdout, reason = "a measurement for a person")]

use std::time::Duration;

use agent_log_stream::chunk::Chunker;
use agent_log_stream::timestamp::Timestamper;
use flate2::{Compress, Compression, FlushCompress};
use rustix::time::{ClockId, clock_gettime};

const CHUNK_BYTES: usize = 100 << 10;
const READ_BYTES: usize = 16 << 10;
const START_MS: u64 = 1_767_225_600_000;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let log = match arguments.next().as_deref() {
        None | Some("-") => made_up_log(64 << 20),
        Some(path) => std::fs::read(path)?,
    };
    let raw = log.len();
    println!("log: {} MB", megabytes(raw));

    let (marked, time) = timed(|| mark(&log));
    println!("time marks: {:.0} MB/CPU s", rate(raw, time));
    if let Some(path) = arguments.next() {
        std::fs::write(path, &marked)?;
    }

    let ((chunks, compressed), time) = timed(|| whole_way(&log));
    println!(
        "marks, cutting and gzip: {:.1} MB/CPU s, {chunks} chunks, {:.2} % of the job's output",
        rate(raw, time),
        percent(compressed, raw),
    );

    println!("level  MB/CPU s  % of marked");
    for level in 1..=9 {
        let (size, time) = timed(|| -> usize {
            let chunks = marked.chunks(CHUNK_BYTES);
            chunks.map(|chunk| gzip(level, chunk)).sum()
        });
        let speed = rate(marked.len(), time);
        println!(
            "{level:>5}  {speed:>8.1}  {:>6.2}",
            percent(size, marked.len())
        );
    }
    Ok(())
}

fn mark(log: &[u8]) -> Vec<u8> {
    let mut marks = Timestamper::default();
    let mut out = Vec::with_capacity(log.len() * 3 / 2);
    for (piece, now_ms) in log.chunks(READ_BYTES).zip(START_MS..) {
        marks.push(piece, now_ms, &mut out);
    }
    out
}

fn whole_way(log: &[u8]) -> (u64, usize) {
    let mut marks = Timestamper::default();
    let mut chunker = Chunker::new(CHUNK_BYTES);
    let mut compressed = 0;
    for (piece, now_ms) in log.chunks(READ_BYTES).zip(START_MS..) {
        marks.push(piece, now_ms, chunker.pending());
        compressed += chunker
            .cut(false)
            .iter()
            .map(|chunk| chunk.gzip.len())
            .sum::<usize>();
    }
    compressed += chunker
        .cut(true)
        .iter()
        .map(|chunk| chunk.gzip.len())
        .sum::<usize>();
    (chunker.chunks(), compressed)
}

fn gzip(level: u32, bytes: &[u8]) -> usize {
    let mut out = Vec::with_capacity(bytes.len() + 1024);
    Compress::new_gzip(Compression::new(level), 15)
        .compress_vec(bytes, &mut out, FlushCompress::Finish)
        .expect("DEFLATE has no invalid input");
    out.len()
}

/// Lines as builds print them: repeated phrases, paths, numbers and hashes that do not repeat.
fn made_up_log(bytes: usize) -> Vec<u8> {
    let crates = [
        "tokio",
        "serde_json",
        "hyper-util",
        "regex-automata",
        "aws-lc-rs",
        "clap",
    ];
    let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let mut out = String::with_capacity(bytes + 256);
    while out.len() < bytes {
        let (a, b) = (next(), next());
        let name = crates[usize::try_from(a % 6).unwrap_or(0)];
        let line = match b % 5 {
            0 => format!(
                "\x1b[32m   Compiling\x1b[0m {name} v{}.{}.{}\n",
                a % 9,
                b % 40,
                a % 13
            ),
            1 => format!(
                "test {name}::tests::case_{} ... \x1b[32mok\x1b[0m\n",
                a % 5000
            ),
            2 => format!(
                "\x1b[33mwarning\x1b[0m: unused variable `x{}` in src/{name}/mod.rs:{}:{}\n",
                a % 99,
                b % 900,
                a % 80
            ),
            3 => format!(
                "[{:>3}%] Linking object {name}_{:016x}.o ({} bytes)\n",
                a % 100,
                a,
                b % 99_999
            ),
            _ => format!(
                "2026-01-01T00:{:02}:{:02}Z INFO {name} request id={:08x} took {} ms\n",
                a % 60,
                b % 60,
                a >> 32,
                b % 700
            ),
        };
        out.push_str(&line);
    }
    out.into_bytes()
}

/// Runs `work` and says how much CPU time it took.
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let before = cpu();
    let value = work();
    (value, cpu().saturating_sub(before))
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

#[expect(clippy::cast_precision_loss, reason = "for display")]
fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

fn rate(bytes: usize, time: Duration) -> f64 {
    megabytes(bytes) / time.as_secs_f64()
}

fn percent(part: usize, whole: usize) -> f64 {
    100.0 * megabytes(part) / megabytes(whole)
}

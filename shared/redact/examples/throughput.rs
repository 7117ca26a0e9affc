//! How many bytes per second the redactor takes, on text with and without secrets:
//! `cargo run --release -p shared-redact --example throughput`.

use std::time::Instant;

use shared_redact::Redactor;

#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a measurement reads the clock and prints what it found"
)]
fn main() {
    const TOTAL: usize = 512 * 1024 * 1024;
    let line = "2026-03-01T10:00:00Z [INFO] compiling module_17 of 240: src/lib.rs:120 ok\n";
    for (secrets, hit) in [
        (0, false),
        (1, false),
        (10, false),
        (100, false),
        (10, true),
    ] {
        for size in [80, 4096, 65536] {
            let mut redactor = Redactor::new();
            for number in 0..secrets {
                redactor.add(format!("{number}-sekret-{}", number * 7919).as_bytes());
            }
            let text = if hit {
                line.replace("module_17", "3-sekret-23757")
            } else {
                line.into()
            };
            let piece: Vec<u8> = text.bytes().cycle().take(size).collect();
            let (mut out, mut written) = (Vec::new(), 0);
            let start = Instant::now();
            for _ in 0..TOTAL / size {
                redactor.push(&piece, &mut out);
                written += out.len();
                out.clear();
            }
            let speed = (TOTAL / size * size) as f64 / 1e6 / start.elapsed().as_secs_f64();
            println!(
                "{secrets:>3} secrets, hits {hit:<5}, {size:>5} at once: {speed:>6.0} MB/s ({written} out)"
            );
        }
    }
}

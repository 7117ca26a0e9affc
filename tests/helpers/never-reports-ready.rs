//! A release that starts, stays, and never says a word on its control socket.

use std::io::Read as _;

fn main() -> std::io::Result<()> {
    // A pipe whose other end this process holds itself: a read from it never returns.
    let (mut never, _held) = std::io::pipe()?;
    never.read_exact(&mut [0])
}

//! The least that pings can cost: one connection, one request as a fixed text, and system calls only.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// As many pings as a hundred workers send every two seconds.
const EVERY: Duration = Duration::from_millis(20);

/// Pings the endpoint at `address`, such as `127.0.0.1:8080`, until that is gone.
#[expect(clippy::disallowed_methods, reason = "pings come at intervals")]
pub(crate) fn ping(address: &str) -> io::Result<()> {
    let mut endpoint = TcpStream::connect(address)?;
    endpoint.set_nodelay(true)?;
    let request = format!(
        "GET /v3/ping HTTP/1.1\r\nauthorization: Token token-of-worker-1\r\naccept: */*\r\nhost: {address}\r\n\r\n"
    );
    let mut answer = [0; 4096];
    loop {
        std::thread::sleep(EVERY);
        endpoint.write_all(request.as_bytes())?;
        if endpoint.read(&mut answer)? == 0 {
            return Ok(());
        }
    }
}

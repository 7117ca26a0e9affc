//! Where lines go: a writer behind a lock, that cannot fail.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

/// A writer that takes whole lines and swallows errors.
pub(crate) struct Sink<W>(Arc<Mutex<W>>);

impl<W: Write> Sink<W> {
    pub(crate) fn new(to: W) -> Self {
        Self(Arc::new(Mutex::new(to)))
    }
}

impl<W> Clone for Sink<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<W: Write> Write for Sink<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut to = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A lost line is better than a program that dies of its log.
        let _ = to.write_all(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a, W: Write + 'static> MakeWriter<'a> for Sink<W> {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

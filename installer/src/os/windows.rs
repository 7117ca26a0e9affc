//! Windows: the launcher's named pipe, and rights that a file inherits from its folder.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::windows::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use shared_control::line::pipe_name;
use shared_supervise::pause;
use windows_sys::Win32::Foundation::ERROR_PIPE_BUSY;
use windows_sys::Win32::Storage::FileSystem::SECURITY_IDENTIFICATION;

use super::Access;

/// Where packages put the state folder.
pub(crate) const USUAL_STATE_DIR: &str = r"C:\ProgramData\Trireme";

/// Between two tries to get an end of a pipe that another client was quicker to take.
const SLICE: Duration = Duration::from_millis(10);

/// Bytes that are read at once.
const CHUNK: usize = 4096;

/// Connects to the launcher, and lets each read take at most `patience`. A request is smaller than
/// what a pipe holds, so a write does not wait.
pub(crate) fn connect(path: &Path, patience: Duration) -> io::Result<impl Read + Write + use<>> {
    let name = pipe_name(path);
    let mut left = patience;
    loop {
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            // Whoever has the name may ask who we are, and not act as us.
            .security_qos_flags(SECURITY_IDENTIFICATION)
            .open(&name);
        match opened {
            Err(error) if is_busy(&error) && !left.is_zero() => {}
            Err(error) if is_busy(&error) => return Err(io::ErrorKind::TimedOut.into()),
            opened => return opened.map(|pipe| Pipe::new(pipe, patience)),
        }
        pause(SLICE);
        left = left.saturating_sub(SLICE);
    }
}

fn is_busy(error: &io::Error) -> bool {
    error.raw_os_error().map(i32::cast_unsigned) == Some(ERROR_PIPE_BUSY)
}

/// A pipe has no time limits, so a thread reads it. That begins with the first read: while it waits,
/// nothing can be written.
struct Pipe {
    file: File,
    patience: Duration,
    chunks: Option<Receiver<io::Result<Vec<u8>>>>,
    /// What came and was not read yet.
    rest: Vec<u8>,
}

impl Pipe {
    const fn new(file: File, patience: Duration) -> Self {
        Self {
            file,
            patience,
            chunks: None,
            rest: Vec::new(),
        }
    }

    /// The next chunk, empty at the end.
    fn wait(&mut self) -> io::Result<Vec<u8>> {
        let chunks = match self.chunks.take() {
            Some(chunks) => chunks,
            None => begin(self.file.try_clone()?)?,
        };
        let came = chunks.recv_timeout(self.patience);
        self.chunks = Some(chunks);
        match came {
            Ok(came) => came,
            Err(RecvTimeoutError::Timeout) => Err(io::ErrorKind::TimedOut.into()),
            Err(RecvTimeoutError::Disconnected) => Ok(Vec::new()),
        }
    }
}

/// Starts the thread. It ends with the pipe, or with this process.
fn begin(mut file: File) -> io::Result<Receiver<io::Result<Vec<u8>>>> {
    let (sender, chunks) = sync_channel(1);
    std::thread::Builder::new().spawn(move || {
        let mut bytes = [0; CHUNK];
        loop {
            let came = file.read(&mut bytes).map(|count| bytes[..count].to_vec());
            let more = came.as_ref().is_ok_and(|chunk| !chunk.is_empty());
            if sender.send(came).is_err() || !more {
                return;
            }
        }
    })?;
    Ok(chunks)
}

impl Read for Pipe {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            self.rest = self.wait()?;
        }
        let count = self.rest.len().min(bytes.len());
        bytes[..count].copy_from_slice(&self.rest[..count]);
        self.rest.drain(..count);
        Ok(count)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file has the rights that its folder hands down.
#[expect(clippy::unnecessary_wraps, reason = "its Unix twin can fail")]
pub(crate) const fn give_to_owner_of(_folder: &Path, _path: &Path) -> io::Result<()> {
    Ok(())
}

/// That the folder can be looked at; its access list is set by the package, and not judged here.
pub(crate) fn access(folder: &Path) -> io::Result<Access> {
    std::fs::metadata(folder)?;
    Ok(Access {
        text: folder.display().to_string(),
        flaw: None,
    })
}

/// Volumes have no such mark.
#[expect(clippy::unnecessary_wraps, reason = "its twins can fail")]
pub(crate) const fn refuses_programs(_path: &Path) -> io::Result<bool> {
    Ok(false)
}

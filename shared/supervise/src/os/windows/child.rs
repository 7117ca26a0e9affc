//! Starting children in the job of this process, hearing from them, and taking note of their end.
#![expect(unsafe_code, reason = "system calls that std does not offer")]

use std::ffi::{OsStr, OsString};
use std::io::{self, PipeReader, PipeWriter, Read};
use std::mem::forget;
use std::os::windows::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::windows::io::{AsHandle as _, AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::os::windows::process::CommandExt as _;
use std::process::Command;
use std::ptr::null;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use windows_sys::Win32::Foundation::{
    ERROR_BAD_EXE_FORMAT, ERROR_EXE_MACHINE_TYPE_MISMATCH, ERROR_SHARING_VIOLATION, WAIT_OBJECT_0,
};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_BREAKAWAY_OK,
    JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE, JOBOBJECT_EXTENDED_LIMIT_INFORMATION,
    JobObjectExtendedLimitInformation, SetInformationJobObject,
};
use windows_sys::Win32::System::Threading::{
    CREATE_NEW_PROCESS_GROUP, CreateEventW, GetCurrentProcess, GetExitCodeProcess, ResetEvent,
    SetEvent, WaitForSingleObject,
};

use super::{Watched, check, pause};
use crate::child::Ended;

/// Chunks of reports that wait to be read; a child that says more waits, too.
const CHUNKS: usize = 16;

/// How often a start is tried that a scanner may be in the way of: waits of 10, 20, 40 ms … sum up
/// to ten seconds.
const STARTS: u32 = 10;

/// Children that have not been reaped.
static CHILDREN: Mutex<Vec<(u32, OwnedHandle)>> = Mutex::new(Vec::new());

/// What a child writes to its standard output. A thread reads it, because such a pipe cannot be
/// waited for together with anything else.
#[derive(Debug)]
pub struct Reports {
    chunks: Receiver<Vec<u8>>,
    /// What was taken from the thread and not read yet.
    rest: Vec<u8>,
    /// Set while there is something to read, or the end was reached.
    ready: Arc<OwnedHandle>,
}

impl Reports {
    fn begin(pipe: PipeReader) -> io::Result<Self> {
        // SAFETY: no attributes, no name; reset by hand, because only a reader knows what is left.
        let ready = unsafe { CreateEventW(null(), 1, 0, null()) };
        if ready.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the handle was just made and nobody else knows it.
        let ready = Arc::new(unsafe { OwnedHandle::from_raw_handle(ready) });
        let (sender, chunks) = sync_channel(CHUNKS);
        let bell = Arc::clone(&ready);
        std::thread::Builder::new().spawn(move || forward(pipe, sender, &bell))?;
        Ok(Self {
            chunks,
            rest: Vec::new(),
            ready,
        })
    }

    /// For [`crate::Events::wait`].
    pub fn watched(&self) -> Watched<'_> {
        self.ready.as_handle()
    }

    /// Whether something can be read without waiting, or it has ended.
    pub fn is_readable(&self) -> bool {
        // SAFETY: the handle is open; the call does not wait.
        let ready = unsafe { WaitForSingleObject(self.ready.as_raw_handle(), 0) };
        ready == WAIT_OBJECT_0
    }

    /// Takes the next chunk. The bell is silenced before the look, so that none is missed.
    fn take(&mut self) -> Result<(), TryRecvError> {
        // SAFETY: the handle is open.
        unsafe { ResetEvent(self.ready.as_raw_handle()) };
        let taken = self.chunks.try_recv().map(|chunk| self.rest = chunk);
        if taken != Err(TryRecvError::Empty) {
            ring(&self.ready);
        }
        taken
    }
}

impl Read for Reports {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        shared_fault::point("child.read-reports")?;
        if self.rest.is_empty() {
            match self.take() {
                Ok(()) => {}
                Err(TryRecvError::Disconnected) => return Ok(0),
                Err(TryRecvError::Empty) => return Err(io::ErrorKind::WouldBlock.into()),
            }
        }
        let count = self.rest.len().min(bytes.len());
        bytes[..count].copy_from_slice(&self.rest[..count]);
        self.rest.drain(..count);
        Ok(count)
    }
}

fn forward(mut pipe: PipeReader, sender: SyncSender<Vec<u8>>, ready: &OwnedHandle) {
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = pipe.read(&mut bytes) {
        if sender.send(bytes[..count].to_vec()).is_err() {
            return;
        }
        ring(ready);
    }
    drop(sender);
    ring(ready);
}

fn ring(ready: &OwnedHandle) {
    // SAFETY: the handle is open.
    unsafe { SetEvent(ready.as_raw_handle()) };
}

/// Starts `words[0]` with the others as its arguments, in a process group of its own, which console
/// events do not reach. Its environment is ours, in which each of `variables` (`NAME=value`) takes
/// the place of what had its name.
pub(crate) fn spawn(
    words: &[&OsStr],
    variables: &[&OsStr],
) -> io::Result<(u32, PipeWriter, Reports)> {
    let (program, args) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    shared_fault::point("child.pipe")?;
    let (its_input, lifeline) = io::pipe()?;
    let (output, its_output) = io::pipe()?;
    let reports = Reports::begin(output)?;
    let mut command = Command::new(program);
    command
        .args(args)
        .stdin(its_input)
        .stdout(its_output)
        .creation_flags(CREATE_NEW_PROCESS_GROUP);
    for variable in variables {
        let (name, value) = halves(variable);
        command.env(name, value);
    }
    let child = start(&mut command)?;
    let pid = child.id();
    let handle = OwnedHandle::from(child);
    lock().push((pid, handle));
    Ok((pid, lifeline, reports))
}

/// A scanner looks at a file that is new when it is executed first; that passes.
fn start(command: &mut Command) -> io::Result<std::process::Child> {
    let mut wait = Duration::from_millis(10);
    let mut tries = 1;
    loop {
        shared_fault::point("child.spawn")?;
        match command.spawn() {
            Err(error) if tries < STARTS && is_scanned(&error) => {}
            started => return started,
        }
        pause(wait);
        wait = wait.saturating_mul(2);
        tries += 1;
    }
}

fn is_scanned(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied || is_raw(error, ERROR_SHARING_VIOLATION)
}

fn is_raw(error: &io::Error, code: u32) -> bool {
    error.raw_os_error().map(i32::cast_unsigned) == Some(code)
}

fn halves(variable: &OsStr) -> (OsString, OsString) {
    let units: Vec<u16> = variable.encode_wide().collect();
    let mut parts = units.splitn(2, |unit| *unit == u16::from(b'='));
    let mut part = || OsString::from_wide(parts.next().unwrap_or_default());
    (part(), part())
}

/// Whether this error of a start says that the file is no program of this machine.
pub(crate) fn is_no_program(error: &io::Error) -> bool {
    is_raw(error, ERROR_BAD_EXE_FORMAT) || is_raw(error, ERROR_EXE_MACHINE_TYPE_MISMATCH)
}

fn lock() -> std::sync::MutexGuard<'static, Vec<(u32, OwnedHandle)>> {
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Handles of the children that have not been reaped, which become signaled with their ends.
pub(super) fn handles() -> Vec<OwnedHandle> {
    let clones = lock()
        .iter()
        .map(|(_, handle)| handle.try_clone())
        .collect::<Vec<_>>();
    clones.into_iter().flatten().collect()
}

/// One child that has ended, and how.
pub(crate) fn reap() -> Option<(u32, Ended)> {
    // It may be slow or the last thing this process does; fail it does not.
    let _ = shared_fault::point("child.reap");
    let mut children = lock();
    let place = children.iter().position(|(_, handle)| {
        // SAFETY: the handle is open; the call does not wait.
        let ended = unsafe { WaitForSingleObject(handle.as_raw_handle(), 0) };
        ended == WAIT_OBJECT_0
    })?;
    let (pid, handle) = children.swap_remove(place);
    let mut code = 0;
    // SAFETY: the handle is open, and the code is written to a local variable.
    unsafe { GetExitCodeProcess(handle.as_raw_handle(), &raw mut code) };
    Some((pid, Ended::Exited(code.cast_signed())))
}

/// Puts this process into a job object that ends with it, and so everything that it starts. What
/// is to outlive it is started with `CREATE_BREAKAWAY_FROM_JOB`.
pub(crate) fn become_subreaper() -> io::Result<()> {
    shared_fault::point("child.subreaper")?;
    // SAFETY: no attributes, no name.
    let job = unsafe { CreateJobObjectW(null(), null()) };
    if job.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle was just made and nobody else knows it.
    let job = unsafe { OwnedHandle::from_raw_handle(job) };
    let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
    limits.BasicLimitInformation.LimitFlags =
        JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_BREAKAWAY_OK;
    let length = u32::try_from(size_of_val(&limits)).unwrap_or(u32::MAX);
    // SAFETY: the limits are of the type that the class names, and as long as the call is told.
    check(unsafe {
        SetInformationJobObject(
            job.as_raw_handle(),
            JobObjectExtendedLimitInformation,
            (&raw const limits).cast(),
            length,
        )
    })?;
    // SAFETY: the job is open; the other handle stands for this process and needs no closing.
    check(unsafe { AssignProcessToJobObject(job.as_raw_handle(), GetCurrentProcess()) })?;
    // The system closes it, and ends the job, when this process is gone.
    forget(job);
    Ok(())
}

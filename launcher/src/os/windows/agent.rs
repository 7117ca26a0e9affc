//! Starting agents outside of the job object that ends with the bootstrapper, and ending them.
//!
//! Each agent is in a job object of its own, which nobody's end closes: what it started stays in
//! there, so all of it can be found when it has to be killed. The job has a name made of the
//! agent's identity, and the agent holds a handle of it, so a launcher that adopts it finds it.
#![expect(unsafe_code, reason = "system calls that std does not offer")]

use std::fs;
use std::io;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle, RawHandle};
use std::path::Path;
use std::process::Command;
use std::ptr::{null, null_mut};
use std::time::Duration;

use shared_fault::point;
use shared_supervise::{ProcessId, pause, wait_gone};
use tokio::process::Child;
use tokio::sync::oneshot;
use tracing::warn;
use windows_sys::Win32::Foundation::{
    DUPLICATE_SAME_ACCESS, DuplicateHandle, ERROR_SHARING_VIOLATION, HANDLE_FLAG_INHERIT,
    SetHandleInformation,
};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT, JOB_OBJECT_LIMIT_BREAKAWAY_OK,
    JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK, JOBOBJECT_EXTENDED_LIMIT_INFORMATION,
    JobObjectExtendedLimitInformation, OpenJobObjectW, QueryInformationJobObject,
    TerminateJobObject,
};
use windows_sys::Win32::System::SystemServices::JOB_OBJECT_TERMINATE;
use windows_sys::Win32::System::Threading::{
    CREATE_BREAKAWAY_FROM_JOB, CREATE_NEW_PROCESS_GROUP, GetCurrentProcess, PROCESS_CREATION_FLAGS,
};

use super::{check, wide};

/// The first wait for a scanner that is in the way of a start.
const FIRST_WAIT: Duration = Duration::from_millis(10);

/// The longest, for the loop stands still meanwhile: with those before, they sum up to 2.5 s. A
/// scanner that takes longer is left to the back-off of restarts, which blames no version for it.
const LONGEST_WAIT: Duration = Duration::from_millis(1280);

/// Exit code of a process that was killed: what a shell would report of SIGKILL.
const KILLED: u32 = 137;

/// A folder inherits who may look into it; the installer sets that on the state folder.
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    point("folder.create")?;
    fs::create_dir_all(path)
}

/// Starts a child in a process group and a job object of its own: neither console events for this
/// process nor its end reach it.
pub(crate) fn spawn_apart(command: Command) -> io::Result<Child> {
    keep_own_streams();
    let mut command = tokio::process::Command::from(command);
    command.creation_flags(CREATE_NEW_PROCESS_GROUP | leave());
    let child = start(&mut command)?;
    // It waits for orders, so there is nothing yet that would not be in the job.
    if let Err(error) = gather(&child) {
        warn!(%error, "the agent has no job object; what it starts is found by parents alone");
    }
    Ok(child)
}

/// Our standard streams came by inheritance and would be handed on with it, whatever the child's
/// own are: the bootstrapper would wait for the end of reports as long as an agent lives.
fn keep_own_streams() {
    let streams = [
        io::stdin().as_raw_handle(),
        io::stdout().as_raw_handle(),
        io::stderr().as_raw_handle(),
    ];
    for stream in streams {
        // SAFETY: takes a handle, or what is none, which it refuses.
        unsafe { SetHandleInformation(stream, HANDLE_FLAG_INHERIT, 0) };
    }
}

/// With which flag a child leaves the job of this process.
fn leave() -> PROCESS_CREATION_FLAGS {
    match own_limits() {
        Some(limits) if limits & JOB_OBJECT_LIMIT_BREAKAWAY_OK == 0 => {
            if limits & JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK == 0 {
                warn!("the job object of this launcher keeps its children: agents may end with it");
            }
            0
        }
        // Without a job there is nothing to leave, and no error.
        _ => CREATE_BREAKAWAY_FROM_JOB,
    }
}

/// The limits of the job that this process is in, if it is in one.
fn own_limits() -> Option<JOB_OBJECT_LIMIT> {
    let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
    let length = u32::try_from(size_of_val(&limits)).unwrap_or(u32::MAX);
    // SAFETY: the limits are of the type that the class names, and as long as the call is told; no
    // handle means the job of this process.
    let known = unsafe {
        QueryInformationJobObject(
            null_mut(),
            JobObjectExtendedLimitInformation,
            (&raw mut limits).cast(),
            length,
            null_mut(),
        )
    };
    (known != 0).then_some(limits.BasicLimitInformation.LimitFlags)
}

/// A scanner looks at a file that is new when it is executed first; that passes.
fn start(command: &mut tokio::process::Command) -> io::Result<Child> {
    let mut wait = FIRST_WAIT;
    loop {
        point("agent.spawn")?;
        match command.spawn() {
            Err(error) if is_in_the_way(&error) && wait <= LONGEST_WAIT => {}
            Err(error) if is_in_the_way(&error) => {
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, error));
            }
            started => return started,
        }
        pause(wait);
        wait *= 2;
    }
}

fn is_in_the_way(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(i32::cast_unsigned);
    error.kind() == io::ErrorKind::PermissionDenied || code == Some(ERROR_SHARING_VIOLATION)
}

/// Puts a child into a job object of its own, and gives it a handle of that: a name lasts as long
/// as a handle does.
fn gather(child: &Child) -> io::Result<()> {
    let gone = || io::Error::from(io::ErrorKind::NotFound);
    let process = child.raw_handle().ok_or_else(gone)?;
    let agent = child.id().and_then(ProcessId::of).ok_or_else(gone)?;
    let name = job_name(agent);
    point("agent.job")?;
    // SAFETY: no attributes; the name is a C string.
    let job = owned(unsafe { CreateJobObjectW(null(), name.as_ptr()) })?;
    // SAFETY: both handles are open.
    check(unsafe { AssignProcessToJobObject(job.as_raw_handle(), process) })?;
    let mut its_own = null_mut();
    // SAFETY: all handles are open; the new one belongs to the child and is closed with it.
    check(unsafe {
        DuplicateHandle(
            GetCurrentProcess(),
            job.as_raw_handle(),
            process,
            &raw mut its_own,
            0,
            0,
            DUPLICATE_SAME_ACCESS,
        )
    })
}

fn owned(handle: RawHandle) -> io::Result<OwnedHandle> {
    if handle.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the caller was just given the handle, and nobody else knows it.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

/// The name of the job object of this very agent, as a C string.
fn job_name(agent: ProcessId) -> Vec<u16> {
    wide(&format!(
        r"Local\trireme-agent-{}-{}",
        agent.pid, agent.start
    ))
}

/// Ends an agent and all that it started: by its job, and by parents what has none.
pub(crate) fn kill_tree(agent: ProcessId) {
    match kill_job(agent) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            warn!(pid = agent.pid, %error, "cannot end the job object of the agent");
        }
        _ => {}
    }
    shared_supervise::kill_tree(&[agent]);
}

fn kill_job(agent: ProcessId) -> io::Result<()> {
    let name = job_name(agent);
    point("agent.end-job")?;
    // SAFETY: the name is a C string.
    let job = owned(unsafe { OpenJobObjectW(JOB_OBJECT_TERMINATE, 0, name.as_ptr()) })?;
    // SAFETY: the handle is open and allows it.
    check(unsafe { TerminateJobObject(job.as_raw_handle(), KILLED) })
}

/// Waits for the end of a process that is no child of this one: one thread for each, and there is
/// one such agent, or two.
///
/// # Errors
/// When the process cannot be watched, or is gone already.
pub(crate) async fn end_of(process: ProcessId) -> io::Result<()> {
    if process.exit_file().is_none() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let (ended, end) = oneshot::channel();
    std::thread::Builder::new()
        .name("agent".to_owned())
        .spawn(move || {
            wait_gone(&[process], Duration::MAX);
            let _ = ended.send(());
        })?;
    end.await.map_err(io::Error::other)
}

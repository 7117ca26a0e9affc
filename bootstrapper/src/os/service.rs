//! The program as a Windows service.
//!
//! The service manager starts it like any other program and expects it to call back. Whoever starts
//! it by hand is told apart by exactly that call failing, so there is no flag for it. Stop and
//! shutdown of the service arrive as the signal that asks any tier to end.
#![expect(unsafe_code, reason = "system calls that std does not offer")]

use std::ffi::c_void;
use std::process::ExitCode;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Mutex, PoisonError};

use shared_supervise::{Signal, raise};
use windows_sys::Win32::Foundation::{ERROR_CALL_NOT_IMPLEMENTED, NO_ERROR};
use windows_sys::Win32::System::Services::{
    RegisterServiceCtrlHandlerExW, SERVICE_ACCEPT_SHUTDOWN, SERVICE_ACCEPT_STOP,
    SERVICE_CONTROL_INTERROGATE, SERVICE_CONTROL_SHUTDOWN, SERVICE_CONTROL_STOP, SERVICE_RUNNING,
    SERVICE_STATUS, SERVICE_STATUS_CURRENT_STATE, SERVICE_STOP_PENDING, SERVICE_STOPPED,
    SERVICE_TABLE_ENTRYW, SERVICE_WIN32_OWN_PROCESS, SetServiceStatus, StartServiceCtrlDispatcherW,
};

/// Not looked at for a service that has a process of its own.
const NAME: [u16; 8] = {
    let text = b"trireme\0";
    let mut wide = [0; 8];
    let mut place = 0;
    while place < wide.len() {
        wide[place] = text[place] as u16;
        place += 1;
    }
    wide
};

/// Tells the manager how long a stop may take before it should look again, in milliseconds.
const STOP_HINT: u32 = 60_000;

type Program = Box<dyn FnOnce() -> ExitCode + Send>;

/// What the service is to run, until it runs.
static PROGRAM: Mutex<Option<Program>> = Mutex::new(None);

/// What it ended with, once it has.
static ENDED: Mutex<Option<ExitCode>> = Mutex::new(None);

/// By which the manager knows this service.
static STATUS: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

/// Runs the program, as a service if the service manager started it.
pub(crate) fn run(program: impl FnOnce() -> ExitCode + Send + 'static) -> ExitCode {
    *PROGRAM.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(program));
    let mut name = NAME;
    let services = [
        SERVICE_TABLE_ENTRYW {
            lpServiceName: name.as_mut_ptr(),
            lpServiceProc: Some(service_main),
        },
        SERVICE_TABLE_ENTRYW {
            lpServiceName: null_mut(),
            lpServiceProc: None,
        },
    ];
    // SAFETY: the table ends with an empty entry and outlives the call, which returns when the
    // service has stopped, or at once if this process is none.
    unsafe { StartServiceCtrlDispatcherW(services.as_ptr()) };
    // Still there: nobody has run it.
    match take_program() {
        Some(program) => program(),
        None => ENDED
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .unwrap_or(ExitCode::FAILURE),
    }
}

fn take_program() -> Option<Program> {
    PROGRAM
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take()
}

/// The service's own thread. Its arguments are those of the start by hand in the service manager,
/// not the command line of the service, which is that of the process.
unsafe extern "system" fn service_main(_count: u32, _arguments: *mut *mut u16) {
    // SAFETY: the name is a C string, the handler a function that needs no context.
    let status =
        unsafe { RegisterServiceCtrlHandlerExW(NAME.as_ptr(), Some(on_control), null_mut()) };
    STATUS.store(status, Ordering::Release);
    tell(SERVICE_RUNNING);
    let ended = take_program().map(|program| program());
    *ENDED.lock().unwrap_or_else(PoisonError::into_inner) = ended;
    tell(SERVICE_STOPPED);
}

/// Runs on the main thread, for each request of the manager.
unsafe extern "system" fn on_control(
    control: u32,
    _event: u32,
    _data: *mut c_void,
    _context: *mut c_void,
) -> u32 {
    match control {
        SERVICE_CONTROL_STOP | SERVICE_CONTROL_SHUTDOWN => {
            tell(SERVICE_STOP_PENDING);
            raise(Signal::Terminate);
            NO_ERROR
        }
        SERVICE_CONTROL_INTERROGATE => NO_ERROR,
        _ => ERROR_CALL_NOT_IMPLEMENTED,
    }
}

fn tell(state: SERVICE_STATUS_CURRENT_STATE) {
    let accepted = if state == SERVICE_RUNNING {
        SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN
    } else {
        0
    };
    let status = SERVICE_STATUS {
        dwServiceType: SERVICE_WIN32_OWN_PROCESS,
        dwCurrentState: state,
        dwControlsAccepted: accepted,
        dwWin32ExitCode: NO_ERROR,
        dwServiceSpecificExitCode: 0,
        dwCheckPoint: 0,
        dwWaitHint: if state == SERVICE_STOP_PENDING {
            STOP_HINT
        } else {
            0
        },
    };
    // SAFETY: the handle came from the manager; the status lives until the call returns. Where it
    // cannot be told, there is nobody to tell that.
    unsafe { SetServiceStatus(STATUS.load(Ordering::Acquire), &raw const status) };
}

//! Samples on Linux: a timer of the process's CPU time, its signal, and the unwinder of the
//! runtime.
//!
//! What the handler may do is what may be done anywhere: it writes to memory that is there, tries a
//! lock and never waits for one, and unwinds. The unwinder is called once before the timer starts,
//! so that whatever it sets up is set up. A timer does not outlive `exec` and no child has it.
#![expect(unsafe_code, reason = "a signal handler, and the stack it looks at")]

use std::ffi::{c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::maps;
use crate::stacks::{DEPTH, Stacks};

/// What the handler fills while samples are taken.
static TAKING: Mutex<Option<Taking>> = Mutex::new(None);
/// Samples that came while another was taken.
static MISSED: AtomicU64 = AtomicU64::new(0);

#[derive(Debug)]
struct Taking {
    stacks: Stacks,
    /// Code of the kernel's: some of it cannot be unwound.
    kernel: std::ops::Range<usize>,
}

/// Samples are taken until it is ended.
#[derive(Debug)]
pub(crate) struct Sampling {
    timer: Timer,
}

impl Sampling {
    /// One sample for each `period` of CPU time of this process.
    pub(crate) fn begin(period: Duration) -> io::Result<Self> {
        let taking = Taking {
            stacks: Stacks::new(),
            kernel: kernel_code()?,
        };
        let mut slot = TAKING.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.is_some() {
            return Err(io::Error::other("one is being taken already"));
        }
        let _ = Trace::from(0);
        listen()?;
        let timer = Timer::start(period)?;
        *slot = Some(taking);
        Ok(Self { timer })
    }

    /// What was seen.
    pub(crate) fn end(self) -> Stacks {
        drop(self.timer);
        let taken = TAKING.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut stacks = taken.map_or_else(Stacks::new, |taking| taking.stacks);
        stacks.miss(MISSED.swap(0, Ordering::Relaxed));
        stacks
    }
}

/// Where the kernel's code is in this process.
fn kernel_code() -> io::Result<std::ops::Range<usize>> {
    let maps = maps::parse(&std::fs::read_to_string("/proc/self/maps")?);
    let found = maps.into_iter().find(|map| map.file == "[vdso]");
    let address = |address| usize::try_from(address).unwrap_or(usize::MAX);
    Ok(found.map_or(0..0, |map| address(map.start)..address(map.end)))
}

/// Has the handler called. It stays: a signal that is late finds nothing to fill. It runs on the
/// stack of the thread that it interrupts: the one that threads have for an overflow of their own is
/// too small for an unwinder.
fn listen() -> io::Result<()> {
    // SAFETY: a sigaction of zeroes is one with an empty mask; the handler has the signature that
    // SA_SIGINFO asks for, and lives as long as the process.
    let refused = unsafe {
        let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = on_tick as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
        libc::sigaction(libc::SIGPROF, &raw const action, ptr::null_mut())
    };
    answer(refused)
}

fn answer(refused: c_int) -> io::Result<()> {
    match refused {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Sends `SIGPROF` to the process after each period of its CPU time.
#[derive(Debug)]
struct Timer(libc::timer_t);

impl Timer {
    fn start(period: Duration) -> io::Result<Self> {
        let mut timer = MaybeUninit::uninit();
        // SAFETY: a sigevent of zeroes is complete but for the two fields set; the call writes the
        // timer if it succeeds.
        let timer = unsafe {
            let mut event: libc::sigevent = MaybeUninit::zeroed().assume_init();
            event.sigev_notify = libc::SIGEV_SIGNAL;
            event.sigev_signo = libc::SIGPROF;
            let clock = libc::CLOCK_PROCESS_CPUTIME_ID;
            answer(libc::timer_create(
                clock,
                &raw mut event,
                timer.as_mut_ptr(),
            ))?;
            Self(timer.assume_init())
        };
        let period = libc::timespec {
            tv_sec: 0,
            tv_nsec: period.subsec_nanos().into(),
        };
        let intervals = libc::itimerspec {
            it_interval: period,
            it_value: period,
        };
        // SAFETY: the timer is there until it is dropped; the intervals are only read.
        answer(unsafe { libc::timer_settime(timer.0, 0, &raw const intervals, ptr::null_mut()) })?;
        Ok(timer)
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        // SAFETY: it is there, and nobody uses it any more.
        unsafe { libc::timer_delete(self.0) };
    }
}

/// Takes one sample.
extern "C" fn on_tick(_: c_int, _: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the address of this thread's errno is always valid.
    let errno = unsafe { *libc::__errno_location() };
    match TAKING.try_lock() {
        Ok(mut taking) => {
            if let Some(taking) = taking.as_mut() {
                // SAFETY: the kernel hands a handler with SA_SIGINFO its context.
                let at = unsafe { interrupted(&*context.cast()) };
                if taking.kernel.contains(&at) {
                    taking.stacks.add(&[at]);
                } else {
                    taking.stacks.add(Trace::from(at).frames());
                }
            }
        }
        Err(_) => drop(MISSED.fetch_add(1, Ordering::Relaxed)),
    }
    // SAFETY: as above; the interrupted code finds its errno unchanged.
    unsafe { *libc::__errno_location() = errno };
}

/// The instruction that was about to be executed.
fn interrupted(context: &libc::ucontext_t) -> usize {
    #[cfg(target_arch = "x86_64")]
    let at = context.uc_mcontext.gregs[libc::REG_RIP as usize];
    #[cfg(target_arch = "aarch64")]
    let at = context.uc_mcontext.pc;
    usize::try_from(at).unwrap_or(0)
}

/// A stack from the interrupted instruction on.
struct Trace {
    frames: [usize; DEPTH],
    length: usize,
    /// Whether the walk, which begins in the handler, has come to that instruction.
    begun: bool,
}

type Context = c_void;
const GO_ON: c_int = 0; // _URC_NO_REASON
const STOP: c_int = 4; // _URC_NORMAL_STOP

unsafe extern "C" {
    // Of the unwinder that every Rust program has for its panics, see
    // <https://refspecs.linuxfoundation.org/LSB_5.0.0/LSB-Core-generic/LSB-Core-generic/libgcc-s.html>
    fn _Unwind_Backtrace(
        step: extern "C" fn(*mut Context, *mut c_void) -> c_int,
        argument: *mut c_void,
    ) -> c_int;
    fn _Unwind_GetIP(context: *mut Context) -> usize;
}

impl Trace {
    /// Whatever cannot be walked, the instruction itself is known.
    fn from(at: usize) -> Self {
        let mut frames = [0; DEPTH];
        frames[0] = at;
        let mut trace = Self {
            frames,
            length: 1,
            begun: false,
        };
        let argument = (&raw mut trace).cast();
        // SAFETY: `step` gets the argument back, as long as the call lasts and nobody else uses it.
        unsafe { _Unwind_Backtrace(step, argument) };
        trace
    }

    fn frames(&self) -> &[usize] {
        &self.frames[..self.length.min(DEPTH)]
    }

    /// Takes the next frame outwards; whether there may be more.
    fn take(&mut self, at: usize) -> bool {
        if !self.begun {
            self.begun = at == self.frames[0];
            return true;
        }
        let Some(next) = self.frames.get_mut(self.length) else {
            return false;
        };
        // Where it returns to; the call is before that.
        *next = at.saturating_sub(1);
        self.length += 1;
        true
    }
}

extern "C" fn step(context: *mut Context, trace: *mut c_void) -> c_int {
    // SAFETY: both are what `_Unwind_Backtrace` was given or hands out, for this call.
    let (at, trace) = unsafe { (_Unwind_GetIP(context), &mut *trace.cast::<Trace>()) };
    if at != 0 && trace.take(at) {
        GO_ON
    } else {
        STOP
    }
}

//! Starting a program by posix_spawn(3).
//!
//! `std::process::Command` ends in execvp(3), which hands a file that is no program to a shell:
//! one of another machine's kind would be run as if it were a script, and seem to have started.
#![expect(unsafe_code, reason = "system calls that std does not offer")]

use std::ffi::{CStr, CString, OsStr, c_char};
use std::io::{self, PipeWriter};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, RawFd};
use std::os::unix::ffi::OsStrExt as _;

use super::unix::Reports;

unsafe extern "C" {
    /// The environment of this process: `NAME=value` each, and a null at the end; environ(7).
    static environ: *const *mut c_char;
}

/// Starts `words[0]` with the others as its arguments, in a session of its own. Its environment is
/// ours, in which each of `variables` (`NAME=value`) takes the place of what had its name. Returns
/// its number, and the other ends of its standard input and output.
pub(crate) fn spawn(
    words: &[&OsStr],
    variables: &[&OsStr],
) -> io::Result<(u32, PipeWriter, Reports)> {
    let words = c_strings(words)?;
    let variables = c_strings(variables)?;
    let mut environment = Vec::new();
    inherit(&mut environment, &variables);
    append(&mut environment, &variables);
    let mut arguments = Vec::new();
    append(&mut arguments, &words);
    shared_fault::point("child.pipe")?;
    let (its_input, our_input) = io::pipe()?;
    let (our_output, its_output) = io::pipe()?;
    // Ours are closed in it by their flag, as is everything else that std opened.
    let files = [(its_input.as_raw_fd(), 0), (its_output.as_raw_fd(), 1)];
    let pid = start(&arguments, &environment, files)?;
    Ok((pid, our_input, Reports(our_output)))
}

fn c_strings(texts: &[&OsStr]) -> io::Result<Vec<CString>> {
    let mut owned = Vec::new();
    for text in texts {
        owned.push(CString::new(text.as_bytes())?);
    }
    Ok(owned)
}

/// Adds the addresses of these texts, and the null that ends the list.
fn append(list: &mut Vec<*mut c_char>, texts: &[CString]) {
    for text in texts {
        list.push(text.as_ptr().cast_mut());
    }
    list.push(std::ptr::null_mut());
}

/// Adds the addresses of our variables, but for those that have a name of `replaced`.
fn inherit(list: &mut Vec<*mut c_char>, replaced: &[CString]) {
    // SAFETY: nothing in this workspace changes its environment (clippy.toml bans it), so the list
    // and its texts stay as they were when the process started.
    let mut place = unsafe { environ };
    loop {
        // SAFETY: place is an element of the list, whose last one is null.
        let variable = unsafe { *place };
        if variable.is_null() {
            return;
        }
        // SAFETY: each element before the last is a C string.
        let text = unsafe { CStr::from_ptr(variable) };
        if replaced.iter().all(|other| name(other) != name(text)) {
            list.push(variable);
        }
        // SAFETY: this element was not the last.
        place = unsafe { place.add(1) };
    }
}

fn name(variable: &CStr) -> Option<&[u8]> {
    variable.to_bytes().split(|byte| *byte == b'=').next()
}

fn start(
    arguments: &[*mut c_char],
    environment: &[*mut c_char],
    files: [(RawFd, RawFd); 2],
) -> io::Result<u32> {
    let actions = Actions::new(files)?;
    let attributes = Attributes::new()?;
    let mut pid = 0;
    shared_fault::point("child.spawn")?;
    // SAFETY: both lists hold pointers to C strings that outlive the call, and end with null; the
    // first of the arguments is the program. Actions and attributes are initialised.
    let failed = unsafe {
        libc::posix_spawn(
            &raw mut pid,
            arguments[0],
            &raw const actions.0,
            &raw const attributes.0,
            arguments.as_ptr(),
            environment.as_ptr(),
        )
    };
    check(failed)?;
    Ok(pid.cast_unsigned())
}

/// These calls return their error instead of setting errno.
fn check(failed: i32) -> io::Result<()> {
    match failed {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// What the new process does with files before it becomes the program.
struct Actions(libc::posix_spawn_file_actions_t);

impl Actions {
    /// Makes the second of each pair the same as the first, and one that outlives the exec.
    fn new(files: [(RawFd, RawFd); 2]) -> io::Result<Self> {
        let mut actions = MaybeUninit::uninit();
        // SAFETY: initialises the value it is given.
        check(unsafe { libc::posix_spawn_file_actions_init(actions.as_mut_ptr()) })?;
        // SAFETY: the call above succeeded.
        let mut actions = Self(unsafe { actions.assume_init() });
        for (file, place) in files {
            // SAFETY: the value is initialised; the numbers are only noted down.
            check(unsafe {
                libc::posix_spawn_file_actions_adddup2(&raw mut actions.0, file, place)
            })?;
        }
        Ok(actions)
    }
}

impl Drop for Actions {
    fn drop(&mut self) {
        // SAFETY: the value is initialised and not used again. There is nothing to do on failure.
        unsafe { libc::posix_spawn_file_actions_destroy(&raw mut self.0) };
    }
}

#[cfg(target_os = "linux")]
const SETSID: i32 = libc::POSIX_SPAWN_SETSID as i32;

/// `POSIX_SPAWN_SETSID` of macOS 10.15 and later, from its spawn.h.
#[cfg(target_os = "macos")]
const SETSID: i32 = 0x0400;

/// What else the new process is to be.
struct Attributes(libc::posix_spawnattr_t);

impl Attributes {
    /// The leader of a session, with no signal blocked, and ended by SIGPIPE as programs expect:
    /// Rust ignores that one.
    fn new() -> io::Result<Self> {
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: initialises the value it is given.
        check(unsafe { libc::posix_spawnattr_init(attributes.as_mut_ptr()) })?;
        // SAFETY: the call above succeeded.
        let mut attributes = Self(unsafe { attributes.assume_init() });
        let mut signals = MaybeUninit::uninit();
        let flags = SETSID | libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF;
        // SAFETY: sigemptyset initialises the set before it is read; the attributes, which are
        // initialised, copy it. The number of the signal is a valid one.
        unsafe {
            libc::sigemptyset(signals.as_mut_ptr());
            check(libc::posix_spawnattr_setsigmask(
                &raw mut attributes.0,
                signals.as_ptr(),
            ))?;
            libc::sigaddset(signals.as_mut_ptr(), libc::SIGPIPE);
            check(libc::posix_spawnattr_setsigdefault(
                &raw mut attributes.0,
                signals.as_ptr(),
            ))?;
            check(libc::posix_spawnattr_setflags(
                &raw mut attributes.0,
                libc::c_short::try_from(flags).unwrap_or_default(),
            ))?;
        }
        Ok(attributes)
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: the value is initialised and not used again. There is nothing to do on failure.
        unsafe { libc::posix_spawnattr_destroy(&raw mut self.0) };
    }
}

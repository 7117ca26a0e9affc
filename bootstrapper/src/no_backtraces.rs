//! The small build aborts on panic and is stripped: its backtraces would be a list of bare numbers.
//! Saying here, where the compiler sees it, that a stack has no frames leaves out all of std that
//! would look them up and print them, which is more than half of the file. The message of a panic
//! and its place in the source are printed all the same.
#![expect(unsafe_code, reason = "takes the place of a function of the C runtime")]

use std::ffi::{c_int, c_void};

/// `_URC_END_OF_STACK`: there are no more frames.
const END_OF_STACK: c_int = 5;

/// Stands in for the C runtime's function of this name, which calls back for each frame.
// SAFETY: the signature is that of the function it takes the place of, which may find no frames.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Backtrace(_on_frame: *const c_void, _argument: *mut c_void) -> c_int {
    END_OF_STACK
}

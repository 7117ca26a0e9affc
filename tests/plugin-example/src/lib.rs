//! An example of a native plugin, to copy from: it gives the tag `cpus=<number of processors>`.
//!
//! `cargo build --release -p plugin-example` makes `target/release/libplugin_example.so` (`.dylib`,
//! `plugin_example.dll`), which goes into the plugins folder of a release. What a plugin may and may
//! not do is written in `agent-plugin-api`.
#![expect(unsafe_code, reason = "a plugin is spoken to in C")]

use std::ffi::c_void;
use std::panic::catch_unwind;
use std::ptr;

use agent_plugin_api::{Answer, Host, Kind, Level, OK, Plugin, Text, VERSION};

/// What this plugin answers when a panic was caught.
const PANICKED: i32 = 1;

/// The agent is older than anything this plugin knows.
const TOO_OLD: i32 = 2;

/// The entry point.
///
/// # Safety
///
/// To be called by an agent only: both pointers are valid, and `host` stays so.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trireme_plugin_v1(host: *const Host, plugin: *mut Plugin) -> i32 {
    // SAFETY: the agent promises both; nobody else touches the table during this call.
    let (host, plugin) = unsafe { (&*host, &mut *plugin) };
    if host.version != VERSION || plugin.size < size_of::<Plugin>() {
        return TOO_OLD;
    }
    *plugin = Plugin {
        version: VERSION,
        kinds: Kind::Tags as u32,
        name: Text::of("example"),
        release: Text::of(env!("CARGO_PKG_VERSION")),
        free: Some(free),
        tags: Some(tags),
        ..Plugin::empty()
    };
    let line = Text::of("the example plugin is there");
    // SAFETY: the function and its context belong together; the text is static.
    unsafe { (host.log)(host.context, Level::Debug as u32, line) };
    OK
}

unsafe extern "C" fn tags(_state: *mut c_void, answer: *mut Answer) -> i32 {
    let made = catch_unwind(|| {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        format!("cpus={cpus}\n").into_bytes().into_boxed_slice()
    });
    let Ok(bytes) = made else {
        return PANICKED;
    };
    let size = bytes.len();
    let data = Box::into_raw(bytes).cast();
    // SAFETY: the agent gives a valid answer for the length of this call.
    unsafe { *answer = Answer { data, size } };
    OK
}

unsafe extern "C" fn free(_state: *mut c_void, answer: *mut Answer) {
    // SAFETY: the agent hands back, once, what `tags` made: a boxed slice of this length.
    drop(unsafe {
        let Answer { data, size } = ptr::replace(answer, Answer::EMPTY);
        Box::from_raw(ptr::slice_from_raw_parts_mut(data.cast::<u8>(), size))
    });
}

//! Which calls cross to the operating system: a closed list, by their full paths and by methods.
//!
//! Calls of Windows are not in it: the sweep runs on Linux, and the points of a Windows file are
//! those of its Unix twin.

/// Modules all of whose functions are crossings.
const MODULES: [&[&str]; 5] = [
    &["std", "fs"],
    &["tokio", "fs"],
    &["std", "os", "unix", "fs"],
    &["libc"],
    &["rustix"],
];

/// Types whose makers are crossings, in whatever crate they are.
const SOCKETS: [&str; 6] = [
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "UnixListener",
    "UnixDatagram",
];

/// Their makers.
const MAKERS: [&str; 4] = ["bind", "connect", "connect_timeout", "pair"];

/// Functions of [`MODULES`] that only build a value, look at or arrange something within the own
/// process, or wait.
const HARMLESS: [&str; 49] = [
    "new",
    "options",
    "from_mode",
    "from_raw",
    "from_raw_pid",
    "from_raw_fd",
    "from_bits_truncate",
    "as_raw_pid",
    "empty",
    "all",
    "try_from",
    "borrow_raw",
    "from",
    "default",
    "zeroed",
    "sigemptyset",
    "sigaddset",
    "makedev",
    "major",
    "minor",
    "getpid",
    "getppid",
    "getuid",
    "geteuid",
    "getpgid",
    "getpgrp",
    "isatty",
    "sysconf",
    "page_size",
    "clock_gettime",
    "umask",
    "stdin",
    "stdout",
    "stderr",
    "fcntl",
    "poll",
    "waitpid",
    "prctl",
    "madvise",
    "sigaction",
    "setsid",
    "posix_spawnattr_init",
    "posix_spawnattr_destroy",
    "posix_spawnattr_setflags",
    "posix_spawnattr_setsigmask",
    "posix_spawnattr_setsigdefault",
    "posix_spawn_file_actions_init",
    "posix_spawn_file_actions_destroy",
    "posix_spawn_file_actions_adddup2",
];

/// Methods that are crossings, with their number of arguments.
const METHODS: [(&str, usize); 10] = [
    ("sync_all", 0),
    ("sync_data", 0),
    ("set_len", 1),
    ("read_dir", 0),
    ("canonicalize", 0),
    ("spawn", 0),
    ("output", 0),
    ("exec", 0),
    ("send", 0),
    ("set_permissions", 1),
];

/// Whether a call of the function with this full path is one.
pub(super) fn is_raw_path(path: &[String]) -> bool {
    let Some((name, before)) = path.split_last() else {
        return false;
    };
    let is_function = name.starts_with(|c: char| c.is_ascii_lowercase());
    if !is_function {
        return false;
    }
    let is_maker =
        before.last().is_some_and(|kind| SOCKETS.contains(&&**kind)) && MAKERS.contains(&&**name);
    let in_module = MODULES
        .iter()
        .any(|module| path.len() > module.len() && path.iter().zip(*module).all(|(a, b)| a == b));
    is_maker || (in_module && !HARMLESS.contains(&&**name))
}

/// Whether a method call is one; `origin` is the function that its receiver begins with, if the
/// receiver is a chain of calls.
pub(super) fn is_raw_method(name: &str, arguments: usize, origin: Option<&[String]>) -> bool {
    let begins_with = |kinds: &[&str]| {
        origin.is_some_and(|path| path.iter().any(|part| kinds.contains(&&**part)))
    };
    match name {
        "open" => begins_with(&["OpenOptions", "File"]),
        "create" => begins_with(&["DirBuilder"]),
        "status" => arguments == 0 && begins_with(&["Command"]),
        _ => METHODS.contains(&(name, arguments)),
    }
}

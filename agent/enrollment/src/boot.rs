//! The name of this run of the machine: another one after each start, and on each copy of it.

/// Made of what the operating system calls this start of it and the host's name: containers of one
/// machine share the former.
pub fn name(hostname: &str) -> String {
    // Where the system gives none, copies are told apart by their names only.
    let start = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    format!("{}/{hostname}", start.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_hosts_of_one_machine_have_names_of_their_own() {
        assert_eq!(name("a"), name("a"));
        assert_ne!(name("a"), name("b"));
    }
}

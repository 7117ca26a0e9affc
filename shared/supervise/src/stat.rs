//! What the operating system says of a process.

/// The facts that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    /// Whether it has not ended; one that waits to be reaped has.
    pub(crate) alive: bool,
    pub(crate) parent: u32,
    /// Its session; 0 where there are none.
    pub(crate) session: u32,
    /// When it started, in the system's own unit: see [`crate::ProcessId::start`].
    pub(crate) start: u64,
}

#[cfg(any(target_os = "linux", test))]
impl Stat {
    /// Reads the text of `/proc/<pid>/stat`; see proc_pid_stat(5). The name of the program stands
    /// in parentheses and may hold anything, so the fields are counted from the last one of those.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (_, fields) = text.rsplit_once(')')?;
        let mut fields = fields.split_ascii_whitespace();
        let state = *fields.next()?.as_bytes().first()?;
        Some(Self {
            alive: !matches!(state, b'Z' | b'X'),
            parent: fields.next()?.parse().ok()?,
            session: fields.nth(1)?.parse().ok()?,
            start: fields.nth(15)?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_may_have_any_name() {
        let rest = "7 8 9 34816 14 4194304 1 2 3 4 5 6 7 8 20 0 1 0 4711 9 9";
        for name in ["sh", "a b", "x) Z 1 2 3", "(", ""] {
            for (state, alive) in [("S", true), ("R", true), ("Z", false), ("X", false)] {
                let stat = Stat::parse(&format!("12 ({name}) {state} {rest}"));
                let expected = Stat {
                    alive,
                    parent: 7,
                    session: 9,
                    start: 4711,
                };
                assert_eq!(stat, Some(expected));
            }
        }
        assert_eq!(Stat::parse("12 (sh) S 7"), None);
        assert_eq!(Stat::parse(""), None);
    }
}

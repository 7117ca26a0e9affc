//! Exit codes of the tiers. One register; `docs/exit-codes.md` is checked against it.

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal;)*) => {
        /// How a tier of Trireme ended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Exit {
            $($(#[doc = $doc])* $name = $code,)*
        }

        impl Exit {
            /// Every code, in ascending order.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// What the code means, as one sentence for people.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*),)* }
            }

            /// The exit code that `code` stands for; `None` for a code this version does not know,
            /// which callers treat like [`Exit::Failure`].
            pub const fn from_code(code: i32) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }
        }
    };
}

codes! {
    /// Stopped as asked, or done.
    Success = 0;
    /// Something went wrong; the last line of the log says what.
    Failure = 1;
    /// The launcher staged another launcher and wants to be replaced by it at once.
    RestartForUpgrade = 10;
    /// The launcher lost its bootstrapper and left the agent running for the next one.
    Orphaned = 11;
    /// A wrong flag or argument.
    Usage = 64;
    /// An installed version or a bundle is not what it should be.
    Corrupt = 65;
    /// The launcher does not run, or does not answer.
    Unavailable = 69;
    /// There is no launcher to start: none installed, none beside the bootstrapper, none embedded.
    NothingToRun = 70;
    /// The state folder cannot be created or written.
    StateDirUnusable = 73;
    /// Another process of the same tier holds the lock of this state folder.
    LockHeld = 75;
    /// A setting is missing or makes no sense.
    Config = 78;
}

impl Exit {
    /// The number as the operating system sees it.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn released_codes_keep_their_numbers() {
        let numbers: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(numbers, [0, 1, 10, 11, 64, 65, 69, 70, 73, 75, 78]);
    }

    #[test]
    fn an_unknown_code_is_not_mistaken_for_a_known_one() {
        assert_eq!(Exit::from_code(75), Some(Exit::LockHeld));
        assert_eq!(Exit::from_code(137), None);
        assert_eq!(Exit::from_code(-1), None);
    }
}

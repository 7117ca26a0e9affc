//! The report pipe: the launcher's standard output, one byte a report, read by the bootstrapper.
//!
//! Single bytes leave nothing to version. The other direction is the launcher's standard input:
//! it is never written to, and its end means that the bootstrapper is gone.

/// A byte of the report pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// This launcher passed its own health gate: commit it if it is on trial.
    Healthy,
}

impl Report {
    /// The byte that stands for this report.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Healthy => b'H',
        }
    }

    /// Reads a byte; `None` for one this version does not know, to be ignored.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            b'H' => Some(Self::Healthy),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_byte_is_a_report() {
        assert_eq!(
            Report::from_byte(Report::Healthy.byte()),
            Some(Report::Healthy)
        );
        assert_eq!((0..=255).filter_map(Report::from_byte).count(), 1);
    }
}

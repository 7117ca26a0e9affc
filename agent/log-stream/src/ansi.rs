//! Where terminal control sequences begin and end, after ECMA-48. Only as much as is needed to
//! never put anything into the middle of one.

pub(crate) const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;
const CANCEL: u8 = 0x18;
const SUBSTITUTE: u8 = 0x1a;

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Sequence {
    /// Text: not inside any sequence.
    #[default]
    Outside,
    /// After ESC.
    Escape,
    /// After ESC and an intermediate byte, as in the choice of a character set.
    Intermediate,
    /// After `ESC [`.
    Control(Parameters),
    /// In the text of an OSC, DCS, SOS, PM or APC sequence.
    Text,
}

/// The parameters of a control sequence, as far as they decide whether `K` erases a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parameters {
    None,
    OneOrTwo,
    Other,
}

impl Sequence {
    /// Takes one byte. True if it ended a line: a line feed, or the last byte of `ESC [K`,
    /// `ESC [1K` or `ESC [2K`, with which progress displays begin their line anew.
    ///
    /// A sequence that is broken off by a byte it cannot hold ends there; one that carries a text
    /// ends with BEL, `ESC \`, CAN or SUB only, as on a terminal.
    pub(crate) fn advance(&mut self, byte: u8) -> bool {
        let line_ended = match *self {
            Self::Text => false,
            Self::Control(Parameters::None | Parameters::OneOrTwo) if byte == b'K' => true,
            _ => byte == b'\n',
        };
        *self = match (*self, byte) {
            (_, ESCAPE) => Self::Escape,
            (_, CANCEL | SUBSTITUTE) | (Self::Text, BELL) => Self::Outside,
            (Self::Text, _) | (Self::Escape, b']' | b'P' | b'X' | b'^' | b'_') => Self::Text,
            (Self::Escape, b'[') => Self::Control(Parameters::None),
            (Self::Escape | Self::Intermediate, 0x20..=0x2f) => Self::Intermediate,
            (Self::Control(parameters), 0x20..=0x3f) => Self::Control(parameters.with(byte)),
            _ => Self::Outside,
        };
        line_ended
    }
}

impl Parameters {
    fn with(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::None, b'1' | b'2') => Self::OneOrTwo,
            _ => Self::Other,
        }
    }
}

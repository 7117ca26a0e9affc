//! Colours and weights, as far as a log needs them (ECMA-48, SGR).

/// How text is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Style {
    /// One of the sixteen colours.
    foreground: Option<u8>,
    background: Option<u8>,
    bold: bool,
    dim: bool,
    italic: bool,
    underline: bool,
}

impl Style {
    /// Applies the parameters of one `ESC [ … m`.
    pub(super) fn apply(&mut self, parameters: &str) {
        let mut codes = parameters
            .split([';', ':'])
            .map(|code| code.parse::<u16>().unwrap_or(0));
        while let Some(code) = codes.next() {
            match code {
                0 => *self = Self::default(),
                1 => self.bold = true,
                2 => self.dim = true,
                3 => self.italic = true,
                4 => self.underline = true,
                22 => (self.bold, self.dim) = (false, false),
                23 => self.italic = false,
                24 => self.underline = false,
                30..=37 => self.foreground = Some(low(code - 30)),
                90..=97 => self.foreground = Some(low(code - 90) + 8),
                39 => self.foreground = None,
                40..=47 => self.background = Some(low(code - 40)),
                100..=107 => self.background = Some(low(code - 100) + 8),
                49 => self.background = None,
                38 => self.foreground = extended(&mut codes),
                48 => self.background = extended(&mut codes),
                _ => {}
            }
        }
    }

    /// The classes of the style; empty for plain text.
    pub(super) fn classes(self) -> String {
        let mut classes = Vec::new();
        classes.extend(self.foreground.map(|colour| format!("f{colour}")));
        classes.extend(self.background.map(|colour| format!("b{colour}")));
        for (is_on, class) in [
            (self.bold, "bold"),
            (self.dim, "dim"),
            (self.italic, "italic"),
            (self.underline, "under"),
        ] {
            if is_on {
                classes.push(class.to_owned());
            }
        }
        classes.join(" ")
    }
}

/// `5;n` or `2;r;g;b` behind 38 and 48, brought to the nearest of the sixteen colours.
fn extended(codes: &mut impl Iterator<Item = u16>) -> Option<u8> {
    match codes.next()? {
        5 => Some(of_palette(codes.next()?)),
        2 => Some(nearest([codes.next()?, codes.next()?, codes.next()?])),
        _ => None,
    }
}

/// A colour of the 256: 16 named ones, a cube of 6×6×6, a ramp of greys.
fn of_palette(index: u16) -> u8 {
    match index {
        0..=15 => low(index),
        16..=231 => {
            let level = |n: u16| if n == 0 { 0 } else { 55 + n * 40 };
            let cube = index - 16;
            nearest([level(cube / 36), level(cube / 6 % 6), level(cube % 6)])
        }
        _ => {
            let grey = 8 + (index.min(255) - 232) * 10;
            nearest([grey, grey, grey])
        }
    }
}

/// Which channels are on, and whether brightly.
fn nearest(channels: [u16; 3]) -> u8 {
    let most = channels.into_iter().max().unwrap_or(0);
    let least = channels.into_iter().min().unwrap_or(0);
    if most < 64 {
        return if most < 32 { 0 } else { 8 };
    }
    if most - least < 32 {
        return match most {
            0..=127 => 8,
            128..=223 => 7,
            _ => 15,
        };
    }
    let bits = (0..3).filter(|&n| channels[usize::from(n)] * 2 > most);
    let colour: u8 = bits.map(|n: u8| 1 << n).sum();
    colour + if most > 223 { 8 } else { 0 }
}

fn low(code: u16) -> u8 {
    u8::try_from(code & 15).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_become_classes() {
        for (codes, classes) in [
            ("", ""),
            ("31", "f1"),
            ("1;92", "f10 bold"),
            ("41;97", "f15 b1"),
            ("38;5;9", "f9"),
            ("38;5;196", "f9"),
            ("38;2;0;255;0", "f10"),
            ("38;5;244", "f7"),
            ("48;5;232", "b0"),
            ("2;3;4", "dim italic under"),
            ("31;0", ""),
            ("31;39", ""),
            ("38;5", ""),
            ("9999", ""),
            ("99999999", ""),
        ] {
            let mut style = Style::default();
            style.apply(codes);
            assert_eq!(style.classes(), classes, "{codes}");
        }
    }
}

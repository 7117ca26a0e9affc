//! A fault: where, what, and the how-manieth time.

use std::fmt;
use std::str::FromStr;

use shared_fault::Action;

/// A point of one component.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) component: String,
    pub(crate) point: String,
}

/// What `TRIREME_FAULT` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) place: Place,
    pub(crate) action: Action,
    pub(crate) hit: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.component, self.point)
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (component, point) = text
            .split_once('/')
            .ok_or_else(|| format!("{text:?} is not <component>/<point>"))?;
        Ok(Self {
            component: component.to_owned(),
            point: point.to_owned(),
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.place, self.action.name(), self.hit)
    }
}

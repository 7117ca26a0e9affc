//! Flags that are accepted because agents and their scripts give them, and that change nothing in
//! this version.

use super::{Settings, flags};
use crate::environment::Environment;

impl Settings {
    /// The flags and variables that somebody set to something else than their default, and that
    /// change nothing.
    pub(crate) fn idle(&self, env: &Environment) -> Vec<(&'static str, &'static str)> {
        let flags = flags::FLAGS
            .iter()
            .filter(|flag| flags::is_idle(flag.variable));
        flags
            .filter(|flag| {
                let given = self.given.get(flag.variable).map(String::as_str);
                let said = given.or_else(|| env.text(flag.variable));
                said.is_some_and(|said| !said.is_empty() && said != flag.default)
            })
            .map(|flag| (flag.name, flag.variable))
            .collect()
    }
}

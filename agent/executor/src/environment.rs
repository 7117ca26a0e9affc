//! The job's environment: what every child of the job gets.
//!
//! It starts as the executor's own environment and is changed as the job goes on. The executor's
//! own environment is never changed.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::rc::Rc;

/// Variables by name.
#[derive(Clone, Default)]
pub(crate) struct Environment {
    variables: BTreeMap<OsString, OsString>,
    /// The executor's own, as it was started.
    own: Rc<BTreeMap<OsString, OsString>>,
}

impl Environment {
    /// The value, if it is set and is text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.to_str()
    }

    /// The value, if it is set and not empty and is text.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        self.text(name).filter(|value| !value.is_empty())
    }

    /// The value, if it is set.
    pub(crate) fn get(&self, name: impl AsRef<OsStr>) -> Option<&OsStr> {
        self.variables.get(name.as_ref()).map(OsString::as_os_str)
    }

    /// Sets a variable.
    pub(crate) fn set(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) {
        self.variables.insert(name.into(), value.into());
    }

    /// Removes a variable.
    pub(crate) fn remove(&mut self, name: &str) {
        self.variables.remove(OsStr::new(name));
    }

    /// Removes a variable as hooks and the job's API do: one of the executor's own environment is
    /// not gone, it has its first value again.
    pub(crate) fn unset(&mut self, name: impl AsRef<OsStr>) {
        let name = name.as_ref();
        match self.own.get(name) {
            Some(value) => self.variables.insert(name.to_owned(), value.clone()),
            None => self.variables.remove(name),
        };
    }

    /// The environment that the executor was started with.
    pub(crate) fn own(&self) -> Self {
        Self {
            variables: (*self.own).clone(),
            own: Rc::clone(&self.own),
        }
    }

    /// Sets all of these.
    pub(crate) fn extend(&mut self, more: &[(String, String)]) {
        for (name, value) in more {
            self.set(name, value);
        }
    }

    /// Every variable, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.variables
            .iter()
            .map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let pairs = pairs.into_iter();
        let variables: BTreeMap<_, _> = pairs
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        let own = Rc::new(variables.clone());
        Self { variables, own }
    }
}

/// Names only: values may be secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

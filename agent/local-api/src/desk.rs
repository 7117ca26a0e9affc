//! Where a job and its children exchange the job's environment.
//!
//! One child runs at a time. Before it starts the job publishes its environment here; while it runs
//! the child reads and changes what lies here; after it ended the job takes the changes. What is
//! changed between two children, by a process that one left behind, is kept for the next taking.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::secrets::Secrets;

/// What was changed since the job last looked.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Variables by name: the new value, or none for one that was removed.
    pub variables: BTreeMap<String, Option<String>>,
    /// The folder that later children are to run in; absolute.
    pub workdir: Option<PathBuf>,
}

/// What a change of the environment did; names in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Patched {
    pub(crate) added: Vec<String>,
    pub(crate) updated: Vec<String>,
}

/// The place of exchange. Clones share it.
#[derive(Clone)]
pub struct Desk(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    may_change: Box<dyn Fn(&str) -> bool + Send + Sync>,
    secrets: Secrets,
}

#[derive(Default)]
struct State {
    variables: BTreeMap<String, String>,
    changes: Changes,
}

impl Desk {
    /// An empty one. Variables change only if `may_change` allows their name; values to be hidden
    /// go to `secrets`.
    pub fn new(
        may_change: impl Fn(&str) -> bool + Send + Sync + 'static,
        secrets: Secrets,
    ) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::default(),
            may_change: Box::new(may_change),
            secrets,
        }))
    }

    /// Puts down the job's environment for the child that is about to start.
    pub fn publish(&self, variables: impl IntoIterator<Item = (String, String)>) {
        let mut state = self.state();
        let State {
            variables: own,
            changes,
        } = &mut *state;
        *own = variables.into_iter().collect();
        for (name, value) in &changes.variables {
            match value {
                Some(value) => own.insert(name.clone(), value.clone()),
                None => own.remove(name),
            };
        }
    }

    /// Takes what was changed since the last time.
    pub fn take(&self) -> Changes {
        std::mem::take(&mut self.state().changes)
    }

    pub(crate) fn variables(&self) -> BTreeMap<String, String> {
        self.state().variables.clone()
    }

    /// The names among these that must not be changed.
    pub(crate) fn refused<'a>(&self, names: impl Iterator<Item = &'a String>) -> Vec<&'a str> {
        names
            .map(String::as_str)
            .filter(|name| !(self.0.may_change)(name))
            .collect()
    }

    pub(crate) fn set(&self, variables: BTreeMap<String, String>) -> Patched {
        let mut state = self.state();
        let mut patched = Patched::default();
        for (name, value) in variables {
            let before = state.variables.insert(name.clone(), value.clone());
            let names = if before.is_some() {
                &mut patched.updated
            } else {
                &mut patched.added
            };
            names.push(name.clone());
            state.changes.variables.insert(name, Some(value));
        }
        patched
    }

    /// Removes variables; answers which of them there were, in order.
    pub(crate) fn remove(&self, names: &[String]) -> Vec<String> {
        let mut state = self.state();
        let mut removed: Vec<String> = Vec::new();
        for name in names {
            if state.variables.remove(name).is_some() {
                state.changes.variables.insert(name.clone(), None);
                removed.push(name.clone());
            }
        }
        removed.sort_unstable();
        removed
    }

    pub(crate) fn move_to(&self, workdir: PathBuf) {
        self.state().changes.workdir = Some(workdir);
    }

    pub(crate) fn hide(&self, secret: String) {
        self.0.secrets.add(secret);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says nothing of what lies there: values may be secrets.
impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Desk")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desk() -> Desk {
        let desk = Desk::new(|name| name != "LOCKED", Secrets::default());
        desk.publish(pairs(&[("A", "1"), ("B", "2")]));
        desk
    }

    fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(name, value): &(&str, &str)| ((*name).into(), (*value).into());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn changes_are_seen_at_once_and_taken_once() {
        let desk = desk();
        let patched = desk.set(pairs(&[("B", "two"), ("C", "3")]));
        assert_eq!(
            (patched.added, patched.updated),
            (vec!["C".into()], vec!["B".into()])
        );
        let gone = desk.remove(&["Z".into(), "C".into(), "A".into(), "A".into()]);
        assert_eq!(gone, ["A", "C"]);
        assert_eq!(desk.variables(), pairs(&[("B", "two")]));
        desk.move_to("/tmp".into());
        let changes = desk.take();
        let variables = [("A", None), ("B", Some("two")), ("C", None)];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.map(str::to_owned)));
        assert_eq!(changes.variables, BTreeMap::from(variables));
        assert_eq!(changes.workdir, Some("/tmp".into()));
        assert_eq!(desk.take(), Changes::default());
    }

    #[test]
    fn what_was_changed_between_two_children_is_neither_lost_nor_overwritten() {
        let desk = desk();
        desk.set(pairs(&[("A", "late")]));
        desk.remove(&["B".into()]);
        desk.publish(pairs(&[("A", "1"), ("B", "2"), ("D", "4")]));
        assert_eq!(desk.variables(), pairs(&[("A", "late"), ("D", "4")]));
        assert_eq!(desk.take().variables.len(), 2);
    }

    #[test]
    fn locked_names_are_found() {
        let names = ["A", "LOCKED"].map(str::to_owned);
        assert_eq!(desk().refused(names.iter()), ["LOCKED"]);
    }
}

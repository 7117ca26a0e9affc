//! A plugin as the job knows it once it is there.

use std::path::PathBuf;

use agent_step_plugins::Renamed;

/// A plugin whose files are there.
#[derive(Debug, Clone)]
pub(crate) struct Plugin {
    /// As headers in the log name it.
    pub(crate) label: String,
    /// Its short name, as warnings name it and as variables are made of it.
    pub(crate) name: String,
    /// The folder that its hooks may not leave: its clone, or the checkout.
    pub(crate) root: PathBuf,
    /// Where the plugin lies below that; empty if it is the whole of it. Its hooks are in the
    /// folder `hooks` there.
    pub(crate) folder: PathBuf,
    /// What its hooks see besides the job's environment.
    pub(crate) variables: Vec<(String, String)>,
    /// What spans of its hooks say of it.
    pub(crate) traced: Vec<(&'static str, String)>,
    /// Which of the variables have an old name too.
    pub(crate) renamed: Vec<Renamed>,
    /// Whether it lies in the checkout.
    pub(crate) vendored: bool,
}

impl Plugin {
    /// The part of a plugin where its hooks lie.
    pub(crate) const HOOKS: &str = "hooks";

    /// The folder of its hooks.
    pub(crate) fn hooks(&self) -> PathBuf {
        let folder = self.root.join(&self.folder).join(Self::HOOKS);
        folder.components().collect() // without dots in the middle
    }
}

//! Hosts that were brought to a state once, to be copied by each case.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::course::Course;
use crate::host::{Dose, Host, Rig, copy_tree};
use crate::release::Manner;
use crate::scenario::Before;
use crate::verdict::Failure;

/// The state folders of prepared hosts.
#[derive(Debug, Default)]
pub(crate) struct Templates(HashMap<&'static str, PathBuf>);

impl Templates {
    /// Prepares them all.
    pub(crate) fn prepare(rig: &Rig) -> Result<Self, Failure> {
        let mut templates = Self::default();
        let prepared = [
            ("release-1", 1, Manner::Good),
            ("release-2", 2, Manner::Good),
            ("real-1", 1, Manner::Real),
        ];
        for (name, releases, agent) in prepared {
            let host = Host::new(rig, name, None, Dose::None)?;
            rig.server.give_jobs(name, true);
            let mut course = Course::new(host, [(1, Manner::Good), (1, agent)], false);
            for seq in 1..=releases {
                let builds = course.offer([(seq, Manner::Good), (seq, agent)]);
                course.publish(&builds, false);
                if seq == 1 {
                    course.host.start()?;
                }
                course.converge()?;
            }
            rig.server.give_jobs(name, false);
            course.stop()?;
            let template = rig.folder.join(format!("template-{name}"));
            let _ = fs::remove_dir_all(&template);
            copy_tree(course.host.state.root(), &template)?;
            templates.0.insert(name, template);
        }
        Ok(templates)
    }

    /// The state to begin with.
    pub(crate) fn folder(&self, before: Before) -> Option<&Path> {
        let name = match before {
            Before::Nothing | Before::Embedded | Before::Beside => return None,
            Before::Release1 => "release-1",
            Before::Release2 => "release-2",
            Before::Real1 => "real-1",
        };
        self.0.get(name).map(PathBuf::as_path)
    }
}

//! A release server that lies, in every way that could be thought of. Each lie leaves a line that
//! says what is wrong, nothing of it is adopted or executed, what is installed works on, and the next
//! honest answer is taken.
//!
//! A server that merely sends nothing is given up after a minute; those limits are shown in
//! `shared/fetch`, where time is paused. Here is shown what a host does meanwhile.

mod documents;
mod files;
mod identity;
mod silence;
mod transport;

use std::path::{Path, PathBuf};

use shared_handover::layout::Component;
use shared_slots::{Digest, Slot};
use tests::bed::Bed;
use tests::host::Host;
use tests::release_tree::ReleaseTree;
use tests::tls_front::TlsFront;
use tests::wait::until;

use crate::binaries;

/// Size of the agents that are released here: enough for several reads of a socket.
const LENGTH: usize = 192 * 1024;

/// A host that runs an agent of a release tree, whose server is to lie.
struct Stage {
    // Before the folder that its logs are in.
    host: Host,
    bed: Bed,
    tree: ReleaseTree,
    front: Option<TlsFront>,
    committed: Digest,
    agents: u32,
}

impl Stage {
    async fn new() -> Self {
        Self::behind(async |_, _, _| None).await
    }

    /// With something between host and tree: `put` makes it, and changes the launcher's flags.
    async fn behind<F>(put: F) -> Self
    where
        F: AsyncFnOnce(&ReleaseTree, &Path, &mut Vec<String>) -> Option<TlsFront>,
    {
        let bed = Bed::without_release(binaries()).await;
        let mut tree = ReleaseTree::start(bed.folder()).await;
        let first = bed.small_agent("first", LENGTH);
        let committed = tree.add("0.0.0", &first);
        tree.issue();
        let mut settings = bed.host_settings_of(&tree);
        let front = put(&tree, bed.folder(), &mut settings.launcher_args).await;
        let host = Host::start(settings);
        host.log_line("launcher", &["agent committed", "version=0.0.0"])
            .await;
        Self {
            host,
            bed,
            tree,
            front,
            committed,
            agents: 0,
        }
    }

    /// What is between host and tree.
    fn front(&self) -> &TlsFront {
        self.front.as_ref().unwrap()
    }

    /// Another agent, with its version and the label under which it notes that it ran.
    fn next_agent(&mut self) -> (String, PathBuf) {
        self.agents += 1;
        let version = format!("0.{}.0", self.agents);
        let path = self.bed.small_agent(&version, LENGTH);
        (version, path)
    }

    /// What is installed is what was, nothing else is on trial or in the store, and no agent of
    /// this version ever ran.
    fn is_untouched(&self, name: &str, version: &str, digest: Digest) {
        let state = self.host.state();
        let page = Slot::new(state.pages(Component::Agent)).read().page;
        assert_eq!(page.committed(), Some(self.committed), "{name}: committed");
        assert!(page.trial().is_none(), "{name}: on trial");
        assert!(!self.bed.has_run(version), "{name}: was executed");
        let entry = state.store().join(digest.to_string());
        assert!(!entry.exists(), "{name}: is in the store");
    }

    /// The host takes the newest agent of the tree.
    async fn takes(&mut self, version: &str, digest: Digest) {
        let words = ["agent committed", &format!("version={version}")];
        self.host.log_line("launcher", &words).await;
        self.committed = digest;
        assert!(self.bed.has_run(version));
    }

    /// The host runs a job.
    async fn works(&self, name: &str) {
        let api = self.bed.server.api();
        let jobs = api.run_commands(name, &["true"]).await;
        let job = api.until_ended(&jobs[0]).await;
        assert_eq!(job["state"], "passed", "{job}");
    }

    /// At the end: the next honest release is taken, and the host works on it.
    async fn takes_the_next_release(&mut self) {
        let (version, agent) = self.next_agent();
        let digest = self.tree.add(&version, &agent);
        self.tree.issue();
        self.takes(&version, digest).await;
        self.works("at-the-end").await;
        until("one agent is left", || {
            (self.host.handles().len() == 1).then_some(())
        })
        .await;
    }
}

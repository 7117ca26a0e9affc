//! A release tree whose publisher may make any mistake, and whose server may tell any lie.
//!
//! The documents are really signed, with two of three keys for each role; what is wrong with one is
//! exactly what a test made wrong. Only agents are released: what holds for them holds for launchers,
//! which go through the same code.

use std::env::consts::{ARCH, OS};
use std::path::{Path, PathBuf};

use shared_release::{Keypair, Manifest, Release, Root, RootPlan, Target, sign};
use shared_slots::Digest;

use crate::lying_server::LyingServer;

/// Keys that must sign, of [`KEYS`].
const THRESHOLD: usize = 2;

/// Keys of each role.
const KEYS: u8 = 3;

/// How long a root lasts.
const ROOT_LIFE: jiff::SignedDuration = jiff::SignedDuration::from_hours(24 * 365);

/// How long a manifest may be adopted.
const MANIFEST_LIFE: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// Path of the manifest below the server's address.
pub const MANIFEST: &str = "/v1/stable/manifest.json";

/// The keys of one root.
#[derive(Debug)]
pub struct Keys {
    /// Those that sign roots.
    pub root: Vec<Keypair>,
    /// Those that sign manifests.
    pub release: Vec<Keypair>,
}

impl Keys {
    /// Keys that no other generation has.
    pub fn of_generation(generation: u8) -> Self {
        let role = |role: u8| {
            let key = |n| Keypair::from_seed([generation.wrapping_mul(16) + role * 4 + n; 32]);
            (0..KEYS).map(key).collect()
        };
        Self {
            root: role(1),
            release: role(2),
        }
    }

    /// Two of the release keys.
    pub fn enough(&self) -> Vec<&Keypair> {
        self.release.iter().take(THRESHOLD).collect()
    }
}

/// A publisher and the server that has what it published.
#[derive(Debug)]
pub struct ReleaseTree {
    /// Where hosts fetch from.
    pub server: LyingServer,
    /// The keys of the newest root.
    pub keys: Keys,
    root: RootPlan,
    serial: u64,
    agents: Vec<Release>,
    trust_root: PathBuf,
}

impl ReleaseTree {
    /// A tree without a release. The first trust root is laid into `folder`.
    pub async fn start(folder: &Path) -> Self {
        let keys = Keys::of_generation(0);
        let public = |keys: &[Keypair]| keys.iter().map(Keypair::public).collect();
        let root = RootPlan {
            version: 1,
            root_keys: public(&keys.root),
            root_threshold: THRESHOLD,
            release_keys: public(&keys.release),
            release_threshold: THRESHOLD,
            base_urls: Vec::new(),
            reset_seen: Vec::new(),
            expires: now() + ROOT_LIFE,
        };
        let signers: Vec<&Keypair> = keys.root.iter().collect();
        let first = sign(&root.to_payload(), &signers);
        let trust_root = folder.join("tree-root.json");
        std::fs::write(&trust_root, &first).expect("write the trust root");
        let server = LyingServer::start().await;
        server.put("/v1/roots/1.root.json", first);
        Self {
            server,
            keys,
            root,
            serial: 0,
            agents: Vec::new(),
            trust_root,
        }
    }

    /// The first root, as new hosts get it.
    pub fn trust_root(&self) -> &Path {
        &self.trust_root
    }

    /// Version of the newest root.
    pub const fn root_version(&self) -> u64 {
        self.root.version
    }

    /// Serial of the newest manifest.
    pub const fn serial(&self) -> u64 {
        self.serial
    }

    /// The plan of the root after the newest, with these keys.
    pub fn next_root(&self, keys: &Keys) -> RootPlan {
        let public = |keys: &[Keypair]| keys.iter().map(Keypair::public).collect();
        RootPlan {
            version: self.root.version + 1,
            root_keys: public(&keys.root),
            release_keys: public(&keys.release),
            ..self.root.clone()
        }
    }

    /// Follows to new keys as one should: signed with the old and with the new ones.
    pub fn rotate(&mut self) {
        let generation = u8::try_from(self.root.version).expect("a test has few roots");
        let keys = Keys::of_generation(generation);
        let plan = self.next_root(&keys);
        let signers: Vec<&Keypair> = self.keys.root.iter().chain(&keys.root).collect();
        let bytes = sign(&plan.to_payload(), &signers);
        Root::from_trusted(&bytes).expect("an honest root is a good one");
        self.server.put(&root_path(plan.version), bytes);
        self.root = plan;
        self.keys = keys;
    }

    /// Lays an agent down, and makes it the newest. Nothing says so before [`Self::issue`].
    pub fn add(&mut self, version: &str, agent: &Path) -> Digest {
        let bytes = std::fs::read(agent).expect("read an agent");
        let digest = self.lay(bytes);
        let size = std::fs::metadata(agent).expect("look at an agent").len();
        self.list(version, Target::plain(OS, ARCH, digest, size));
        digest
    }

    /// Makes a target the newest agent, whatever the server has under its digest.
    pub fn list(&mut self, version: &str, target: Target) {
        let seq = self.agents.iter().map(|agent| agent.seq).max();
        self.agents.push(Release {
            component: "agent".to_owned(),
            version: version.to_owned(),
            seq: seq.unwrap_or(9) + 1,
            min_from_seq: 0,
            barrier: false,
            security: false,
            targets: vec![target],
        });
    }

    /// Takes the newest agent back, as if nobody had ever published it.
    pub fn forget_newest(&mut self) {
        self.agents.pop();
    }

    /// Puts bytes under their digest.
    pub fn lay(&self, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of(&bytes);
        self.server.put(&blob_path(digest), bytes);
        digest
    }

    /// The manifest after the newest one, not signed.
    pub fn draft(&self) -> Manifest {
        let mut draft = Manifest::new("stable", self.serial + 1, now(), now() + MANIFEST_LIFE);
        draft.root = self.root.version;
        draft.releases.clone_from(&self.agents);
        draft
    }

    /// Signs a manifest with enough keys.
    pub fn signed(&self, manifest: &Manifest) -> Vec<u8> {
        let payload = manifest.to_payload().expect("a manifest that can be read");
        sign(&payload, &self.keys.enough())
    }

    /// Issues the next manifest as one should, ends all lies, and returns its serial.
    pub fn issue(&mut self) -> u64 {
        let draft = self.draft();
        self.publish(&draft)
    }

    /// As [`Self::issue`], with this as the next manifest.
    pub fn publish(&mut self, manifest: &Manifest) -> u64 {
        self.server.put(MANIFEST, self.signed(manifest));
        self.serial = manifest.serial;
        self.server.be_honest();
        self.serial
    }
}

/// Path of a file by its digest.
pub fn blob_path(digest: Digest) -> String {
    format!("/v1/blobs/{digest}")
}

/// Path of a root.
pub fn root_path(version: u64) -> String {
    format!("/v1/roots/{version}.root.json")
}

/// The time that goes into documents.
pub fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

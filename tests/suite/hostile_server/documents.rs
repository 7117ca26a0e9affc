//! Manifests and roots that are signed wrongly, old, or do not fit together.

use futures_util::future::join_all;
use jiff::SignedDuration;
use shared_release::{Keypair, seal, sign};
use tests::lying_server::Answer;
use tests::release_tree::{Keys, MANIFEST, ReleaseTree, now, root_path};

use super::Stage;

/// A lie, and words of the line that says what is wrong with it. The tree lists an agent that must
/// not be taken when the lie is made.
struct Lie {
    name: &'static str,
    make: fn(&mut ReleaseTree) -> Vec<u8>,
    said: &'static str,
}

const LIES: &[Lie] = &[
    Lie {
        name: "bad signature",
        make: |tree| {
            let text = String::from_utf8(tree.signed(&tree.draft())).unwrap();
            let at = text.find("\"sig\":\"").unwrap() + "\"sig\":\"".len();
            let forged = if &text[at..=at] == "0" { "1" } else { "0" };
            [&text[..at], forged, &text[at + 1..]].concat().into()
        },
        said: "does not match",
    },
    Lie {
        name: "signatures of another manifest",
        make: |tree| {
            let payload = tree.draft().to_payload().unwrap();
            let other = b"another payload";
            let signatures: Vec<_> = (tree.keys.enough().iter())
                .map(|key| key.sign(other))
                .collect();
            seal(&payload, &signatures)
        },
        said: "0 of the 2 release keys",
    },
    Lie {
        name: "signed by the root role",
        make: |tree| {
            let keys: Vec<&Keypair> = tree.keys.root.iter().collect();
            sign(&tree.draft().to_payload().unwrap(), &keys)
        },
        said: "0 of the 2 release keys",
    },
    Lie {
        name: "one signature less than the threshold",
        make: |tree| {
            sign(
                &tree.draft().to_payload().unwrap(),
                &tree.keys.enough()[..1],
            )
        },
        said: "1 of the 2 release keys",
    },
    Lie {
        name: "one key twice",
        make: |tree| {
            let key = &tree.keys.release[0];
            sign(&tree.draft().to_payload().unwrap(), &[key, key])
        },
        said: "1 of the 2 release keys",
    },
    Lie {
        name: "an older serial",
        make: |tree| {
            let mut draft = tree.draft();
            draft.serial = tree.serial() - 1;
            tree.signed(&draft)
        },
        said: "is older than",
    },
    Lie {
        name: "a serial for two manifests",
        make: |tree| {
            let mut draft = tree.draft();
            draft.serial = tree.serial();
            tree.signed(&draft)
        },
        said: "was already used",
    },
    Lie {
        name: "a component that goes back",
        make: |tree| {
            let mut draft = tree.draft();
            let oldest = draft.releases[0].seq;
            draft.releases.drain(..draft.releases.len() - 1);
            draft.releases[0].seq = oldest - 1;
            tree.signed(&draft)
        },
        said: "without a signed allow_downgrade",
    },
    Lie {
        name: "another channel",
        make: |tree| {
            let mut draft = tree.draft();
            "beta".clone_into(&mut draft.channel);
            tree.signed(&draft)
        },
        said: "it is for channel beta",
    },
    Lie {
        name: "a root in place of a manifest",
        make: |tree| {
            let plan = tree.next_root(&tree.keys);
            sign(&plan.to_payload(), &tree.keys.enough())
        },
        said: "root document",
    },
    Lie {
        name: "a format of the future",
        make: |tree| {
            let payload = tree.draft().to_payload().unwrap();
            let text = String::from_utf8(payload).unwrap();
            let later = text.replacen("\"format\": 1", "\"format\": 2", 1);
            assert_ne!(later, text);
            sign(later.as_bytes(), &tree.keys.enough())
        },
        said: "reads format 1",
    },
    Lie {
        name: "a root that is missing",
        make: |tree| {
            let mut draft = tree.draft();
            draft.root += 2;
            tree.signed(&draft)
        },
        said: "it was signed under root",
    },
    Lie {
        name: "a gap in the roots",
        make: |tree| {
            let keys = Keys::of_generation(9);
            let mut plan = tree.next_root(&keys);
            plan.version += 1;
            under_root(tree, &keys, &sign(&plan.to_payload(), &both(tree, &keys)))
        },
        said: "and only the one after",
    },
    Lie {
        name: "an old root as the next one",
        make: |tree| {
            let first = std::fs::read(tree.trust_root()).unwrap();
            let keys = Keys::of_generation(9);
            under_root(tree, &keys, &first)
        },
        // After a rotation its keys are not trusted either.
        said: "root",
    },
    Lie {
        name: "a root that only its own keys have signed",
        make: |tree| {
            let keys = Keys::of_generation(9);
            let plan = tree.next_root(&keys);
            let own: Vec<&Keypair> = keys.root.iter().collect();
            under_root(tree, &keys, &sign(&plan.to_payload(), &own))
        },
        said: "0 of the 2 root keys",
    },
    Lie {
        name: "a root that only the keys before it have signed",
        make: |tree| {
            let keys = Keys::of_generation(9);
            let plan = tree.next_root(&keys);
            let old: Vec<&Keypair> = tree.keys.root.iter().collect();
            under_root(tree, &keys, &sign(&plan.to_payload(), &old))
        },
        said: "0 of the 2 root keys",
    },
];

fn both<'a>(tree: &'a ReleaseTree, keys: &'a Keys) -> Vec<&'a Keypair> {
    tree.keys.root.iter().chain(&keys.root).collect()
}

/// A manifest that these keys have signed, as if the next root named them; and that root.
fn under_root(tree: &ReleaseTree, keys: &Keys, root: &[u8]) -> Vec<u8> {
    let path = root_path(tree.root_version() + 1);
    tree.server
        .lie(&path, vec![Answer::reply("200 OK", "", root)]);
    let mut draft = tree.draft();
    draft.root += 1;
    sign(&draft.to_payload().unwrap(), &keys.enough())
}

/// Tells the lies one after the other, each followed by the truth.
async fn refuses_all(stage: &mut Stage, lies: &[Lie]) {
    for lie in lies {
        let (version, agent) = stage.next_agent();
        let digest = stage.tree.add(&version, &agent);
        let start = stage.host.log_end("launcher");
        let bytes = (lie.make)(&mut stage.tree);
        stage
            .tree
            .server
            .lie(MANIFEST, vec![Answer::reply("200 OK", "", &bytes)]);
        stage.tree.forget_newest();
        let words = ["WARN", "manifest refused", lie.said];
        stage.host.log_line_after(start, "launcher", &words).await;
        stage.is_untouched(lie.name, &version, digest);

        let serial = format!("serial={}", stage.tree.issue());
        let words = ["new manifest verified", &serial];
        stage.host.log_line_after(start, "launcher", &words).await;
        stage.is_untouched(lie.name, &version, digest);
    }
}

#[tokio::test]
async fn documents_that_nobody_should_trust_are_refused_one_by_one() {
    let several_hosts = LIES.chunks(LIES.len() / 3 + 1).map(|lies| async {
        let mut stage = Stage::new().await;
        let serial = format!("serial={}", stage.tree.issue());
        let words = ["new manifest verified", &serial];
        stage.host.log_line("launcher", &words).await;
        let agent = stage.host.agent_pid().await;
        refuses_all(&mut stage, lies).await;
        assert_eq!(stage.host.agent_pid().await, agent, "it was left alone");
        stage.takes_the_next_release().await;
    });
    join_all(several_hosts).await;
}

#[tokio::test]
async fn after_a_rotation_the_old_keys_count_for_nothing() {
    let mut stage = Stage::new().await;
    for _ in 0..2 {
        stage.tree.rotate();
    }
    stage.tree.issue();
    let start = stage.host.log_end("launcher");
    stage
        .host
        .log_line("launcher", &["new trust root", "version=3"])
        .await;
    let retired = Lie {
        name: "retired keys",
        make: |tree| {
            let old = Keys::of_generation(1);
            sign(&tree.draft().to_payload().unwrap(), &old.enough())
        },
        said: "0 of the 2 release keys of root 3",
    };
    let old_root = LIES
        .iter()
        .find(|lie| lie.name == "an old root as the next one");
    let rolled_back = Lie {
        said: "0 of the 2 root keys of root 3",
        ..*old_root.unwrap()
    };
    refuses_all(&mut stage, &[retired, rolled_back]).await;
    assert!(!stage.host.log("launcher")[start..].contains("version=4"));
    stage.takes_the_next_release().await;
}

#[tokio::test]
async fn an_expired_release_is_adopted_when_it_is_renewed_and_not_before() {
    let mut stage = Stage::new().await;
    let agent = stage.host.agent_pid().await;
    let (version, next) = stage.next_agent();
    let digest = stage.tree.add(&version, &next);
    let mut draft = stage.tree.draft();
    // Newer than the one before, as far as anybody can tell, and over at once.
    draft.issued = now();
    draft.expires = draft.issued + SignedDuration::from_millis(1);
    let bytes = stage.tree.signed(&draft);
    let start = stage.host.log_end("launcher");
    stage
        .tree
        .server
        .lie(MANIFEST, vec![Answer::reply("200 OK", "", &bytes)]);
    let words = ["WARN", "manifest not adopted", "it expired at"];
    stage.host.log_line_after(start, "launcher", &words).await;
    stage.is_untouched("expired", &version, digest);
    stage.works("while-expired").await;
    assert_eq!(stage.host.agent_pid().await, agent);

    // The serial of the expired one is used up.
    stage.tree.issue();
    stage.tree.issue();
    stage.takes(&version, digest).await;
    stage.works("after").await;
}

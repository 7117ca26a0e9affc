//! Signatures, thresholds, roles, sizes and forms.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use shared_release::{Error, Keypair, MAX_SIGNED, Manifest, Root, RootDraft, sign};

use crate::{Publisher, at, manifest, target};

fn missing(error: &Error) -> (usize, usize) {
    match error {
        Error::Signatures { valid, needed, .. } => (*valid, *needed),
        other => panic!("{other}"),
    }
}

/// An envelope around any payload, signed with the publisher's release keys.
fn signed_text(publisher: &Publisher, payload: &str) -> Vec<u8> {
    sign(
        payload.as_bytes(),
        &publisher.release_keys.iter().collect::<Vec<_>>(),
    )
}

#[test]
fn a_signed_manifest_arrives_as_it_was_published() {
    let publisher = Publisher::with_threshold(2, 2);
    let sent = manifest(7);
    let arrived = publisher
        .root()
        .verify_manifest(&publisher.sign(&sent))
        .unwrap();
    assert_eq!(arrived, sent);
}

#[test]
fn an_arbitrary_manifest_of_unknown_keys_is_refused() {
    let root = Publisher::with_threshold(1, 1).root();
    let stranger = Keypair::from_seed([99; 32]);
    let forged = sign(&manifest(1).to_payload().unwrap(), &[&stranger]);
    assert_eq!(missing(&root.verify_manifest(&forged).unwrap_err()), (0, 1));
}

#[test]
fn what_no_trusted_key_has_signed_is_not_even_read() {
    let root = Publisher::with_threshold(1, 1).root();
    let stranger = Keypair::from_seed([99; 32]);
    for payload in [&b"{\"a\":1,\"a\":2}"[..], b"no JSON", b""] {
        let forged = sign(payload, &[&stranger]);
        assert_eq!(missing(&root.verify_manifest(&forged).unwrap_err()), (0, 1));
        assert_eq!(missing(&root.follow(&forged).unwrap_err()), (0, 1));
    }
}

#[test]
fn a_bad_signature_is_refused_and_its_key_named() {
    let publisher = Publisher::with_threshold(1, 1);
    let good = String::from_utf8(publisher.sign(&manifest(1))).unwrap();
    let other = String::from_utf8(publisher.sign(&manifest(2))).unwrap();
    let (_, sigs_of_other) = other.split_once("\"sigs\"").unwrap();
    let (payload, _) = good.split_once("\"sigs\"").unwrap();
    let mixed = format!("{payload}\"sigs\"{sigs_of_other}");
    let error = publisher
        .root()
        .verify_manifest(mixed.as_bytes())
        .unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&publisher.release_keys[0].kid()), "{text}");
    assert!(
        text.contains("bad signature: 0 of the 1 release keys"),
        "{text}"
    );
}

#[test]
fn one_signature_less_than_the_threshold_is_refused() {
    let publisher = Publisher::with_threshold(2, 3);
    let payload = manifest(1).to_payload().unwrap();
    let one = sign(&payload, &[&publisher.release_keys[0]]);
    let root = publisher.root();
    assert_eq!(missing(&root.verify_manifest(&one).unwrap_err()), (1, 2));
    let two = sign(
        &payload,
        &[&publisher.release_keys[2], &publisher.release_keys[0]],
    );
    assert!(root.verify_manifest(&two).is_ok());
}

#[test]
fn a_key_that_signs_twice_counts_once() {
    let publisher = Publisher::with_threshold(2, 2);
    let key = &publisher.release_keys[0];
    let doubled = sign(&manifest(1).to_payload().unwrap(), &[key, key]);
    let error = publisher.root().verify_manifest(&doubled).unwrap_err();
    assert_eq!(missing(&error), (1, 2));
}

#[test]
fn extraneous_signatures_of_unknown_keys_do_no_harm() {
    let publisher = Publisher::with_threshold(1, 1);
    let stranger = Keypair::from_seed([99; 32]);
    let payload = manifest(1).to_payload().unwrap();
    let both = sign(&payload, &[&stranger, &publisher.release_keys[0]]);
    assert!(publisher.root().verify_manifest(&both).is_ok());
}

#[test]
fn a_root_key_may_not_sign_a_manifest() {
    let publisher = Publisher::with_threshold(1, 1);
    let payload = manifest(1).to_payload().unwrap();
    let wrong_role = sign(&payload, &[&publisher.root_key]);
    let error = publisher.root().verify_manifest(&wrong_role).unwrap_err();
    assert_eq!(missing(&error), (0, 1));
}

#[test]
fn a_root_signed_with_release_keys_is_not_a_manifest() {
    let publisher = Publisher::with_threshold(1, 1);
    let envelope: serde_json::Value = serde_json::from_slice(&publisher.root_file).unwrap();
    let payload = STANDARD
        .decode(envelope["payload"].as_str().unwrap())
        .unwrap();
    let confused = sign(&payload, &[&publisher.release_keys[0]]);
    assert_eq!(
        publisher.root().verify_manifest(&confused),
        Err(Error::WrongType {
            found: "root".into(),
            wanted: "release"
        })
    );
}

#[test]
fn a_manifest_is_not_a_root() {
    let publisher = Publisher::with_threshold(1, 1);
    assert!(Root::from_trusted(&publisher.sign(&manifest(1))).is_err());
}

#[test]
fn a_threshold_of_zero_or_beyond_the_keys_makes_no_root() {
    let publisher = Publisher::with_threshold(1, 2);
    let keys: Vec<&Keypair> = publisher.release_keys.iter().collect();
    for threshold in [0, 3] {
        let draft = RootDraft {
            root_keys: &[&publisher.root_key],
            root_threshold: 1,
            release_keys: &keys,
            release_threshold: threshold,
            expires: at(1),
        };
        let error = draft.build().unwrap_err().to_string();
        assert!(error.contains("roles"), "{error}");
    }
}

#[test]
fn one_key_under_two_ids_makes_no_root() {
    let key = Keypair::from_seed([1; 32]);
    let payload = format!(
        r#"{{"type":"root","version":1,"keys":{{"a":"{0}","b":"{0}"}},"expires":"2030-01-01T00:00:00Z",
        "roles":{{"root":{{"kids":["a"],"threshold":1}},"release":{{"kids":["a","b"],"threshold":2}}}}}}"#,
        key.public_hex()
    );
    let error = Root::from_trusted(&sign(payload.as_bytes(), &[&key])).unwrap_err();
    assert!(error.to_string().contains("two ids"), "{error}");
}

#[test]
fn an_edited_root_is_refused() {
    let publisher = Publisher::with_threshold(1, 1);
    let mut envelope: serde_json::Value = serde_json::from_slice(&publisher.root_file).unwrap();
    let payload = STANDARD
        .decode(envelope["payload"].as_str().unwrap())
        .unwrap();
    let text = String::from_utf8(payload).unwrap();
    let stranger = Keypair::from_seed([99; 32]).public_hex();
    let edited = text.replace(&publisher.release_keys[0].public_hex(), &stranger);
    assert_ne!(edited, text);
    envelope["payload"] = STANDARD.encode(edited).into();
    let error = Root::from_trusted(&serde_json::to_vec(&envelope).unwrap()).unwrap_err();
    assert_eq!(missing(&error), (0, 1));
}

#[test]
fn unknown_fields_are_ignored() {
    let publisher = Publisher::with_threshold(1, 1);
    let payload = String::from_utf8(manifest(3).to_payload().unwrap()).unwrap();
    let later = payload
        .replace("\"serial\"", "\"mood\": {\"good\": [1]}, \"serial\"")
        .replace("\"os\"", "\"libc\": \"musl\", \"os\"");
    let arrived = publisher
        .root()
        .verify_manifest(&signed_text(&publisher, &later))
        .unwrap();
    assert_eq!(arrived, manifest(3));
}

#[test]
fn another_format_is_refused_by_number() {
    let publisher = Publisher::with_threshold(1, 1);
    let payload = r#"{"type":"release","format":2,"everything":"else"}"#;
    let error = publisher
        .root()
        .verify_manifest(&signed_text(&publisher, payload))
        .unwrap_err();
    assert!(error.to_string().contains("format 1, not 2"), "{error}");
}

#[test]
fn more_than_the_size_limit_is_refused_unread() {
    let root = Publisher::with_threshold(1, 1).root();
    let endless = vec![b' '; MAX_SIGNED + 1];
    assert_eq!(
        root.verify_manifest(&endless),
        Err(Error::TooLarge { limit: MAX_SIGNED })
    );
    let html = b"<html><body>Please log in</body></html>";
    assert!(matches!(
        root.verify_manifest(html),
        Err(Error::NotAnEnvelope(_))
    ));
}

#[test]
fn a_publisher_cannot_sign_what_a_host_would_refuse() {
    type Edit = fn(&mut Manifest);
    let edits: [(&str, Edit); 7] = [
        ("serial", |m| m.serial = 0),
        ("channel", |m| m.channel = "../x".into()),
        ("expires", |m| m.expires = m.issued),
        ("listed twice", |m| m.releases.push(m.releases[0].clone())),
        ("size", |m| m.releases[0].targets[0].size = 0),
        ("release tree", |m| {
            m.releases[0].targets[0].url = vec!["blobs/../../etc/passwd".into()];
        }),
        ("release tree", |m| {
            m.releases[0].targets[0].url = vec!["https://elsewhere.example/x".into()];
        }),
    ];
    for (word, edit) in edits {
        let mut wrong = manifest(1);
        edit(&mut wrong);
        let error = wrong.to_payload().unwrap_err().to_string();
        assert!(error.contains(word), "{error} should name {word}");
    }
}

#[test]
fn only_a_file_for_this_machine_is_a_target() {
    let mut release = crate::release("agent", 1);
    release.targets = vec![target("linux", "aarch64"), target("linux", "x86_64")];
    assert_eq!(
        release.target_for("linux", "x86_64"),
        Some(&release.targets[1])
    );
    assert_eq!(release.target_for("windows", "x86_64"), None);
}

#[test]
fn a_revoked_digest_is_known_as_such() {
    let publisher = Publisher::with_threshold(1, 1);
    let mut with_revoked = manifest(1);
    let digest = "cd".repeat(32).parse().unwrap();
    with_revoked.revoked.push(digest);
    let arrived = publisher
        .root()
        .verify_manifest(&publisher.sign(&with_revoked))
        .unwrap();
    assert!(arrived.is_revoked(&digest));
    assert!(!arrived.is_revoked(&"ab".repeat(32).parse().unwrap()));
}

proptest! {
    #[test]
    fn any_changed_byte_is_refused(at in any::<prop::sample::Index>(), change in 1_u8..) {
        let publisher = Publisher::with_threshold(2, 2);
        let mut bytes = publisher.sign(&manifest(1));
        let index = at.index(bytes.len());
        bytes[index] ^= change;
        prop_assert!(publisher.root().verify_manifest(&bytes).is_err());
    }

    #[test]
    fn any_cut_is_refused(at in any::<prop::sample::Index>()) {
        let publisher = Publisher::with_threshold(1, 1);
        let bytes = publisher.sign(&manifest(1));
        let end = at.index(bytes.len());
        prop_assert!(publisher.root().verify_manifest(&bytes[..end]).is_err());
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in any::<Vec<u8>>()) {
        let publisher = Publisher::with_threshold(1, 1);
        prop_assert!(publisher.root().verify_manifest(&bytes).is_err());
        let signed = sign(&bytes, &[&publisher.release_keys[0]]);
        prop_assert!(publisher.root().verify_manifest(&signed).is_err());
    }
}

//! Documents that are signed well and mean harm, or are not signed and look well: one table, each
//! with the reason for which it must be refused.

use proptest::prelude::*;
use serde_json::{Value, json};
use shared_release::{Error, Keypair, MAX_SIGNED, Root, Seen, sign};

use crate::{Publisher, manifest};

/// The payload of an ordinary manifest, to be spoiled.
fn payload() -> Value {
    serde_json::from_slice(&manifest(5).to_payload().unwrap()).unwrap()
}

/// The id of the key below.
const K: &str = "8a88e3dd7409f195";

/// A root payload with one key for all, to be spoiled; the key.
fn root_payload() -> (Value, Keypair) {
    let key = Keypair::from_seed([1; 32]);
    let role = json!({ "kids": [K], "threshold": 1 });
    let payload = json!({
        "type": "root", "version": 1, "keys": { K: key.public_hex() },
        "roles": { "root": role, "release": role }, "expires": "2030-01-01T00:00:00Z",
    });
    (payload, key)
}

fn refusal(text: &[u8]) -> String {
    let publisher = Publisher::with_threshold(1, 1);
    let signed = sign(text, &[&publisher.release_keys[0]]);
    let refused = publisher.root().accept(&signed, "stable", None);
    refused.unwrap_err().to_string()
}

/// Where a field is, what it is made, and what the refusal must say.
type Case = (String, Value, &'static str);

fn many(count: usize, one: &Value) -> Value {
    Value::Array(vec![one.clone(); count])
}

fn digest() -> String {
    "ab".repeat(32)
}

fn spoiled_heads() -> Vec<Case> {
    let release = &payload()["releases"][0];
    let target = &release["targets"][0];
    [
        ("/serial", json!(0), "serial"),
        ("/serial", json!(-1), "payload"),
        ("/serial", json!(1.5), "payload"),
        ("/serial", json!("5"), "payload"),
        ("/root", json!(0), "root"),
        ("/root", json!(2), "signed under root 2"),
        ("/type", json!("root"), "root document"),
        ("/channel", json!("edge"), "channel edge"),
        ("/channel", json!("roots"), "channel"),
        ("/issued", json!("yesterday"), "payload"),
        (
            "/revoked",
            many(4097, &json!(digest())),
            "4096 are the most",
        ),
        ("/revoked", json!([digest().to_uppercase()]), "sha256"),
        ("/releases", many(257, release), "256"),
        ("/releases/0/component", json!("../agent"), "component"),
        ("/releases/0/version", json!("1\u{1b}[2J"), "version"),
        ("/releases/0/version", json!("9".repeat(513)), "version"),
        ("/releases/0/seq", json!(-4), "payload"),
        ("/releases/0/targets", many(65, target), "64"),
        ("/releases/0/targets", many(2, target), "listed twice"),
    ]
    .map(|(at, value, part)| (at.to_owned(), value, part))
    .into()
}

fn spoiled_files() -> Vec<Case> {
    [
        ("os", json!("../linux"), "platform"),
        ("size", json!(0), "size"),
        ("size", json!((1_u64 << 30) + 1), "size"),
        ("sha256", json!(digest().to_uppercase()), "sha256"),
        ("sha256", json!(&digest()[2..]), "sha256"),
        ("url", json!([]), "url"),
        ("url", many(17, &json!("blobs/x")), "16"),
        ("url", json!(["/etc/passwd"]), "release tree"),
        ("url", json!(["https://evil.example/x"]), "release tree"),
        ("encoded", many(9, &encoded()), "8"),
        ("encoded/0/enc", json!("../zstd"), "name"),
        ("encoded/0/size", json!(0), "size"),
        ("encoded/0/url", json!(["../x"]), "release tree"),
        ("deltas", many(33, &delta()), "32"),
        ("deltas/0/algo", json!(""), "name"),
        ("deltas/0/size", json!(1_u64 << 40), "size"),
        ("deltas/0/url", json!([]), "url"),
        ("deltas/0/from", json!("00"), "sha256"),
    ]
    .map(|(at, value, part)| (format!("/releases/0/targets/0/{at}"), value, part))
    .into()
}

fn encoded() -> Value {
    json!({ "enc": "zstd", "url": ["blobs/x"], "size": 5, "sha256": digest() })
}

fn delta() -> Value {
    json!({ "from": digest(), "algo": "bsdiff4", "url": ["blobs/x"], "size": 5, "sha256": digest() })
}

#[test]
fn a_well_signed_manifest_that_means_harm_is_refused() {
    for (at, value, part) in [spoiled_heads(), spoiled_files()].concat() {
        let mut spoiled = payload();
        // The optional lists are not there yet.
        spoiled["revoked"] = json!([]);
        spoiled["releases"][0]["targets"][0]["encoded"] = json!([encoded()]);
        spoiled["releases"][0]["targets"][0]["deltas"] = json!([delta()]);
        *spoiled.pointer_mut(&at).unwrap() = value;
        let text = refusal(spoiled.to_string().as_bytes());
        assert!(text.contains(part), "{at}: {text}");
    }
}

#[test]
fn what_two_readers_could_understand_differently_is_refused() {
    let good = payload().to_string();
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (text, part) in [
        (good.replacen('{', "{\"serial\":4,", 1), "twice"),
        (good.replacen('{', "{\"x\":1,\"x\":2,", 1), "twice"),
        (
            good.replace("\"os\"", "\"\\u006fs\":\"macos\",\"os\""),
            "twice",
        ),
        (
            good.replacen('{', &format!("{{\"x\":{nested},"), 1),
            "deeper",
        ),
        (format!("{good}{{}}"), "trailing"),
        (good[..good.len() - 1].to_owned(), "EOF"),
        (good.replace("\"serial\":5", "\"serial\":5e0"), "payload"),
        (
            good.replace("\"serial\":5", "\"serial\":18446744073709551616"),
            "payload",
        ),
    ] {
        assert_ne!(text, good, "{part}");
        let said = refusal(text.as_bytes());
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn an_envelope_is_read_one_way_only() {
    let publisher = Publisher::with_threshold(1, 1);
    let good = String::from_utf8(publisher.sign(&manifest(5))).unwrap();
    let one = good.split_once("\"sigs\":[").unwrap().1;
    let one = one.split_once(']').unwrap().0;
    let (upper, many) = (one.to_uppercase(), vec![one; 65].join(","));
    let root = publisher.root();
    for text in [
        good.replacen('{', "{\"payload\":\"e30=\",", 1),
        good.replacen('{', "{\"x\":1,\"x\":2,", 1),
        good.replacen(
            '{',
            &format!("{{\"x\":{}{},", "[".repeat(20), "]".repeat(20)),
            1,
        ),
        good.replace("\"sigs\":[", "\"sigs\":[],\"sigs\":["),
        good.replace(one, &upper),
        good.replace(one, &many),
        format!("{good}{good}"),
        good.replace("=\"", "\""),
        format!("[{good}]"),
    ] {
        assert_ne!(text, good);
        assert!(root.verify_manifest(text.as_bytes()).is_err(), "{text}");
    }
    assert!(root.verify_manifest(good.as_bytes()).is_ok());
}

#[test]
fn documents_have_an_end() {
    let root = Publisher::with_threshold(1, 1).root();
    for bytes in [vec![b'{'; MAX_SIGNED + 1], vec![b' '; 64 << 20]] {
        let limit = Error::TooLarge { limit: MAX_SIGNED };
        assert_eq!(root.verify_manifest(&bytes), Err(limit.clone()));
        assert_eq!(root.follow(&bytes).unwrap_err(), limit.clone());
        assert_eq!(Root::from_trusted(&bytes).unwrap_err(), limit);
    }
}

#[test]
fn a_root_that_means_harm_is_refused_even_where_it_is_trusted() {
    let (good, key) = root_payload();
    Root::from_trusted(&sign(good.to_string().as_bytes(), &[&key])).unwrap();
    let at_key = &format!("/keys/{K}");
    let small_order = format!("01{}", "00".repeat(31));
    let not_canonical = format!("ed{}7f", "ff".repeat(30));
    let upper = key.public_hex().to_uppercase();
    let role = |kids: Value, threshold: Value| json!({ "kids": kids, "threshold": threshold });
    for (at, value, part) in [
        ("/version", json!(0), "version"),
        ("/type", json!("release"), "release document"),
        (at_key, json!(small_order), "small order"),
        (at_key, json!(not_canonical), "small order"),
        (at_key, json!(upper), "lower-case"),
        (at_key, json!("00"), "lower-case"),
        ("/roles/release", role(json!([K]), json!(0)), "0 of 1"),
        ("/roles/root", role(json!([K]), json!(0)), "0 of 1"),
        ("/roles/release", role(json!([K]), json!(-1)), "payload"),
        ("/roles/release", role(json!([K, K]), json!(2)), "2 of 1"),
        ("/roles/release", role(json!(["other"]), json!(1)), "other"),
        ("/roles/release", role(json!([]), json!(0)), "0 of 0"),
        (
            "/roles",
            json!({ "root": role(json!([K]), json!(1)) }),
            "release is missing",
        ),
        ("/base_urls", json!(["file:///etc"]), "base_urls"),
        (
            "/base_urls",
            Value::Array(vec![json!("https://x"); 17]),
            "16",
        ),
        ("/reset_seen", json!(["../x"]), "reset_seen"),
        ("/expires", json!("never"), "expires"),
    ] {
        let mut spoiled = good.clone();
        spoiled["base_urls"] = json!([]);
        spoiled["reset_seen"] = json!([]);
        *spoiled.pointer_mut(at).unwrap() = value;
        let signed = sign(spoiled.to_string().as_bytes(), &[&key]);
        let text = Root::from_trusted(&signed).unwrap_err().to_string();
        assert!(text.contains(part), "{at}: {text}");
    }
    let twice = good.to_string().replace(
        "\"keys\":{",
        &format!("\"keys\":{{\"{K}\":\"{}\",", "00".repeat(32)),
    );
    let text = Root::from_trusted(&sign(twice.as_bytes(), &[&key])).unwrap_err();
    assert!(text.to_string().contains("twice"), "{text}");
}

#[test]
fn parts_of_two_manifests_make_no_third() {
    let publisher = Publisher::with_threshold(2, 2);
    let (first, second) = (
        manifest(1).to_payload().unwrap(),
        manifest(2).to_payload().unwrap(),
    );
    let [a, b] = &publisher.release_keys[..] else {
        panic!("two keys");
    };
    let mixed = shared_release::seal(&second, &[a.sign(&second), b.sign(&first)]);
    let error = publisher.root().verify_manifest(&mixed).unwrap_err();
    assert!(error.to_string().contains(&b.kid()), "{error}");
}

#[test]
fn leaving_a_component_out_for_once_does_not_take_it_back() {
    let publisher = Publisher::with_threshold(1, 1);
    let seen = Seen::of(&manifest(5));
    let mut without = manifest(6);
    without
        .releases
        .retain(|release| release.component != "agent");
    let root = publisher.root();
    let accepted = root
        .accept(&publisher.sign(&without), "stable", Some(&seen))
        .unwrap();
    let seen = seen.then(&accepted);
    let mut back = manifest(7);
    back.releases[1].seq = 4;
    let refused = root.accept(&publisher.sign(&back), "stable", Some(&seen));
    assert!(matches!(refused, Err(Error::SequenceRolledBack { .. })));
    let kept: Seen = serde_json::from_str(&serde_json::to_string(&seen).unwrap()).unwrap();
    assert_eq!(kept, seen);
}

proptest! {
    /// With a signature to spare, a change may leave enough of them; the content is what was signed.
    #[test]
    fn no_changed_byte_changes_what_is_accepted(at in any::<prop::sample::Index>(), change in 1_u8..) {
        let publisher = Publisher::with_threshold(1, 2);
        let sent = manifest(5);
        let mut bytes = publisher.sign(&sent);
        let index = at.index(bytes.len());
        bytes[index] ^= change;
        if let Ok(accepted) = publisher.root().accept(&bytes, "stable", None) {
            prop_assert_eq!(accepted, sent);
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let publisher = Publisher::with_threshold(1, 1);
        let root = publisher.root();
        prop_assert!(root.verify_manifest(&bytes).is_err());
        let signed = sign(&bytes, &[&publisher.release_keys[0], &publisher.root_key]);
        prop_assert!(root.verify_manifest(&signed).is_err());
        prop_assert!(root.follow(&signed).is_err());
        prop_assert!(Root::from_trusted(&signed).is_err());
    }
}

//! Signatures of steps: those that the peer made, our own, and jobs that are not what was signed.
//! The keys are for tests only.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use shared_signing::{
    Algorithm, KeyError, KeySet, Permutation, Rejection, SigningKey, Step, prepare, sign,
    signed_payload, verify,
};

/// A step that the peer signed.
#[derive(Deserialize)]
struct Signed {
    about: String,
    repository: String,
    env: BTreeMap<String, String>,
    keys: Value,
    key_id: Option<String>,
    step: Value,
    payload: Option<String>,
}

fn signed_by_the_peer() -> Vec<Signed> {
    serde_json::from_str(include_str!("fixtures/signed.json")).expect("fixtures")
}

/// Keys of the algorithms whose signatures are random, as private sets.
fn random_keys() -> BTreeMap<String, Value> {
    serde_json::from_str(include_str!("fixtures/keys.json")).expect("fixtures")
}

fn ed_keys() -> String {
    signed_by_the_peer()[0].keys.to_string()
}

type Env = BTreeMap<String, String>;

fn env(pairs: &[(&str, &str)]) -> Env {
    let pairs = pairs.iter().map(|&(k, v)| (k.to_owned(), v.to_owned()));
    pairs.collect()
}

fn read(step: &Value) -> Step {
    Step::read(step).expect("step")
}

/// A step together with its signature.
fn signed(mut step: Value, env: &Env, keys: &str) -> Step {
    let key = SigningKey::parse(keys, None).expect("key");
    let signature = sign(&read(&step), "repo", env, &key).expect("signature");
    step["signature"] = serde_json::to_value(signature).expect("json");
    read(&step)
}

#[test]
fn the_peers_signatures_are_made_byte_for_byte() {
    for case in signed_by_the_peer() {
        let key = SigningKey::parse(&case.keys.to_string(), case.key_id.as_deref()).expect("key");
        let step = read(&case.step);
        let own = sign(&step, &case.repository, &case.env, &key).expect("signature");
        assert_eq!(Some(&own), step.signature(), "{}", case.about);
        let Some(payload) = case.payload else {
            continue;
        };
        let id = case.key_id.as_deref();
        let algorithm = Algorithm::named("EdDSA").expect("algorithm");
        let prepared = prepare(&step, &case.repository, &case.env, algorithm, id);
        assert_eq!(String::from_utf8_lossy(prepared.payload()), payload);
    }
}

#[test]
fn the_peers_signatures_verify_and_none_of_another_repository_does() {
    for case in signed_by_the_peer() {
        let step = read(&case.step);
        let keys = KeySet::parse(&case.keys.to_string()).expect("keys");
        let mut job = case.env.clone();
        job.insert("BUILDKITE_REPO".to_owned(), case.repository.clone());
        let signature = step.signature().expect("signature");
        if let Some(payload) = &case.payload {
            let own = signed_payload(&step, signature, &job).expect("payload");
            assert_eq!(&String::from_utf8_lossy(&own), payload, "{}", case.about);
        }
        // Whatever the job is like: beyond `Wrong`, the signature was good.
        let verdict = verify(&step, &job, &Permutation::new(), &keys);
        assert_ne!(verdict, Err(Rejection::Wrong), "{}", case.about);
        job.insert("BUILDKITE_REPO".to_owned(), "other".to_owned());
        let verdict = verify(&step, &job, &Permutation::new(), &keys);
        assert_eq!(verdict, Err(Rejection::Wrong), "{}", case.about);
    }
}

#[test]
fn each_algorithm_signs_and_verifies_and_fails_for_another_key() {
    let job = env(&[("BUILDKITE_REPO", "repo"), ("BUILDKITE_COMMAND", "c")]);
    let ed = ed_keys();
    let mut all = random_keys();
    all.insert("EdDSA".to_owned(), serde_json::from_str(&ed).expect("json"));
    for (name, keys) in &all {
        let step = signed(json!({"command": "c"}), &Env::new(), &keys.to_string());
        assert_eq!(step.signature().expect("signature").algorithm, *name);
        for (other, set) in &all {
            let set = KeySet::parse(&set.to_string()).expect("set");
            let verdict = verify(&step, &job, &Permutation::new(), &set);
            assert_eq!(verdict.is_ok(), name == other, "{name} with {other}");
        }
    }
}

/// A job of this step with these variables more.
fn verdict(step: &Step, more: &[(&str, &str)], matrix: &[(&str, &str)]) -> Result<(), Rejection> {
    let mut job = env(&[("BUILDKITE_REPO", "repo")]);
    job.extend(env(more));
    let keys = KeySet::parse(&ed_keys()).expect("keys");
    verify(step, &job, &env(matrix), &keys)
}

fn differs(what: &str) -> Result<(), Rejection> {
    Err(Rejection::Differs(what.to_owned()))
}

#[test]
fn the_command_and_the_steps_variables_are_those_of_the_job() {
    let written = json!({"command": ["a", "b"], "env": {"X": 1}});
    let step = signed(written, &env(&[("P", "p"), ("X", "hidden")]), &ed_keys());
    let fine = [
        ("BUILDKITE_COMMAND", "a\nb"),
        ("X", "1"),
        ("P", "p"),
        ("MORE", "m"),
    ];
    assert_eq!(verdict(&step, &fine, &[]), Ok(()));
    for (name, value, rejected) in [
        ("BUILDKITE_COMMAND", "a", differs("BUILDKITE_COMMAND")),
        ("X", "2", differs("X")),
        ("P", "q", Err(Rejection::Wrong)),
        ("BUILDKITE_PLUGINS", "[\"x\"]", differs("BUILDKITE_PLUGINS")),
    ] {
        let mut job = fine.to_vec();
        job.retain(|(known, _)| *known != name);
        job.push((name, value));
        assert_eq!(verdict(&step, &job, &[]), rejected, "{name}");
    }
    let without = |name: &str| {
        let job: Vec<_> = fine
            .into_iter()
            .filter(|(known, _)| *known != name)
            .collect();
        verdict(&step, &job, &[])
    };
    assert_eq!(without("X"), differs("X"));
    assert_eq!(
        without("P"),
        Err(Rejection::NoSuchField("env::P".to_owned()))
    );
    assert_eq!(without("MORE"), Ok(()));
}

#[test]
fn plugins_are_equal_in_any_order_of_keys_and_no_plugins_are_written_in_many_ways() {
    let written = json!({"command": "c", "plugins": [{"p#1": {"a": 1, "b": [1.0]}}, "q"]});
    let step = signed(written, &Env::new(), &ed_keys());
    let full = "github.com/buildkite-plugins";
    for (plugins, same) in [
        (
            format!(
                r#"[{{"{full}/p-buildkite-plugin#1":{{"b":[1],"a":1}}}},{{"{full}/q-buildkite-plugin":null}}]"#
            ),
            true,
        ),
        (
            format!(
                r#"[{{"{full}/q-buildkite-plugin":null}},{{"{full}/p-buildkite-plugin#1":{{"b":[1],"a":1}}}}]"#
            ),
            false,
        ),
        (String::new(), false),
        ("{".to_owned(), false),
    ] {
        let job = [("BUILDKITE_COMMAND", "c"), ("BUILDKITE_PLUGINS", &plugins)];
        assert_eq!(verdict(&step, &job, &[]).is_ok(), same, "{plugins}");
    }
    let none = signed(
        json!({"command": "c", "plugins": []}),
        &Env::new(),
        &ed_keys(),
    );
    for plugins in ["", "null", "[]"] {
        let job = [("BUILDKITE_COMMAND", "c"), ("BUILDKITE_PLUGINS", plugins)];
        assert_eq!(verdict(&none, &job, &[]), Ok(()), "{plugins:?}");
    }
}

#[test]
fn a_job_of_a_matrix_has_its_values_and_no_others() {
    let written = json!({
        "command": "go {{matrix}}", "matrix": ["a", "b"], "env": {"V": "{{ matrix }}"},
    });
    let step = signed(written, &Env::new(), &ed_keys());
    let job = |value| [("BUILDKITE_COMMAND", value), ("V", "a")];
    assert_eq!(verdict(&step, &job("go a"), &[("", "a")]), Ok(()));
    let other = verdict(&step, &job("go b"), &[("", "a")]);
    assert_eq!(other, differs("BUILDKITE_COMMAND"));
    for values in [&[("", "c")][..], &[], &[("x", "a")]] {
        let verdict = verdict(&step, &job("go c"), values);
        assert!(matches!(verdict, Err(Rejection::Matrix(_))), "{values:?}");
    }
    let unknown = signed(
        json!({"command": "{{matrix.os}}", "matrix": ["a"]}),
        &Env::new(),
        &ed_keys(),
    );
    let verdict = verdict(&unknown, &[], &[("", "a")]);
    assert!(matches!(verdict, Err(Rejection::Matrix(_))));
}

#[test]
fn secrets_and_checkout_are_signed_and_a_job_may_not_check_out_in_another_way() {
    let written = json!({
        "command": "c",
        "secrets": ["A"],
        "checkout": {"skip": true, "flags": {"clone": "--depth 1"}, "depth": 2},
    });
    let step = signed(written, &Env::new(), &ed_keys());
    let fields = &step.signature().expect("signature").signed_fields;
    assert!(fields.contains(&"secrets".to_owned()) && fields.contains(&"checkout".to_owned()));
    let job = |name, value| verdict(&step, &[("BUILDKITE_COMMAND", "c"), (name, value)], &[]);
    assert_eq!(job("BUILDKITE_SKIP_CHECKOUT", "true"), Ok(()));
    assert_eq!(job("OTHER", ""), Ok(()));
    let skip = "BUILDKITE_SKIP_CHECKOUT";
    assert_eq!(job(skip, "false"), differs(skip));
    let flags = "BUILDKITE_GIT_CLONE_FLAGS";
    assert_eq!(job(flags, "--depth 1"), Ok(()));
    assert_eq!(job(flags, "--upload-pack=evil"), differs(flags));
}

#[test]
fn a_changed_step_and_a_changed_signature_are_rejected() {
    let step = |change: &dyn Fn(&mut Value)| {
        let mut written = json!({"command": "c", "secrets": ["A"]});
        let key = SigningKey::parse(&ed_keys(), None).expect("key");
        let signature = sign(&read(&written), "repo", &Env::new(), &key).expect("signature");
        written["signature"] = serde_json::to_value(signature).expect("json");
        change(&mut written);
        verdict(&read(&written), &[("BUILDKITE_COMMAND", "c")], &[])
    };
    let fields = |fields: &[&str]| {
        let fields = json!(fields);
        step(&|written| written["signature"]["signed_fields"] = fields.clone())
    };
    let five = ["command", "env", "matrix", "plugins", "repository_url"];
    let and = |more: &[&'static str]| [&five[..], more].concat();
    assert_eq!(step(&|_| ()), Ok(()));
    assert_eq!(fields(&[]), Err(Rejection::NoFields));
    assert_eq!(
        fields(&five),
        Err(Rejection::NotSigned("secrets".to_owned()))
    );
    assert_eq!(
        fields(&five[1..]),
        Err(Rejection::NotSigned("command".to_owned()))
    );
    let unknown = Err(Rejection::NoSuchField("label".to_owned()));
    assert_eq!(fields(&and(&["secrets", "label"])), unknown);
    assert_eq!(
        step(&|step| step["signature"] = Value::Null),
        Err(Rejection::NoSignature)
    );
    for change in [
        &(|step: &mut Value| step["secrets"] = json!(["B"])) as &dyn Fn(&mut Value),
        &|step| step["env"] = json!({"A": ""}),
        &|step| step["matrix"] = json!(["a"]),
        &|step| step["signature"]["algorithm"] = json!("ES512"),
        &|step| step["signature"]["value"] = json!(""),
        &|step| step["signature"]["value"] = json!("a..b"),
        &|step| {
            let value = step["signature"]["value"].as_str().expect("text");
            step["signature"]["value"] = value.replace("..", ".e30.").into();
        },
        // Another key's id, and an algorithm that is none.
        &|step| {
            let value = step["signature"]["value"].as_str().expect("text");
            let signature = value.split_once("..").expect("detached").1;
            let header = "eyJhbGciOiJFZERTQSIsImtpZCI6Im90aGVyIn0";
            step["signature"]["value"] = format!("{header}..{signature}").into();
        },
        &|step| step["signature"]["value"] = json!("eyJhbGciOiJub25lIn0.."),
    ] {
        assert_eq!(step(change), Err(Rejection::Wrong));
    }
}

#[test]
fn a_signature_without_a_key_id_may_be_by_any_key_of_the_set() {
    let mut keys: Value = serde_json::from_str(&ed_keys()).expect("json");
    let named = keys.clone();
    keys["keys"][0]
        .as_object_mut()
        .expect("key")
        .shift_remove("kid");
    let step = signed(json!({"command": "c"}), &Env::new(), &keys.to_string());
    let set = json!({"keys": [random_keys()["ES512"]["keys"][0], named["keys"][0]]});
    let job = env(&[("BUILDKITE_REPO", "repo"), ("BUILDKITE_COMMAND", "c")]);
    let set = KeySet::parse(&set.to_string()).expect("set");
    assert_eq!(verify(&step, &job, &Permutation::new(), &set), Ok(()));
}

#[test]
fn shared_secrets_verify_and_do_not_sign() {
    let keys = r#"{"keys":[{"alg":"HS256","kid":"h","kty":"oct","k":"c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0ISE"}]}"#;
    assert!(matches!(
        SigningKey::parse(keys, None),
        Err(KeyError::Unknown { .. })
    ));
    let mut written = json!({"command": "c"});
    let hs = Algorithm::named("HS256").expect("algorithm");
    let prepared = prepare(&read(&written), "repo", &Env::new(), hs, Some("h"));
    let secret = b"secret secret secret secret!!";
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
    let tag = aws_lc_rs::hmac::sign(&key, prepared.input());
    written["signature"] = serde_json::to_value(prepared.finish(tag.as_ref())).expect("json");
    let job = env(&[("BUILDKITE_REPO", "repo"), ("BUILDKITE_COMMAND", "c")]);
    let set = KeySet::parse(keys).expect("set");
    let verdict = verify(&read(&written), &job, &Permutation::new(), &set);
    assert_eq!(verdict, Ok(()));
}

#[test]
fn a_key_of_a_key_service_verifies_what_the_service_signed() {
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    let service = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("key");
    let mut written = json!({"command": "c"});
    let prepared = prepare(&read(&written), "repo", &Env::new(), Algorithm::ES256, None);
    let random = aws_lc_rs::rand::SystemRandom::new();
    let signature = service.sign(&random, prepared.input()).expect("signature");
    written["signature"] = serde_json::to_value(prepared.finish(signature.as_ref())).expect("json");
    let der = service.public_key().as_der().expect("der");
    let set = KeySet::of_service(der.as_ref()).expect("set");
    let job = env(&[("BUILDKITE_REPO", "repo"), ("BUILDKITE_COMMAND", "c")]);
    let step = read(&written);
    assert_eq!(verify(&step, &job, &Permutation::new(), &set), Ok(()));
    let other = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("key");
    let der = other.public_key().as_der().expect("der");
    let set = KeySet::of_service(der.as_ref()).expect("set");
    assert_eq!(
        verify(&step, &job, &Permutation::new(), &set),
        Err(Rejection::Wrong)
    );
    assert!(KeySet::of_service(b"no key").is_err());
}

#[test]
fn the_key_that_signs_is_named_or_the_only_one_and_has_its_private_part() {
    let parse = |keys: &Value, id| SigningKey::parse(&keys.to_string(), id).map(|_| ());
    let all = random_keys();
    let both = json!({"keys": [all["ES512"]["keys"][0], all["PS512"]["keys"][0]]});
    assert_eq!(parse(&both, Some("ps-one")), Ok(()));
    assert_eq!(parse(&both, None), Err(KeyError::Several(2)));
    assert_eq!(
        parse(&both, Some("x")),
        Err(KeyError::NoSuchId("x".to_owned()))
    );
    assert_eq!(parse(&json!({"keys": []}), None), Err(KeyError::Empty));
    for name in ["ES512", "PS512"] {
        let mut public = all[name]["keys"][0].clone();
        public.as_object_mut().expect("key").shift_remove("d");
        let error = parse(&public, None).expect_err("public").to_string();
        assert!(error.contains("public key"), "{error}");
        let mut broken = all[name]["keys"][0].clone();
        broken["d"] = "AQAB".into();
        assert!(parse(&broken, None).is_err(), "{name}");
    }
}

//! Every algorithm with every key, and signatures, variables, plugins and matrices written in all the
//! ways that a stranger would try. The keys are for tests only.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPairComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
    RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
    RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use shared_signing::{
    Algorithm, KeySet, Rejection, SigningKey, Step, permutation, prepare, sign, verify,
};

/// Private keys by algorithm: those of files.
fn file_keys() -> BTreeMap<String, Value> {
    let mut keys: BTreeMap<String, Value> =
        serde_json::from_str(include_str!("fixtures/keys.json")).expect("fixtures");
    let signed: Value = serde_json::from_str(include_str!("fixtures/signed.json")).expect("json");
    keys.insert("EdDSA".to_owned(), signed[0]["keys"].clone());
    let first = |set: Value| set["keys"][0].clone();
    keys.into_iter()
        .map(|(name, set)| (name, first(set)))
        .collect()
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = pairs.iter().map(|&(k, v)| (k.to_owned(), v.to_owned()));
    pairs.collect()
}

/// The step with a signature by the Ed25519 key.
fn signed(mut step: Value, env: &[(&str, &str)]) -> Value {
    let key = SigningKey::parse(&file_keys()["EdDSA"].to_string(), None).expect("key");
    let read = Step::read(&step).expect("step");
    let signature = sign(&read, "repo", &pairs(env), &key).expect("signature");
    step["signature"] = serde_json::to_value(signature).expect("json");
    step
}

/// What becomes of a job of this step with these variables more, verified with this key.
fn judged(
    step: &Value,
    job: &[(&str, &str)],
    matrix: &Value,
    key: &Value,
) -> Result<(), Rejection> {
    let mut variables = pairs(&[("BUILDKITE_REPO", "repo"), ("BUILDKITE_COMMAND", "c")]);
    variables.extend(pairs(job));
    let step = Step::read(step).expect("step");
    let values = permutation(matrix).expect("permutation");
    let keys = KeySet::parse(&key.to_string()).expect("keys");
    verify(&step, &variables, &values, &keys)
}

fn verdict(step: &Value, job: &[(&str, &str)], matrix: &Value) -> Result<(), Rejection> {
    judged(step, job, matrix, &file_keys()["EdDSA"])
}

/// One key: how it signs, and its public half without `alg` and `kid`.
type Signer = (Box<dyn Fn(&[u8]) -> Vec<u8>>, Value);

fn curve(algorithm: &'static EcdsaSigningAlgorithm, name: &str) -> Signer {
    let pair = EcdsaKeyPair::generate(algorithm).expect("key");
    let point = pair.public_key().as_ref();
    let (x, y) = point[1..].split_at(point.len() / 2);
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    let public = json!({"kty": "EC", "crv": name, "x": x, "y": y});
    let sign = move |input: &[u8]| {
        let signature = pair.sign(&SystemRandom::new(), input).expect("signature");
        signature.as_ref().to_vec()
    };
    (Box::new(sign), public)
}

fn rsa(encoding: &'static dyn RsaEncoding) -> Signer {
    let jwk = file_keys()["PS512"].clone();
    let part = |name: &str| {
        URL_SAFE_NO_PAD
            .decode(jwk[name].as_str().expect("text"))
            .expect("part")
    };
    let pair = RsaKeyPair::from_components(&KeyPairComponents {
        public_key: RsaPublicKeyComponents {
            n: part("n"),
            e: part("e"),
        },
        d: part("d"),
        p: part("p"),
        q: part("q"),
        dP: part("dp"),
        dQ: part("dq"),
        qInv: part("qi"),
    });
    let pair = pair.expect("key");
    let public = json!({"kty": "RSA", "n": jwk["n"], "e": jwk["e"]});
    let sign = move |input: &[u8]| {
        let mut signature = vec![0; pair.public_modulus_len()];
        let random = SystemRandom::new();
        pair.sign(encoding, &random, input, &mut signature)
            .expect("signature");
        signature
    };
    (Box::new(sign), public)
}

fn secret(algorithm: hmac::Algorithm) -> Signer {
    let key = hmac::Key::new(algorithm, b"a secret of many bytes");
    let public = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode("a secret of many bytes")});
    (
        Box::new(move |input| hmac::sign(&key, input).as_ref().to_vec()),
        public,
    )
}

/// Algorithms that only verify.
fn signers() -> Vec<(&'static str, Signer)> {
    vec![
        ("ES256", curve(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256")),
        ("ES384", curve(&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384")),
        ("PS256", rsa(&RSA_PSS_SHA256)),
        ("PS384", rsa(&RSA_PSS_SHA384)),
        ("PS512", rsa(&RSA_PSS_SHA512)),
        ("RS256", rsa(&RSA_PKCS1_SHA256)),
        ("RS384", rsa(&RSA_PKCS1_SHA384)),
        ("RS512", rsa(&RSA_PKCS1_SHA512)),
        ("HS256", secret(hmac::HMAC_SHA256)),
        ("HS384", secret(hmac::HMAC_SHA384)),
        ("HS512", secret(hmac::HMAC_SHA512)),
    ]
}

#[test]
fn each_algorithm_verifies_with_its_own_keys_only() {
    let signers = signers();
    let mut keys = file_keys();
    for (name, (_, public)) in &signers {
        let mut key = public.clone();
        key["alg"] = (*name).into();
        keys.insert((*name).to_owned(), key);
    }
    assert_eq!(keys.len(), 13);
    let step = json!({"command": "c"});
    for (name, (sign, _)) in &signers {
        let algorithm = Algorithm::named(name).expect("algorithm");
        let read = Step::read(&step).expect("step");
        let prepared = prepare(&read, "repo", &BTreeMap::new(), algorithm, None);
        let signature = prepared.finish(&sign(prepared.input()));
        let mut step = step.clone();
        step["signature"] = serde_json::to_value(signature).expect("json");
        for (other, key) in &keys {
            let verdict = judged(&step, &[], &Value::Null, key);
            let own = other == name;
            let wanted = if own { Ok(()) } else { Err(Rejection::Wrong) };
            assert_eq!(verdict, wanted, "{name} with {other}");
            // A key of another kind cannot call itself one of this algorithm.
            let mut relabeled = key.clone();
            relabeled["alg"] = (*name).into();
            // RSA and secrets are the same key for all of their algorithms.
            let same = key["kty"] == keys[*name]["kty"] && (own || key["kty"] != "EC");
            let keys = KeySet::parse(&relabeled.to_string());
            assert_eq!(keys.is_ok(), same, "{name} with {other} relabeled");
        }
    }
}

#[test]
fn ids_of_keys_rule_out_and_nothing_more() {
    let key = |id: Option<&str>| {
        let mut key = file_keys()["EdDSA"].clone();
        key["kid"] = json!(id);
        key
    };
    let other = |id: &str| {
        let mut key = file_keys()["ES512"].clone();
        key["kid"] = id.into();
        key
    };
    for (signs, verifies, good) in [
        (Some("a"), vec![key(Some("a"))], true),
        (Some("a"), vec![key(Some("b"))], false),
        (Some("a"), vec![key(None)], true),
        (None, vec![key(Some("a"))], true),
        (None, vec![key(None)], true),
        (Some("a"), vec![key(Some("b")), key(Some("a"))], true),
        // The same id twice, and the first is of another algorithm.
        (Some("a"), vec![other("a"), key(Some("a"))], true),
        (Some("a"), vec![other("a"), key(Some("b"))], false),
    ] {
        let signing = SigningKey::parse(&key(signs).to_string(), None).expect("key");
        let mut step = json!({"command": "c"});
        let read = Step::read(&step).expect("step");
        let signature = sign(&read, "repo", &BTreeMap::new(), &signing).expect("signature");
        step["signature"] = serde_json::to_value(signature).expect("json");
        let set = json!({ "keys": verifies });
        let verdict = judged(&step, &[], &Value::Null, &set);
        assert_eq!(verdict.is_ok(), good, "{signs:?} and {set}");
    }
}

#[test]
fn a_value_that_is_written_in_another_way_is_wrong() {
    let step = signed(json!({"command": "c"}), &[]);
    let value = step["signature"]["value"]
        .as_str()
        .expect("text")
        .to_owned();
    let (header, signature) = value.split_once("..").expect("detached");
    let bytes = URL_SAFE_NO_PAD.decode(signature).expect("base64");
    let with_header = |header: &str| format!("{}..{signature}", URL_SAFE_NO_PAD.encode(header));
    let with_bytes = |bytes: &[u8]| format!("{header}..{}", URL_SAFE_NO_PAD.encode(bytes));
    let mut flipped = bytes.clone();
    flipped[0] ^= 1;
    assert_eq!(verdict(&step, &[], &Value::Null), Ok(()));
    for value in [
        String::new(),
        "..".to_owned(),
        header.to_owned(),
        format!("{header}."),
        format!("{header}.."),
        format!("..{signature}"),
        format!("{header}.{signature}"),
        format!("{header}...{signature}"),
        format!("{header}..{signature}."),
        format!("{header}..{signature}.{signature}"),
        format!("{header}.e30.{signature}"),
        format!("{header}=..{signature}"),
        format!("{header}..{signature}=="),
        format!("{header}..{signature} "),
        format!("é..{signature}"),
        with_bytes(&flipped),
        with_bytes(&bytes[1..]),
        with_bytes(&[&bytes[..], &[0]].concat()),
        with_bytes(&[0; 64]),
        with_header(r#"{"alg":"none"}"#),
        with_header(r#"{"alg":"eddsa"}"#),
        with_header(r#"{"alg":"HS256"}"#),
        with_header(r#"{"alg":null}"#),
        with_header(r#"{"alg":["EdDSA"]}"#),
        with_header(r#"{"alg":"none","alg":"EdDSA"}"#),
        with_header(r#"["EdDSA"]"#),
        with_header(""),
    ] {
        let mut step = step.clone();
        step["signature"]["value"] = value.as_str().into();
        let verdict = verdict(&step, &[], &Value::Null);
        assert_eq!(verdict, Err(Rejection::Wrong), "{value}");
    }
}

#[test]
fn the_list_of_signed_fields_is_neither_shorter_nor_longer_than_it_was() {
    let step = signed(json!({"command": "c", "env": {"S": "s"}}), &[("P", "p")]);
    let job = [("S", "s"), ("P", "p"), ("J", "j")];
    let all = [
        "command",
        "env",
        "env::P",
        "matrix",
        "plugins",
        "repository_url",
    ];
    let with = |fields: &[&str]| {
        let mut step = step.clone();
        step["signature"]["signed_fields"] = json!(fields);
        verdict(&step, &job, &Value::Null)
    };
    let and = |more: &'static str| [&all[..], &[more]].concat();
    assert_eq!(with(&all), Ok(()));
    let mut turned = all;
    turned.reverse();
    assert_eq!(with(&turned), Ok(()));
    assert_eq!(with(&and("command")), Ok(()));
    for required in all.into_iter().filter(|name| *name != "env::P") {
        let less: Vec<_> = all.into_iter().filter(|name| *name != required).collect();
        let missing = Err(Rejection::NotSigned(required.to_owned()));
        assert_eq!(with(&less), missing, "{required}");
    }
    let less: Vec<_> = all.into_iter().filter(|name| *name != "env::P").collect();
    assert_eq!(with(&less), Err(Rejection::Wrong));
    for name in ["env::J", "secrets", "checkout"] {
        assert_eq!(with(&and(name)), Err(Rejection::Wrong), "{name}");
    }
    for name in [
        "env::S",
        "env::NONE",
        "env::",
        "env:P",
        "Command",
        "",
        "label",
        "signature",
    ] {
        let unknown = Err(Rejection::NoSuchField(name.to_owned()));
        assert_eq!(with(&and(name)), unknown, "{name}");
    }
    let mut empty = step.clone();
    empty["signature"] = json!({});
    assert_eq!(
        verdict(&empty, &job, &Value::Null),
        Err(Rejection::NoFields)
    );
}

#[test]
fn plugins_are_the_same_in_each_form_and_none_is_none() {
    let full = "github.com/buildkite-plugins/p-buildkite-plugin#v1";
    let job = format!(r#"[{{"{full}":null}}]"#);
    let forms = [
        json!(["p#v1"]),
        json!([{"p#v1": null}]),
        json!([{"p#v1": {}}]),
        json!({"p#v1": null}),
        json!([{ full: null }]),
    ];
    let none = [json!(null), json!([]), json!({})];
    let step = |plugins: &Value| json!({"command": "c", "plugins": plugins});
    let moved = |signed: &Value, plugins: &Value| {
        let mut step = step(plugins);
        step["signature"] = signed["signature"].clone();
        step
    };
    for (same, job, other) in [(&forms[..], job.as_str(), "[]"), (&none, "", job.as_str())] {
        let first = signed(step(&same[0]), &[]);
        for plugins in same {
            let step = moved(&first, plugins);
            let run = |job| verdict(&step, &[("BUILDKITE_PLUGINS", job)], &Value::Null);
            assert_eq!(run(job), Ok(()), "{plugins}");
            assert!(
                matches!(run(other), Err(Rejection::Differs(_))),
                "{plugins}"
            );
        }
    }
    let mut absent = signed(step(&Value::Null), &[]);
    absent
        .as_object_mut()
        .expect("step")
        .shift_remove("plugins");
    assert_eq!(verdict(&absent, &[], &Value::Null), Ok(()));
    // What the job has is compared as it is.
    let one = signed(step(&forms[0]), &[]);
    for job in [
        "",
        "null",
        "{}",
        "[ ]",
        "[",
        r#"["p#v1"]"#,
        r#"[{"p#v1":null}]"#,
    ] {
        let verdict = verdict(&one, &[("BUILDKITE_PLUGINS", job)], &Value::Null);
        assert!(matches!(verdict, Err(Rejection::Differs(_))), "{job}");
    }
}

#[test]
fn a_matrix_fills_command_variables_and_plugins() {
    let written = json!({
        "command": "{{matrix.os}} {{ matrix.v }}",
        "env": {"OS": "{{ matrix.os }}-{{matrix.v}}"},
        "plugins": [{"./{{matrix.os}}": {"{{matrix.v}}": ["{{matrix.os}}"]}}],
        "matrix": {
            "setup": {"os": ["x", "y"], "v": [1, true]},
            "adjustments": [
                {"with": {"os": "z", "v": 9}},
                {"with": {"os": "y", "v": 1}, "skip": true},
            ],
        },
    });
    let step = signed(written, &[]);
    let run = |os: &str, v: &str, values: Value| {
        let plugins = format!(r#"[{{"./{os}":{{"{v}":["{os}"]}}}}]"#);
        let (command, variable) = (format!("{os} {v}"), format!("{os}-{v}"));
        let job = [
            ("BUILDKITE_COMMAND", command.as_str()),
            ("OS", &variable),
            ("BUILDKITE_PLUGINS", &plugins),
        ];
        verdict(&step, &job, &values)
    };
    assert_eq!(run("x", "1", json!({"os": "x", "v": "1"})), Ok(()));
    assert_eq!(run("x", "1", json!({"v": 1, "os": "x"})), Ok(()));
    assert_eq!(run("x", "true", json!({"os": "x", "v": true})), Ok(()));
    assert_eq!(run("z", "9", json!({"os": "z", "v": 9})), Ok(()));
    for values in [
        json!(null),
        json!({}),
        json!({"os": "x"}),
        json!({"os": "x", "v": 2}),
        json!({"os": "z", "v": 1}),
        json!({"os": "y", "v": 1}),
        json!({"os": "x", "v": 1, "w": 1}),
        json!({"": "x", "v": 1}),
    ] {
        let verdict = run("x", "1", values.clone());
        assert!(matches!(verdict, Err(Rejection::Matrix(_))), "{values}");
    }
    // One of the matrix, but not the one that it says it is.
    let other = run("x", "1", json!({"os": "x", "v": true}));
    assert!(matches!(other, Err(Rejection::Differs(_))));
    assert!(permutation(&json!(["x"])).is_err() && permutation(&json!({"os": ["x"]})).is_err());
    let plain = signed(json!({"command": "c"}), &[]);
    assert_eq!(verdict(&plain, &[], &json!({})), Ok(()));
    let none = verdict(&plain, &[], &json!({"os": "x"}));
    assert!(matches!(none, Err(Rejection::Matrix(_))));
    // Values are put in once: they may look like tokens.
    let tokens = signed(
        json!({"command": "{{matrix}}", "matrix": ["{{matrix}}"]}),
        &[],
    );
    let job = [("BUILDKITE_COMMAND", "{{matrix}}")];
    assert_eq!(verdict(&tokens, &job, &json!({"": "{{matrix}}"})), Ok(()));
}

#[test]
fn a_refusal_is_one_line_whatever_the_variables_are_called() {
    let step = signed(json!({"command": "c", "env": {"A\n+++ forged": "1"}}), &[]);
    let refusal = verdict(&step, &[], &Value::Null).expect_err("differs");
    assert!(!refusal.to_string().contains('\n'), "{refusal}");
    let mut odd = step.clone();
    let fields = odd["signature"]["signed_fields"].as_array_mut();
    fields.expect("list").push("A\n+++ forged".into());
    let refusal = verdict(&odd, &[], &Value::Null).expect_err("unknown");
    assert!(!refusal.to_string().contains('\n'), "{refusal}");
}

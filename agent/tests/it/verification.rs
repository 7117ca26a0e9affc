//! Jobs whose steps are signed, or should be. The keys are for tests only.

use std::collections::BTreeMap;
use std::path::Path;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use shared_signing::{Algorithm, SigningKey, Step, prepare, sign};

use crate::agent::{Bench, Ended};
use crate::endpoint::{Endpoint, disconnect, offer, ok};

/// Private sets of keys by algorithm.
fn keys() -> BTreeMap<String, Value> {
    serde_json::from_str(include_str!("../fixtures/signing-keys.json")).unwrap()
}

/// A step with its signature by the key of this algorithm.
fn signed(algorithm: &str, mut step: Value) -> Value {
    let key = SigningKey::parse(&keys()[algorithm].to_string(), None).unwrap();
    let read = Step::read(&step).unwrap();
    let signature = sign(&read, "repo", &BTreeMap::new(), &key).unwrap();
    step["signature"] = serde_json::to_value(signature).unwrap();
    step
}

/// Writes the public keys of these algorithms; the flag that verifies with them.
fn verify_with(bench: &Bench, algorithms: &[&str]) -> String {
    let all = keys();
    let public = algorithms.iter().map(|name| {
        let mut key = all[*name]["keys"][0].clone();
        for private in ["d", "p", "q", "dp", "dq", "qi"] {
            key.as_object_mut().unwrap().remove(private);
        }
        key
    });
    let set = json!({"keys": public.collect::<Vec<_>>()});
    let file = bench.path("jwks.json");
    std::fs::write(&file, set.to_string()).unwrap();
    format!("--verification-jwks-file={}", file.display())
}

/// What a job is reported as, and its log. It leaves a file if it runs.
struct Done {
    finish: Value,
    log: String,
    ran: bool,
    ended: Ended,
}

impl Done {
    fn rejected(&self) -> bool {
        self.finish["signal_reason"] == "signature_rejected"
            && self.finish["exit_status"] == "-1"
            && !self.ran
            && self
                .log
                .contains("+++ ⛔ Job signature verification failed\n")
    }

    fn succeeded(&self) -> bool {
        self.finish["exit_status"] == "0" && self.ran
    }
}

async fn job(bench: &Bench, args: &[&str], job: &Value) -> Done {
    let endpoint = Endpoint::start().await;
    job_at(&endpoint, bench, args, &[], job).await
}

async fn job_at(
    endpoint: &Endpoint,
    bench: &Bench,
    args: &[&str],
    env: &[(&str, &str)],
    job: &Value,
) -> Done {
    endpoint.on("GET /v3/ping", [offer("j1"), disconnect()]);
    let mut answer = json!({
        "id": "j1",
        "env": {"BUILDKITE_REPO": "repo", "BUILDKITE_COMMAND": "c"},
        "step": {},
    });
    for (name, value) in job.as_object().unwrap() {
        match (value, answer.get_mut(name)) {
            (Value::Object(more), Some(Value::Object(known))) => known.extend(more.clone()),
            _ => answer[name] = value.clone(),
        }
    }
    endpoint.on("PUT /v3/jobs/j1/accept", [ok(&answer)]);
    bench.executor("touch ran");
    let agent = bench.start_with(endpoint, args, env);
    let finish = endpoint.wait("PUT /v3/jobs/j1/finish", 1).await[0].json();
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    Done {
        finish,
        log: endpoint.log("j1"),
        ran: bench.path("builds/ran").exists(),
        ended,
    }
}

#[tokio::test]
async fn a_job_signed_with_any_algorithm_runs_and_with_an_unknown_key_does_not() {
    let step = json!({"command": "c"});
    for algorithm in ["EdDSA", "ES512", "PS512"] {
        let bench = Bench::new();
        let flag = verify_with(&bench, &["EdDSA", "ES512", "PS512"]);
        let signed = json!({"step": signed(algorithm, step.clone())});
        let done = job(&bench, &[&flag], &signed).await;
        assert!(done.succeeded(), "{algorithm}: {}", done.log);
        let value = signed["step"]["signature"]["value"].as_str().unwrap();
        let said = [
            "~~~ ✅ Job signature verified\n",
            &format!("signature: {value}\n"),
        ];
        let said = said.iter().all(|line| done.log.contains(line));
        assert!(said, "{algorithm}: {}", done.log);

        let bench = Bench::new();
        let others = ["EdDSA", "ES512", "PS512"].into_iter();
        let others: Vec<_> = others.filter(|other| *other != algorithm).collect();
        let flag = verify_with(&bench, &others);
        let done = job(&bench, &[&flag], &signed).await;
        assert!(done.rejected(), "{algorithm}: {}", done.log);
        assert!(
            done.log.contains(&format!("signature: {value}\n")),
            "{}",
            done.log
        );
    }
}

#[tokio::test]
async fn a_job_that_is_not_what_was_signed_is_rejected() {
    let step = signed("EdDSA", json!({"command": "c", "env": {"A": "1"}}));
    let matrix = signed(
        "EdDSA",
        json!({"command": "{{matrix}}", "matrix": ["c", "d"]}),
    );
    let env = json!({"A": "1"});
    for (changed, why) in [
        (json!({"step": {"command": "c"}}), "no signature in job"),
        (
            json!({"step": step, "env": {"A": "1", "BUILDKITE_COMMAND": "d"}}),
            "BUILDKITE_COMMAND differs",
        ),
        (json!({"step": step, "env": {"A": "2"}}), "A differs"),
        (
            json!({"step": step, "env": {"A": "1", "BUILDKITE_REPO": "x"}}),
            "verification failed",
        ),
        (
            json!({"step": step, "env": {"A": "1", "BUILDKITE_PLUGINS": "[\"x\"]"}}),
            "BUILDKITE_PLUGINS differs",
        ),
        (
            json!({"step": matrix, "matrix_permutation": {"": "e"}}),
            "matrix",
        ),
        (
            json!({"step": matrix, "matrix_permutation": {"": "d"}}),
            "BUILDKITE_COMMAND differs",
        ),
        (json!({"step": matrix}), "matrix"),
        (
            json!({"step": {"command": "d", "signature": step["signature"]}, "env": env}),
            "verification failed",
        ),
        (
            json!({"step": {"command": {"odd": 1}, "signature": step["signature"]}}),
            "cannot be read",
        ),
    ] {
        let bench = Bench::new();
        let flag = verify_with(&bench, &["EdDSA"]);
        let done = job(&bench, &[&flag], &changed).await;
        assert!(done.rejected(), "{why}: {} {}", done.finish, done.log);
        assert!(done.log.contains(why), "{why}: {}", done.log);
    }
}

#[tokio::test]
async fn whatever_is_signed_is_verified_and_the_job_runs() {
    let full = signed(
        "EdDSA",
        json!({
            "commands": ["c"],
            "plugins": ["p#1"],
            "secrets": ["S"],
            "checkout": {"skip": true},
            "matrix": {"setup": {"os": ["x"]}},
            "env": {"V": "{{matrix.os}}"},
            "label": "{{matrix.os}}",
        }),
    );
    let bench = Bench::new();
    let flag = verify_with(&bench, &["EdDSA"]);
    let plugins = r#"[{"github.com/buildkite-plugins/p-buildkite-plugin#1":null}]"#;
    let offered = json!({
        "step": full,
        "matrix_permutation": {"os": "x"},
        "env": {"V": "x", "BUILDKITE_PLUGINS": plugins},
    });
    let done = job(&bench, &[&flag], &offered).await;
    assert!(done.succeeded(), "{}", done.log);
}

#[tokio::test]
async fn told_to_warn_the_agent_runs_what_it_cannot_verify_but_not_what_it_cannot_read() {
    let warn = "--verification-failure-behavior=warn";
    let step = signed("EdDSA", json!({"command": "c"}));
    let other = json!({"step": step, "env": {"BUILDKITE_COMMAND": "d"}});
    for (offered, keys) in [
        (json!({}), true),
        (other, true),
        (json!({"step": step}), false),
    ] {
        let bench = Bench::new();
        let flag = verify_with(&bench, &["EdDSA"]);
        let args = if keys { vec![warn, &flag] } else { vec![warn] };
        let done = job(&bench, &args, &offered).await;
        assert!(done.succeeded(), "{}", done.log);
        assert!(
            done.log
                .contains("+++ ⚠️ Job signature verification failed\n"),
            "{}",
            done.log
        );
        assert!(
            done.log.contains("Job will be run without verification\n"),
            "{}",
            done.log
        );
    }
    let bench = Bench::new();
    let flag = verify_with(&bench, &["EdDSA"]);
    let odd = json!({"step": {"env": "odd", "signature": step["signature"]}});
    assert!(job(&bench, &[warn, &flag], &odd).await.rejected());
}

#[tokio::test]
async fn without_keys_a_signed_job_is_rejected_and_another_is_not_looked_at() {
    let bench = Bench::new();
    let step = signed("EdDSA", json!({"command": "c"}));
    let done = job(&bench, &[], &json!({"step": step})).await;
    assert!(done.rejected(), "{}", done.log);
    assert!(
        done.log
            .contains("cannot verify signature. JWK for pipeline verification is not configured"),
        "{}",
        done.log
    );
    let bench = Bench::new();
    let done = job(&bench, &[], &json!({"step": {"command": "other"}})).await;
    assert!(
        done.succeeded() && !done.log.contains("signature"),
        "{}",
        done.log
    );
}

#[tokio::test]
async fn what_was_signed_is_logged_on_demand() {
    let step = signed("EdDSA", json!({"command": "c"}));
    for (args, logged) in [
        (&["--debug", "--debug-signing"][..], true),
        (&["--debug"], false),
    ] {
        let bench = Bench::new();
        let flag = verify_with(&bench, &["EdDSA"]);
        let args = [args, &[flag.as_str()]].concat();
        let done = job(&bench, &args, &json!({"step": step})).await;
        let payload = r#""values":{"command":"c","env":null"#;
        assert_eq!(
            done.ended.log.contains(payload),
            logged,
            "{}",
            done.ended.log
        );
    }
}

#[tokio::test]
async fn keys_that_cannot_be_used_end_the_agent_before_it_registers() {
    let ed = keys()["EdDSA"]["keys"][0].to_string();
    let without = ed.replace("\"alg\"", "\"no\"");
    for (flag, content, why) in [
        ("verification-jwks-file", None, "correct the path"),
        (
            "verification-jwks-file",
            Some("{".to_owned()),
            "no JSON at line 1",
        ),
        (
            "verification-jwks-file",
            Some(r#"{"keys":[]}"#.to_owned()),
            "no keys",
        ),
        ("verification-jwks-file", Some(without.clone()), "no `alg`"),
        ("signing-jwks-file", Some(without), "no `alg`"),
        ("verification-failure-behavior", None, "block, warn"),
    ] {
        let (endpoint, bench) = (Endpoint::start().await, Bench::new());
        let file = bench.path("keys.json");
        let write = |content: &String| std::fs::write(&file, content).unwrap();
        content.iter().for_each(write);
        let arg = format!("--{flag}={}", file.display());
        let ended = bench.start(&endpoint, &[&arg]).ended().await;
        assert_eq!(ended.code, Some(1), "{flag} {why}");
        let named = ended.log.contains(flag) && ended.log.contains(&path(&file));
        assert!(named && ended.log.contains(why), "{why}: {}", ended.log);
        assert!(!ended.log.contains("bTuDITx1"), "{}", ended.log);
        assert!(endpoint.routes().is_empty(), "{why}");
    }
}

/// A step signed by a key service of one key, and the answer in which it tells its public half.
fn signed_by_a_service() -> (Value, Value, String) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let mut step = json!({"command": "c"});
    let read = Step::read(&step).unwrap();
    let prepared = prepare(&read, "repo", &BTreeMap::new(), Algorithm::ES256, None);
    let signature = pair.sign(&SystemRandom::new(), prepared.input()).unwrap();
    let signature = prepared.finish(signature.as_ref());
    step["signature"] = serde_json::to_value(signature).unwrap();
    let der = STANDARD.encode(pair.public_key().as_der().unwrap().as_ref());
    let aws = json!({"PublicKey": der, "KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"});
    (step, aws, der)
}

#[tokio::test]
async fn keys_of_key_services_are_asked_for_once_and_come_before_files() {
    let (step, aws, der) = signed_by_a_service();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n");
    let google = json!({"pem": pem, "algorithm": "EC_SIGN_P256_SHA256"});
    let name = "projects/p/cryptoKeyVersions/1";
    let flags = [
        "--signing-aws-kms-key=alias/a",
        &format!("--signing-gcp-kms-key={name}"),
    ];
    for (flag, asked) in flags
        .into_iter()
        .zip(["POST /", "GET /v1/projects/p/cryptoKeyVersions/1/publicKey"])
    {
        let endpoint = Endpoint::start().await;
        let base = endpoint.url.trim_end_matches("/v3").to_owned();
        endpoint.on("POST /", [ok(&aws)]);
        endpoint.on(&format!("GET /v1/{name}/publicKey"), [ok(&google)]);
        let token = "/computeMetadata/v1/instance/service-accounts/default/token";
        endpoint.on(&format!("GET {token}"), [ok(&json!({"access_token": "t"}))]);
        let env = [
            ("AWS_ENDPOINT_URL_KMS", base.as_str()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS", base.as_str()),
            ("GCE_METADATA_HOST", base.trim_start_matches("http://")),
        ];
        let bench = Bench::new();
        let args = [flag, &verify_with(&bench, &["EdDSA"])];
        let done = job_at(&endpoint, &bench, &args, &env, &json!({"step": step})).await;
        assert!(done.succeeded(), "{flag}: {} {}", done.log, done.ended.log);
        assert_eq!(endpoint.asked(asked).len(), 1, "{flag}");
        assert!(
            done.log.contains("✅ Job signature verified"),
            "{}",
            done.log
        );
    }
}

#[tokio::test]
async fn a_key_service_that_says_no_ends_the_agent_before_it_registers() {
    let (endpoint, bench) = (Endpoint::start().await, Bench::new());
    let base = endpoint.url.trim_end_matches("/v3");
    endpoint.on("POST /", [crate::endpoint::status(403)]);
    let env = [
        ("AWS_ENDPOINT_URL", base),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "hidden-key"),
    ];
    let agent = bench.start_with(&endpoint, &["--signing-aws-kms-key=k"], &env);
    let ended = agent.ended().await;
    assert_eq!(ended.code, Some(1));
    let told = ended.log.contains("--signing-aws-kms-key") && ended.log.contains("403");
    assert!(told && !ended.log.contains("hidden-key"), "{}", ended.log);
    assert_eq!(endpoint.routes(), ["POST /"]);
}

fn path(file: &Path) -> String {
    file.display().to_string()
}

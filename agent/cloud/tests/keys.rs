//! Key services and what leads to them, against a scripted server.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use agent_cloud::aws::Credentials;
use agent_cloud::kms::{aws, google};
use agent_cloud::surroundings::Surroundings;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED, EcdsaKeyPair, KeyPair as _,
    RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// What the server was asked: method and path, headers, body.
type Asked = Arc<Mutex<Vec<(String, HeaderMap, String)>>>;

#[derive(Clone)]
struct Server {
    url: String,
    asked: Asked,
}

type Answers = Arc<Mutex<Vec<(String, u16, String)>>>;

/// A server with these answers by method and path and, for KMS, the action. Of several for one
/// route the first is given once.
async fn server(answers: Vec<(&str, u16, String)>) -> Server {
    let answers = answers.into_iter().map(|(r, s, b)| (r.to_owned(), s, b));
    let answers: Answers = Arc::new(Mutex::new(answers.collect()));
    let asked = Asked::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("port");
    let url = format!("http://{}", listener.local_addr().expect("address"));
    let state = (answers, Arc::clone(&asked));
    let router = Router::new().fallback(answer).with_state(state);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Server { url, asked }
}

async fn answer(
    State((answers, asked)): State<(Answers, Asked)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let action = headers
        .get("x-amz-target")
        .map(|value| value.to_str().expect("text"));
    let route = format!("{method} {}{}", uri.path(), action.unwrap_or_default());
    let body = String::from_utf8_lossy(&body).into_owned();
    asked
        .lock()
        .expect("lock")
        .push((route.clone(), headers, body));
    let mut answers = answers.lock().expect("lock");
    let mut fitting = answers
        .iter()
        .enumerate()
        .filter(|(_, answer)| answer.0 == route);
    let Some((index, found)) = fitting.next() else {
        return (StatusCode::NOT_FOUND, format!("nothing at {route}"));
    };
    let (status, text) = (found.1, found.2.clone());
    if fitting.next().is_some() {
        answers.remove(index);
    }
    (StatusCode::from_u16(status).expect("status"), text)
}

impl Server {
    fn around(&self, variables: &[(&str, &str)]) -> Surroundings {
        let mut all = BTreeMap::from([
            ("HOME".to_owned(), "/nowhere".to_owned()),
            ("AWS_ENDPOINT_URL".to_owned(), self.url.clone()),
            (
                "AWS_EC2_METADATA_SERVICE_ENDPOINT".to_owned(),
                self.url.clone(),
            ),
            (
                "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS".to_owned(),
                self.url.clone(),
            ),
            (
                "GCE_METADATA_HOST".to_owned(),
                self.url.replace("http://", ""),
            ),
        ]);
        let more = variables.iter().map(|&(k, v)| (k.to_owned(), v.to_owned()));
        all.extend(more);
        let clock = || SystemTime::UNIX_EPOCH + Duration::from_mins(24_015_636);
        Surroundings::new(all, Duration::from_secs(30), clock).expect("surroundings")
    }

    fn routes(&self) -> Vec<String> {
        let asked = self.asked.lock().expect("lock");
        asked.iter().map(|(route, ..)| route.clone()).collect()
    }

    fn headers(&self, route: &str) -> HeaderMap {
        let asked = self.asked.lock().expect("lock");
        let found = asked.iter().rev().find(|(known, ..)| known == route);
        found.expect("asked").1.clone()
    }

    fn body(&self, route: &str) -> String {
        let asked = self.asked.lock().expect("lock");
        let found = asked.iter().rev().find(|(known, ..)| known == route);
        found.expect("asked").2.clone()
    }
}

fn pair() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("key")
}

fn der(pair: &EcdsaKeyPair) -> String {
    STANDARD.encode(pair.public_key().as_der().expect("der").as_ref())
}

fn signature(pair: &EcdsaKeyPair, message: &[u8]) -> String {
    STANDARD.encode(pair.sign(&SystemRandom::new(), message).expect("signature"))
}

fn verifies(pair: &EcdsaKeyPair, message: &[u8], fixed: &[u8]) -> bool {
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key());
    public.verify(message, fixed).is_ok()
}

const KEYS: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "id"),
    ("AWS_SECRET_ACCESS_KEY", "secret"),
    ("AWS_REGION", "us-east-1"),
];
const GET: &str = "POST /TrentService.GetPublicKey";
const SIGN: &str = "POST /TrentService.Sign";

fn public(der: &str, spec: &str) -> String {
    json!({"PublicKey": der, "KeySpec": spec, "KeyUsage": "SIGN_VERIFY"}).to_string()
}

#[tokio::test]
async fn a_key_of_aws_tells_its_public_half_and_signs() {
    let pair = pair();
    let server = server(vec![
        (GET, 503, "busy".to_owned()),
        (GET, 200, public(&der(&pair), "ECC_NIST_P256")),
        (
            SIGN,
            200,
            json!({"Signature": signature(&pair, b"m")}).to_string(),
        ),
    ])
    .await;
    let key = aws::Key::new("alias/steps", server.around(&KEYS))
        .await
        .expect("key");
    let public = key.public().await.expect("public");
    assert_eq!(STANDARD.encode(public), der(&pair));
    assert_eq!(server.routes(), [GET, GET]);
    assert_eq!(server.body(GET), r#"{"KeyId":"alias/steps"}"#);
    let headers = server.headers(GET);
    let authorization = headers["authorization"].to_str().expect("text");
    let scope = "AWS4-HMAC-SHA256 Credential=id/20150830/us-east-1/kms/aws4_request, ";
    assert!(authorization.starts_with(scope), "{authorization}");
    assert!(authorization.contains("SignedHeaders=content-type;host;x-amz-date;x-amz-target"));
    let signature = key.sign(b"m").await.expect("signature");
    assert!(verifies(&pair, b"m", &signature));
    let body: Value = serde_json::from_str(&server.body(SIGN)).expect("json");
    assert_eq!(body["SigningAlgorithm"], "ECDSA_SHA_256");
    assert_eq!(body["MessageType"], "DIGEST");
}

#[tokio::test]
async fn a_key_of_aws_that_is_none_is_an_error_that_says_why() {
    for (status, answer, why, requests) in [
        (200, public("", "RSA_2048"), "RSA_2048 for SIGN_VERIFY", 1),
        (
            400,
            json!({"__type": "NotFoundException"}).to_string(),
            "NotFoundException",
            1,
        ),
        (200, "<html>".to_owned(), "cannot be understood", 1),
    ] {
        let server = server(vec![(GET, status, answer)]).await;
        let key = aws::Key::new("k", server.around(&KEYS)).await.expect("key");
        let error = key.public().await.expect_err(why).to_string();
        assert!(error.contains(why), "{error}");
        assert_eq!(server.routes().len(), requests, "{why}");
    }
}

#[tokio::test]
async fn the_first_place_that_knows_credentials_is_taken() {
    let folder = tempfile::tempdir().expect("folder");
    let file = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).expect("file");
        file.display().to_string()
    };
    let profile = "[ci]\naws_access_key_id=profile\naws_secret_access_key=s\n";
    let (profile, token) = (file("credentials", profile), file("token", "jwt\n"));
    let json =
        |id: &str| json!({"AccessKeyId": id, "SecretAccessKey": "s", "Token": "t"}).to_string();
    let sts = "<r><AccessKeyId>web</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
               <SessionToken>t</SessionToken></r>";
    let role = "/latest/meta-data/iam/security-credentials/";
    let server = server(vec![
        ("POST /", 200, sts.to_owned()),
        ("GET /container", 200, json("container")),
        ("PUT /latest/api/token", 200, "session".to_owned()),
        (&format!("GET {role}"), 200, "worker\n".to_owned()),
        (&format!("GET {role}worker"), 200, json("instance")),
    ])
    .await;
    let container = format!("{}/container", server.url);
    let files = [
        ("AWS_SHARED_CREDENTIALS_FILE", profile.as_str()),
        ("AWS_PROFILE", "ci"),
    ];
    let web = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.as_str()),
        ("AWS_ROLE_ARN", "arn"),
    ];
    let container = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "bearer"),
    ];
    let region = [("AWS_REGION", "us-east-1")];
    let places = [&KEYS[..], &files, &web, &container, &[]];
    let ids = ["id", "profile", "web", "container", "instance"];
    for (index, id) in ids.iter().enumerate() {
        let variables = [&places[index..].concat()[..], &region].concat();
        let found = Credentials::find(&server.around(&variables))
            .await
            .expect(id);
        assert_eq!(found.id, *id);
        assert_eq!(found.session.is_some(), index >= 2, "{id}");
        assert!(!format!("{found:?}").contains("\"s\""), "{found:?}");
    }
    assert!(server.body("POST /").contains("WebIdentityToken=jwt"));
    assert_eq!(server.headers("GET /container")["authorization"], "bearer");
    let session = &server.headers(&format!("GET {role}worker"))["x-aws-ec2-metadata-token"];
    assert_eq!(session, "session");
}

#[tokio::test]
async fn broken_credentials_are_an_error_and_not_somebody_elses() {
    let folder = tempfile::tempdir().expect("folder");
    let config = folder.path().join("config");
    std::fs::write(&config, "[default]\nsource_profile = other\n").expect("file");
    let config = config.display().to_string();
    for (variables, why) in [
        (vec![("AWS_ACCESS_KEY_ID", "id")], "only one is set"),
        (vec![("AWS_CONFIG_FILE", config.as_str())], "source_profile"),
        (
            vec![("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://evil/x")],
            "far away",
        ),
        (
            vec![("AWS_EC2_METADATA_DISABLED", "true")],
            "set AWS_ACCESS_KEY_ID",
        ),
    ] {
        let server = server(vec![]).await;
        let error = Credentials::find(&server.around(&variables)).await;
        let error = error.expect_err(why).to_string();
        assert!(error.contains(why), "{error}");
        assert!(server.routes().is_empty(), "{why}");
    }
}

const NAME: &str = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";

#[tokio::test]
async fn a_key_of_google_tells_its_public_half_and_signs() {
    let pair = pair();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        der(&pair)
    );
    let (get, sign) = (
        format!("GET /v1/{NAME}/publicKey"),
        format!("POST /v1/{NAME}:asymmetricSign"),
    );
    let machine = "GET /computeMetadata/v1/instance/service-accounts/default/token";
    let server = server(vec![
        (machine, 200, json!({"access_token": "machine"}).to_string()),
        (
            &get,
            200,
            json!({"pem": pem, "algorithm": "EC_SIGN_P256_SHA256"}).to_string(),
        ),
        (
            &sign,
            200,
            json!({"signature": signature(&pair, b"m")}).to_string(),
        ),
    ])
    .await;
    let key = google::Key::new(NAME, server.around(&[]))
        .await
        .expect("key");
    let public = key.public().await.expect("public");
    assert_eq!(STANDARD.encode(public), der(&pair));
    assert_eq!(server.headers(machine)["metadata-flavor"], "Google");
    assert_eq!(server.headers(&get)["authorization"], "Bearer machine");
    let signature = key.sign(b"m").await.expect("signature");
    assert!(verifies(&pair, b"m", &signature));
}

#[tokio::test]
async fn a_service_account_of_google_says_who_it_is_with_its_signature() {
    let account = RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).expect("key");
    let pkcs8: Pkcs8V1Der<'_> = account.as_der().expect("der");
    let pem = STANDARD.encode(pkcs8.as_ref());
    let server = server(vec![
        (
            "POST /token",
            200,
            json!({"access_token": "account"}).to_string(),
        ),
        (
            &format!("GET /v1/{NAME}/publicKey"),
            200,
            json!({"pem": "x", "algorithm": "RSA_SIGN_PSS_2048_SHA256"}).to_string(),
        ),
    ])
    .await;
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("account.json");
    let text = json!({
        "type": "service_account",
        "client_email": "me@example",
        "private_key_id": "kid",
        "private_key": format!("-----BEGIN PRIVATE KEY-----\n{pem}\n-----END PRIVATE KEY-----\n"),
        "token_uri": format!("{}/token", server.url),
    });
    std::fs::write(&file, text.to_string()).expect("file");
    let variables = [(
        "GOOGLE_APPLICATION_CREDENTIALS",
        file.to_str().expect("text"),
    )];
    let key = google::Key::new(NAME, server.around(&variables))
        .await
        .expect("key");
    let body = server.body("POST /token");
    let claim = body.split("assertion=").nth(1).expect("assertion");
    let (input, signature) = claim.rsplit_once('.').expect("signature");
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64");
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, account.public_key());
    public
        .verify(input.as_bytes(), &signature)
        .expect("signature");
    let claims = URL_SAFE_NO_PAD.decode(input.split('.').nth(1).expect("claims"));
    let claims: Value = serde_json::from_slice(&claims.expect("base64")).expect("json");
    assert_eq!(claims["iss"], "me@example");
    assert_eq!(claims["exp"], 1_440_938_160 + 3600);
    let error = key.public().await.expect_err("wrong key").to_string();
    assert!(error.contains("RSA_SIGN_PSS_2048_SHA256"), "{error}");
}

//! Proxies, certificates and names.

use shared_fetch::{FetchError, Fetcher, Options};

use crate::bed::{Bed, DEAD};
use crate::server::{Server, reply};

fn behind(proxy: &str) -> Fetcher {
    Fetcher::with(&Options {
        proxy: Some(proxy.to_owned()),
        ..Options::new("trireme-test/1")
    })
    .unwrap()
}

#[tokio::test]
async fn a_proxy_gets_the_question_and_the_name_of_the_client() {
    let bed = Bed::new();
    let proxy = Server::start(vec![reply("200 OK", &[], &bed.new)]).await;
    // The address of the server itself is never looked up.
    let order = bed.order(vec![bed.full(&["http://releases.invalid/full"])]);
    bed.obtain_with(&behind(&proxy.base), &order).await.unwrap();
    let asked = &proxy.requests()[0];
    assert!(
        asked.starts_with("get http://releases.invalid/full "),
        "{asked}"
    );
    assert!(asked.contains("user-agent: trireme-test/1"), "{asked}");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_an_error_that_may_end_well_later() {
    let bed = Bed::new();
    let refusal = "407 Proxy Authentication Required";
    let proxy = Server::serve(move |_| Some(reply(refusal, &[], b""))).await;
    let plain = bed.order(vec![bed.full(&["http://releases.invalid/full"])]);
    let error = bed
        .obtain_with(&behind(&proxy.base), &plain)
        .await
        .unwrap_err();
    assert!(
        matches!(error, FetchError::Server { status: 407, .. }),
        "{error}"
    );
    let secure = bed.order(vec![bed.full(&["https://releases.invalid/full"])]);
    let error = bed
        .obtain_with(&behind(&proxy.base), &secure)
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
    assert!(error.is_retryable());
    let asked = proxy.requests();
    assert!(
        asked[1].starts_with("connect releases.invalid:443"),
        "{}",
        asked[1]
    );
    let error = bed.obtain_with(&behind(DEAD), &plain).await.unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
}

#[test]
fn settings_that_cannot_be_used_are_refused_with_their_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let with = |options: Options| Fetcher::with(&options).unwrap_err().to_string();
    let certificates = || Options {
        ca_file: Some(file.clone()),
        ..Options::new("test")
    };
    assert!(with(certificates()).contains("ca.pem"));
    std::fs::write(&file, "no certificate").unwrap();
    assert!(with(certificates()).contains("there is none"));
    let proxy = Options {
        proxy: Some("http://".into()),
        ..Options::new("test")
    };
    assert!(with(proxy).starts_with("cannot set up HTTP"));
}

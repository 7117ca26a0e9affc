//! A server that cannot prove who it is, or whose certificate does not fit the clock. A wrong clock
//! looks the same from here; it delays an upgrade and costs nothing else.

use tests::release_tree::MANIFEST;
use tests::tls_front::{Certificate, TlsFront};

use super::Stage;

#[tokio::test]
async fn a_certificate_that_cannot_be_trusted_delays_an_upgrade_and_nothing_else() {
    let mut stage = Stage::behind(async |tree, folder, args| {
        let front = TlsFront::start(&tree.server.url).await;
        let trusted = folder.join("trusted.pem");
        std::fs::write(
            &trusted,
            Certificate::TRUSTED.map(Certificate::pem).concat(),
        )
        .unwrap();
        let url = args.iter().position(|arg| *arg == tree.server.url);
        args[url.unwrap()].clone_from(&front.url);
        args.extend(["--ca-file".to_owned(), trusted.to_str().unwrap().to_owned()]);
        Some(front)
    })
    .await;
    let lies = [
        (Certificate::Future, "not valid yet"),
        (Certificate::Past, "expired"),
        (Certificate::Unknown, "UnknownIssuer"),
    ];
    for (certificate, said) in lies {
        let (version, agent) = stage.next_agent();
        let digest = stage.tree.add(&version, &agent);
        stage.front().show(certificate);
        let asked = stage.tree.server.asked(MANIFEST).len();
        stage.tree.issue();
        let words = ["WARN", "cannot fetch the manifest", said];
        stage.host.log_line("launcher", &words).await;
        stage
            .works(&format!("with-{certificate:?}").to_lowercase())
            .await;
        stage.is_untouched(said, &version, digest);
        let since = stage.tree.server.asked(MANIFEST).len() - asked;
        assert!(since <= 1, "{certificate:?} was good enough {since} times");

        stage.front().show(Certificate::Good);
        stage.takes(&version, digest).await;
    }
    stage.works("at-the-end").await;
}

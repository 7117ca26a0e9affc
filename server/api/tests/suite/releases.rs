//! The release tree as a launcher fetches it.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::{Method, Response};
use server_releases::{Draft, Files, KeyAccess, KeyChange, Platform, Published, Publisher, Tree};

use crate::Bed;

impl Bed {
    /// Publishes a release whose agent is these bytes.
    fn publish(&self, agent: &[u8]) -> Published {
        let path = |name: &str| self.folder.path().join(name);
        std::fs::write(path("launcher"), "launcher").unwrap();
        std::fs::write(path("agent"), agent).unwrap();
        let files = Files {
            platform: Platform::here(),
            launcher: path("launcher"),
            agent: path("agent"),
            plugins: None,
        };
        let draft = Draft::new("stable", "1.0.0", vec![files]);
        publisher(&self.tree()).publish(&draft).unwrap()
    }

    fn tree(&self) -> Tree {
        Tree::new(self.folder.path())
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = self.client.get(format!("{}/releases/v1/{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }
}

fn publisher(tree: &Tree) -> Publisher<'_> {
    Publisher {
        tree,
        access: KeyAccess::default(),
        now: Timestamp::UNIX_EPOCH,
        tell: &|_| {},
    }
}

fn header(response: &Response, name: &str) -> String {
    let value = response.headers().get(name);
    value
        .map(|value| value.to_str().unwrap().to_owned())
        .unwrap_or_default()
}

#[tokio::test]
async fn an_unchanged_manifest_costs_no_bytes_and_a_new_one_is_seen() {
    let bed = Bed::new().await;
    assert_eq!(bed.get("stable/manifest.json", &[]).await.status(), 404);
    bed.publish(b"one");
    let first = bed.get("stable/manifest.json", &[]).await;
    assert_eq!(first.status(), 200);
    let etag = header(&first, "etag");
    let known = [("If-None-Match", etag.as_str())];
    let again = bed.get("stable/manifest.json", &known).await;
    assert_eq!(
        (again.status().as_u16(), header(&again, "etag")),
        (304, etag.clone())
    );
    bed.publish(b"two");
    let new = bed.get("stable/manifest.json", &known).await;
    assert_eq!(new.status(), 200);
    assert_ne!(header(&new, "etag"), etag);
}

#[tokio::test]
async fn a_file_can_be_fetched_whole_in_part_and_resumed() {
    let bed = Bed::new().await;
    let content: Vec<u8> = (0..200_000u32)
        .map(|n| u8::try_from(n % 253).unwrap())
        .collect();
    let digest = bed.publish(&content).components[1].digest.clone();
    let path = format!("blobs/{digest}");
    let whole = bed.get(&path, &[]).await;
    assert_eq!(header(&whole, "content-length"), "200000");
    let etag = header(&whole, "etag");
    assert!(whole.bytes().await.unwrap() == content);

    let part = bed
        .get(&path, &[("Range", "bytes=150000-"), ("If-Range", &etag)])
        .await;
    assert_eq!(part.status(), 206);
    assert_eq!(header(&part, "content-range"), "bytes 150000-199999/200000");
    assert!(part.bytes().await.unwrap() == content[150_000..]);

    let other = bed
        .get(
            &path,
            &[("Range", "bytes=150000-"), ("If-Range", "\"other\"")],
        )
        .await;
    assert_eq!(
        other.status(),
        200,
        "a part of something else is not continued"
    );
    let beyond = bed.get(&path, &[("Range", "bytes=200000-")]).await;
    assert_eq!(
        (beyond.status().as_u16(), header(&beyond, "content-range")),
        (416, "bytes */200000".to_owned())
    );
}

#[tokio::test]
async fn no_address_leads_out_of_the_tree() {
    let bed = Bed::new().await;
    bed.publish(b"one");
    for path in [
        "blobs/..%2F..%2F..%2Fkeys%2Frelease.key",
        "..%2F..%2Fkeys/manifest.json",
        "%2e%2e/manifest.json",
        "blobs/manifest.json",
        "roots/manifest.json",
        "roots/..%2F1.root.json",
        "roots/01.root.json",
        "roots/+1.root.json",
        "blobs/",
        &format!("blobs/{}", "0".repeat(64)),
    ] {
        let response = bed.get(path, &[]).await;
        assert_eq!(response.status(), 404, "{path}");
        assert!(
            !response
                .text()
                .await
                .unwrap()
                .contains(bed.folder.path().to_str().unwrap())
        );
    }
}

#[tokio::test]
async fn a_ping_tells_the_serial_of_the_newest_release() {
    let mut bed = Bed::new().await;
    let agent = bed.register("a").await;
    let serial = async |bed: &Bed| {
        let response = bed.agent(Method::GET, "ping", &agent.token, None).await;
        header(&response, "trireme-release-serial")
    };
    bed.pass(Duration::from_secs(1)).await;
    assert_eq!(serial(&bed).await, "");
    bed.publish(b"one");
    bed.publish(b"two");
    bed.pass(Duration::from_secs(1)).await;
    assert_eq!(serial(&bed).await, "2");
}

#[tokio::test]
async fn every_trust_root_is_served_and_what_is_missing_is_not_remembered() {
    let bed = Bed::new().await;
    bed.publish(b"one");
    let blob = format!("blobs/{}", "0".repeat(64));
    for path in ["roots/2.root.json", "edge/manifest.json", &blob] {
        let missing = bed.get(path, &[]).await;
        assert_eq!(
            (missing.status().as_u16(), header(&missing, "cache-control")),
            (404, "no-store".to_owned())
        );
    }
    let change = KeyChange {
        new_release_keys: 1,
        ..KeyChange::default()
    };
    publisher(&bed.tree()).rotate(&change).unwrap();
    for file in ["1.root.json", "2.root.json"] {
        let path = format!("roots/{file}");
        let answer = bed.get(&path, &[]).await;
        assert_eq!(answer.status(), 200);
        let etag = header(&answer, "etag");
        let bytes = answer.bytes().await.unwrap();
        assert_eq!(bed.tree().root(file).unwrap().unwrap(), bytes);
        let known = [("If-None-Match", etag.as_str())];
        assert_eq!(bed.get(&path, &known).await.status(), 304);
    }
    let manifest = bed.tree().current("stable").unwrap().unwrap();
    assert_eq!((manifest.serial, manifest.root), (2, 2));
}

//! Manifests that come wrongly: cut, endless, in circles, in an encoding, from somebody else.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::future::join_all;
use tests::lying_server::Answer;
use tests::release_tree::MANIFEST;

use super::Stage;

/// How the signed bytes are sent, and words of the line that says what is wrong with that.
struct Lie {
    name: &'static str,
    send: fn(&[u8]) -> Answer,
    said: &'static [&'static str],
}

const LIES: &[Lie] = &[
    Lie {
        name: "a gigabyte",
        send: |_| Answer::Endless(Answer::raw("200 OK", "", 1 << 30, b"{")),
        said: &["longer than 1048576 bytes"],
    },
    Lie {
        name: "no end at all",
        send: |_| Answer::Endless(b"HTTP/1.1 200 OK\r\n\r\n{".to_vec()),
        said: &["longer than 1048576 bytes"],
    },
    Lie {
        name: "cut short of its length",
        send: |bytes| {
            let half = &bytes[..bytes.len() / 2];
            Answer::Bytes(Answer::raw("200 OK", "", bytes.len() as u64, half))
        },
        said: &["the connection broke after"],
    },
    Lie {
        name: "cut, and called whole",
        send: |bytes| Answer::reply("200 OK", "", &bytes[..bytes.len() / 2]),
        said: &["manifest refused", "not a signed document"],
    },
    Lie {
        name: "reset at once",
        send: |_| Answer::Reset(Vec::new()),
        said: &["cannot fetch the manifest", "cannot reach"],
    },
    Lie {
        name: "reset in the middle",
        send: |bytes| {
            let half = &bytes[..bytes.len() / 2];
            Answer::Reset(Answer::raw("200 OK", "", bytes.len() as u64, half))
        },
        said: &["cannot fetch the manifest"],
    },
    Lie {
        name: "closed without a word",
        send: |_| Answer::Bytes(Vec::new()),
        said: &["cannot reach"],
    },
    Lie {
        name: "redirects in a circle",
        send: |_| Answer::reply("302 Found", &format!("location: {MANIFEST}\r\n"), b""),
        said: &["too many redirects"],
    },
    Lie {
        name: "a redirect to a file of this host",
        send: |_| Answer::reply("302 Found", "location: file:///etc/hostname\r\n", b""),
        said: &["cannot fetch the manifest"],
    },
    Lie {
        name: "a gzip bomb",
        send: |_| {
            let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
            bomb.write_all(&vec![b' '; 16 << 20]).unwrap();
            let bomb = bomb.finish().unwrap();
            Answer::reply("200 OK", "content-encoding: gzip\r\n", &bomb)
        },
        said: &["the encoding gzip, which was not asked for"],
    },
    Lie {
        name: "a captive portal",
        send: |_| {
            let page = b"<html>Please accept our terms</html>";
            Answer::reply("200 OK", "content-type: text/html; charset=utf-8\r\n", page)
        },
        said: &["answered with a web page", "the network logged in"],
    },
    Lie {
        name: "a portal that calls its page JSON",
        send: |_| {
            let page = b"<html>Please accept our terms</html>";
            Answer::reply("200 OK", "content-type: application/json\r\n", page)
        },
        said: &["manifest refused", "not a signed document"],
    },
    Lie {
        name: "nesting without end",
        send: |_| Answer::reply("200 OK", "", &vec![b'['; 512 * 1024]),
        said: &["manifest refused", "not a signed document"],
    },
    Lie {
        name: "a failing server",
        send: |_| Answer::reply("500 Internal Server Error", "", b"sorry"),
        said: &["answered 500"],
    },
    Lie {
        name: "a missing file",
        send: |_| Answer::reply("404 Not Found", "", b""),
        said: &["answered 404"],
    },
    Lie {
        name: "another protocol",
        send: |_| Answer::Bytes(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()),
        said: &["cannot reach"],
    },
];

/// Tells the lies one after the other, each followed by the truth.
async fn tells(stage: &mut Stage, lies: &[Lie]) {
    for lie in lies {
        // The manifest itself is a good one, so only the way it comes can keep it out.
        let (version, agent) = stage.next_agent();
        let digest = stage.tree.add(&version, &agent);
        let bytes = stage.tree.signed(&stage.tree.draft());
        stage.tree.forget_newest();
        let start = stage.host.log_end("launcher");
        stage.tree.server.lie(MANIFEST, vec![(lie.send)(&bytes)]);
        let words = [&["WARN"], lie.said].concat();
        stage.host.log_line_after(start, "launcher", &words).await;
        stage.is_untouched(lie.name, &version, digest);

        let serial = format!("serial={}", stage.tree.issue());
        let words = ["new manifest verified", &serial];
        stage.host.log_line_after(start, "launcher", &words).await;
        stage.is_untouched(lie.name, &version, digest);
    }
}

#[tokio::test]
async fn a_manifest_that_comes_wrongly_changes_nothing_however_it_comes() {
    let several_hosts = LIES.chunks(LIES.len() / 3 + 1).map(|lies| async {
        let mut stage = Stage::new().await;
        let running = stage.host.agent_pid().await;
        tells(&mut stage, lies).await;
        assert_eq!(stage.host.agent_pid().await, running, "it was left alone");
        stage.takes_the_next_release().await;
    });
    join_all(several_hosts).await;
}

//! The stream against a naive model, and the behaviour that users see.

use proptest::prelude::*;
use shared_redact::{Added, Redactor};

fn redact(secrets: &[&str], pieces: &[&str]) -> String {
    let mut redactor = Redactor::new();
    for secret in secrets {
        redactor.add(secret.as_bytes());
    }
    let mut out = Vec::new();
    for piece in pieces {
        redactor.push(piece.as_bytes(), &mut out);
    }
    redactor.flush(&mut out);
    String::from_utf8(out).expect("text")
}

#[test]
fn secrets_are_replaced_by_one_mark() {
    let cases: [(&[&str], &[&str], &str); 12] = [
        (&["sekret-1"], &["a sekret-1 b"], "a [REDACTED] b"),
        (&["sekret-1"], &["a sek", "ret", "-1 b"], "a [REDACTED] b"),
        (&["sekret-1"], &["sekret-2"], "sekret-2"),
        (
            &["abcdefgh", "efghijkl"],
            &["<abcdefghijkl>"],
            "<[REDACTED]>",
        ),
        (
            &["abcdefgh", "efghijkl"],
            &["<abcdefgh", "ij", "kl>"],
            "<[REDACTED]>",
        ),
        (
            &["abcdefgh", "efghijkl"],
            &["<abcdefgh", "ijkk>"],
            "<[REDACTED]ijkk>",
        ),
        (&["abcdef", "abcdefgh"], &["abcdef", "gh!"], "[REDACTED]!"),
        (&["abcdef", "abcdefgh"], &["abcdef", "g!"], "[REDACTED]g!"),
        (&["abcdef"], &["abcdefabcdef"], "[REDACTED][REDACTED]"),
        (
            &["one-1\ntwo-2"],
            &["x one-1\r\n", "  two-2 y"],
            "x [REDACTED] y",
        ),
        (&["one-1\ntwo-2"], &["x one-1two-2 y"], "x one-1two-2 y"),
        (&["quo\"te\\b"], &["quo\\\"te\\\\b"], "[REDACTED]"),
    ];
    for (secrets, pieces, wanted) in cases {
        assert_eq!(redact(secrets, pieces), wanted, "{secrets:?} {pieces:?}");
    }
}

#[test]
fn a_prompt_without_a_line_end_is_shown_at_once() {
    let mut redactor = Redactor::new();
    redactor.add(b"hunter-2");
    let mut out = Vec::new();
    redactor.push(b"Password: ", &mut out);
    assert_eq!(out, b"Password: ");
    redactor.push(b"huh", &mut out);
    redactor.push(b"hun", &mut out);
    assert_eq!(
        (out.as_slice(), redactor.withheld()),
        (&b"Password: huh"[..], 3)
    );
    redactor.flush(&mut out);
    assert_eq!(out, b"Password: huhhun");
}

#[test]
fn short_and_blank_secrets_are_told_apart_and_not_hidden() {
    let mut redactor = Redactor::new();
    assert_eq!(redactor.add(b"12345"), Added::TooShort);
    assert_eq!(redactor.add(b"  12345 \n\n"), Added::TooShort);
    assert_eq!(redactor.add(b" \n\t \n  "), Added::Empty);
    assert_eq!(redactor.add(b"123456"), Added::Hidden);
    let mut out = Vec::new();
    redactor.push(b"12345 123456", &mut out);
    redactor.flush(&mut out);
    assert_eq!(out, b"12345 [REDACTED]");
}

#[test]
fn a_secret_added_later_hides_what_comes_later() {
    let mut redactor = Redactor::new();
    let mut out = Vec::new();
    redactor.push(b"late-secret ", &mut out);
    redactor.add(b"late-secret");
    redactor.push(b"late-secret ", &mut out);
    redactor.flush(&mut out);
    assert_eq!(out, b"late-secret [REDACTED] ");
}

#[test]
fn endless_blanks_after_a_first_line_do_not_fill_the_memory() {
    let mut redactor = Redactor::new();
    redactor.add(b"line-one\nline-two");
    let mut out = Vec::new();
    redactor.push(b"line-one", &mut out);
    for _ in 0..1000 {
        redactor.push(&[b' '; 100], &mut out);
        assert!(redactor.withheld() < 8 * 1024);
    }
    redactor.flush(&mut out);
    assert_eq!(out.len(), 8 + 100_000);
}

#[test]
fn the_debug_form_shows_no_secret() {
    let mut redactor = Redactor::new();
    redactor.add(b"sekret-1");
    redactor.push(b"sekre", &mut Vec::new());
    assert!(!format!("{redactor:?}").contains("sekre"));
}

/// Every place where `needle` matches `text`, by definition.
fn places(needle: &[Vec<u8>], text: &[u8]) -> Vec<(usize, usize)> {
    let blank = |byte: u8| b"\t\n\x0b\x0c\r ".contains(&byte);
    (0..text.len())
        .filter_map(|start| {
            let mut at = start;
            for (index, line) in needle.iter().enumerate() {
                if index > 0 {
                    let gap = text[at..].iter().take_while(|&&byte| blank(byte)).count();
                    if gap == 0 {
                        return None;
                    }
                    at += gap;
                }
                if !text[at..].starts_with(line) {
                    return None;
                }
                at += line.len();
            }
            Some((start, at))
        })
        .collect()
}

/// The model: mark every byte of every match, then replace group by group.
fn model(secrets: &[Vec<u8>], text: &[u8]) -> Vec<u8> {
    let mut found = Vec::new();
    for secret in secrets {
        let lines: Vec<Vec<u8>> = secret
            .split(|&byte| byte == b'\n')
            .map(|line| line.trim_ascii().to_vec())
            .filter(|line| !line.is_empty())
            .collect();
        let long = lines.iter().map(|line| line.len() + 1).sum::<usize>() > 6;
        if secret.len() >= 6 && long {
            let escaped = String::from_utf8_lossy(secret).replace('\n', "\\n");
            found.extend(places(&lines, text));
            found.extend(places(&[escaped.trim().as_bytes().to_vec()], text));
        }
    }
    found.sort_unstable();
    let (mut out, mut at) = (Vec::new(), 0);
    for (start, end) in found {
        if start >= at {
            out.extend_from_slice(&text[at..start]);
            out.extend_from_slice(b"[REDACTED]");
        }
        at = at.max(end);
    }
    out.extend_from_slice(&text[at..]);
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// A small alphabet, so that partial, nested and overlapping matches are common.
    #[test]
    fn any_cutting_gives_what_the_model_gives(
        secrets in prop::collection::vec("[ab \n]{4,12}", 0..4),
        text in "[ab \n\\\\n]{0,120}",
        cuts in prop::collection::vec(0usize..120, 0..12),
    ) {
        let secrets: Vec<Vec<u8>> = secrets.into_iter().map(String::into_bytes).collect();
        let text = text.into_bytes();
        let mut redactor = Redactor::new();
        for secret in &secrets {
            redactor.add(secret);
        }
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.push(text.len());
        cuts.sort_unstable();
        let (mut out, mut from) = (Vec::new(), 0);
        for cut in cuts {
            redactor.push(&text[from..cut], &mut out);
            prop_assert!(redactor.withheld() <= text.len());
            from = cut;
        }
        redactor.flush(&mut out);
        prop_assert_eq!(redactor.withheld(), 0);
        prop_assert_eq!(&out, &model(&secrets, &text));
    }

    #[test]
    fn no_secret_survives_in_any_bytes(
        secret in prop::collection::vec(0x21u8..=0xff, 6..20),
        around in prop::collection::vec(any::<Vec<u8>>(), 1..6),
        size in 1usize..40,
    ) {
        let text = around.join(&secret[..]);
        let mut redactor = Redactor::new();
        prop_assume!(redactor.add(&secret) == Added::Hidden);
        let mut out = Vec::new();
        for piece in text.chunks(size) {
            redactor.push(piece, &mut out);
        }
        redactor.flush(&mut out);
        let core = secret.as_slice();
        prop_assert!(!out.windows(core.len()).any(|window| window == core));
    }
}

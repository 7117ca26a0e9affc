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
fn only_values_of_variables_may_be_too_short() {
    // what is added, as a variable's value, as a secret
    let cases: [(&[u8], Added, Added); 7] = [
        (b"", Added::Empty, Added::Empty),
        (b"12345", Added::TooShort, Added::Hidden),
        (b"123456", Added::Hidden, Added::Hidden),
        // The length is that of the value, blanks included.
        (b" 1234\n", Added::Hidden, Added::Hidden),
        (b"   ", Added::TooShort, Added::Empty),
        (b" \n\t \n  ", Added::Empty, Added::Empty),
        ("ééé".as_bytes(), Added::Hidden, Added::Hidden),
    ];
    for (secret, as_value, as_secret) in cases {
        assert_eq!(Redactor::new().add_value(secret), as_value, "{secret:?}");
        assert_eq!(Redactor::new().add(secret), as_secret, "{secret:?}");
    }
    let mut redactor = Redactor::new();
    redactor.add(b"7");
    redactor.add_value(b"12345");
    let mut out = Vec::new();
    redactor.push(b"12345 67", &mut out);
    assert_eq!(out, b"12345 6[REDACTED]");
}

#[test]
fn a_secret_added_before_the_last_words_are_shown_hides_them_too() {
    let mut redactor = Redactor::new();
    redactor.add(b"abcdefghij");
    let mut out = Vec::new();
    redactor.push(b"x abcdefgh", &mut out);
    redactor.add(b"abcdef");
    redactor.flush(&mut out);
    assert_eq!(out, b"x [REDACTED]gh");
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

/// What comes out when the stream is cut at these places.
fn cut(secrets: &[Vec<u8>], text: &[u8], cuts: &[prop::sample::Index]) -> Vec<u8> {
    let mut redactor = Redactor::new();
    for secret in secrets {
        redactor.add(secret);
    }
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
    cuts.push(text.len());
    cuts.sort_unstable();
    let (mut out, mut from) = (Vec::new(), 0);
    for cut in cuts {
        redactor.push(&text[from..cut], &mut out);
        from = cut;
    }
    redactor.flush(&mut out);
    assert_eq!(redactor.withheld(), 0);
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// A small alphabet, so that partial, nested and overlapping matches are common.
    #[test]
    fn the_cutting_of_a_stream_does_not_matter(
        secrets in prop::collection::vec("[ab \n]{1,12}", 0..4),
        text in "[ab \n\\\\n]{0,120}",
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let secrets: Vec<Vec<u8>> = secrets.into_iter().map(String::into_bytes).collect();
        let whole = cut(&secrets, text.as_bytes(), &[]);
        prop_assert_eq!(cut(&secrets, text.as_bytes(), &cuts), whole);
    }

    /// Any bytes but those of the mark; in their plain and their escaped form.
    #[test]
    fn no_secret_survives_in_any_bytes(
        secret in prop::collection::vec(0x60u8..=0xff, 1..20),
        around in prop::collection::vec(any::<Vec<u8>>(), 1..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        prop_assume!(Redactor::new().add(&secret) == Added::Hidden);
        let secrets = std::slice::from_ref(&secret);
        let contains = |out: &[u8], part: &[u8]| out.windows(part.len()).any(|window| window == part);
        let core = secret.trim_ascii();
        prop_assert!(!contains(&cut(secrets, &around.join(&secret[..]), &cuts), core));
        let escaped = shared_goquote::escape(&secret).into_bytes();
        let out = cut(secrets, &around.join(&escaped[..]), &cuts);
        prop_assert!(!contains(&out, &escaped));
    }

    /// Indents, empty lines and carriage returns are what terminals and tools change.
    #[test]
    fn a_secret_of_several_lines_is_hidden_however_its_lines_are_broken(
        lines in prop::collection::vec("[a-z]{1,8}", 1..5),
        blanks in prop::collection::vec("[ \t\r\n\x0b\x0c]{1,5}", 4),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let secret = format!(" {} ", lines.join(" \n\n\t")).into_bytes();
        let mut text = b"<".to_vec();
        for (line, blank) in lines.iter().zip([""].into_iter().chain(blanks.iter().map(String::as_str))) {
            text.extend_from_slice(blank.as_bytes());
            text.extend_from_slice(line.as_bytes());
        }
        text.push(b'>');
        prop_assert_eq!(cut(&[secret], &text, &cuts), b"<[REDACTED]>");
    }
}

//! Time marks: where they stand, and that nothing else changes.

use agent_log_stream::timestamp::Timestamper;
use proptest::prelude::*;

/// Pieces with their times, marked. `^` is ESC, `!` BEL, `%` CAN, and `<n>` the mark of time n.
fn marked(pieces: &[(u64, &str)]) -> String {
    let mut marks = Timestamper::default();
    let mut out = Vec::new();
    for (now_ms, text) in pieces {
        let bytes = text
            .replace('^', "\x1b")
            .replace('!', "\x07")
            .replace('%', "\x18");
        marks.push(bytes.as_bytes(), *now_ms, &mut out);
    }
    let mut text = String::from_utf8(out).unwrap();
    for (now_ms, _) in pieces {
        text = text.replace(&format!("\x1b_bk;t={now_ms}\x07"), &format!("<{now_ms}>"));
    }
    text.replace('\x1b', "^")
        .replace('\x07', "!")
        .replace('\x18', "%")
}

#[test]
fn each_line_begins_with_a_mark() {
    for (pieces, expected) in [
        (&[(5000, "a\nb\n")][..], "<5000>a\n<5000>b\n"),
        (&[(5000, "a\n"), (5001, "b")], "<5000>a\n<5001>b"),
        (&[(5000, "\n\n")], "<5000>\n<5000>\n"),
        (&[(5000, "")], ""),
        (&[(5000, "a\r\nb")], "<5000>a\r\n<5000>b"),
    ] {
        assert_eq!(marked(pieces), expected);
    }
}

#[test]
fn only_a_line_feed_or_erasing_begins_a_line() {
    for (text, expected) in [
        ("a^[Kb", "<5000>a^[K<5000>b"),
        ("a^[1Kb", "<5000>a^[1K<5000>b"),
        ("a^[2Kb", "<5000>a^[2K<5000>b"),
        ("a^[3Kb", "<5000>a^[3Kb"),
        ("a^[12Kb", "<5000>a^[12Kb"),
        ("a^[31mb", "<5000>a^[31mb"),
        ("aKb", "<5000>aKb"),
        // A line feed in a title is not one of the log.
        ("a^]0;ti\ntle!b", "<5000>a^]0;ti\ntle!b"),
    ] {
        assert_eq!(marked(&[(5000, text)]), expected);
    }
}

#[test]
fn a_line_in_pieces_gets_a_mark_after_more_than_a_second() {
    for (pieces, expected) in [
        (&[(5000, "a"), (6000, "b")][..], "<5000>ab"),
        (&[(5000, "a"), (6001, "b")], "<5000>a<6001>b"),
        (
            &[(5000, "a"), (6001, "b"), (6900, "c"), (7002, "d")],
            "<5000>a<6001>bc<7002>d",
        ),
        (&[(5000, "a"), (4000, "b")], "<5000>ab"),
    ] {
        assert_eq!(marked(pieces), expected);
    }
}

#[test]
fn a_late_mark_waits_for_the_end_of_what_it_would_break() {
    for (pieces, expected) in [
        // A colour, in every way to cut it.
        (&[(5000, "a^"), (9000, "[31mb")][..], "<5000>a^[31m<9000>b"),
        (&[(5000, "a^["), (9000, "31mb")], "<5000>a^[31m<9000>b"),
        (&[(5000, "a^[3"), (9000, "1mb")], "<5000>a^[31m<9000>b"),
        // Character sets and titles.
        (&[(5000, "a^("), (9000, "Bb")], "<5000>a^(B<9000>b"),
        (
            &[(5000, "a^]0;ti"), (9000, "tle!b")],
            "<5000>a^]0;title!<9000>b",
        ),
        (
            &[(5000, "a^Pti"), (9000, "tle^\\b")],
            "<5000>a^Ptitle^\\<9000>b",
        ),
        (
            &[(5000, "a^_ti"), (9000, "t\nle^"), (9500, "\\b")],
            "<5000>a^_tit\nle^\\<9500>b",
        ),
        // CAN breaks off any sequence; a broken control sequence also ends with its line.
        (&[(5000, "a^]0;ti%"), (9000, "b")], "<5000>a^]0;ti%<9000>b"),
        (&[(5000, "a^[3"), (9000, "\nb")], "<5000>a^[3\n<9000>b"),
    ] {
        assert_eq!(marked(pieces), expected, "{pieces:?}");
    }
}

#[test]
fn a_late_mark_does_not_split_a_character() {
    let mut marks = Timestamper::default();
    let mut out = Vec::new();
    marks.push(b"x\xe2\x82", 5000, &mut out);
    marks.push(b"\xac!", 9000, &mut out);
    assert_eq!(out, b"\x1b_bk;t=5000\x07x\xe2\x82\xac\x1b_bk;t=9000\x07!");
}

/// Times with this many digits occur in marks only, never in the generated input.
const FIRST_MS: u64 = 7_000_000_000_000;
const MARK_BYTES: usize = "\x1b_bk;t=7000000000000\x07".len();

/// Splits a marked log into the bytes without marks, and where in them the marks stood.
fn unmarked(log: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let (mut plain, mut places, mut at) = (Vec::new(), Vec::new(), 0);
    while at < log.len() {
        if log[at..].starts_with(b"\x1b_bk;t=7") && log.len() >= at + MARK_BYTES {
            places.push(plain.len());
            at += MARK_BYTES;
        } else {
            plain.push(log[at]);
            at += 1;
        }
    }
    (plain, places)
}

/// Whether a terminal that has read all of `text` waits for the rest of a sequence. Written
/// sequence by sequence, unlike the state machine it checks.
fn ends_inside(text: &[u8]) -> bool {
    let Some(escape) = text.iter().position(|byte| *byte == 0x1b) else {
        return false;
    };
    let body = &text[escape + 1..];
    let is_text = matches!(body.first(), Some(b']' | b'P' | b'X' | b'^' | b'_'));
    let skip = usize::from(is_text || body.first() == Some(&b'['));
    let ends = |byte: &u8| match body.first() {
        _ if *byte == 0x1b => true,
        _ if is_text => matches!(byte, 0x07 | 0x18 | 0x1a),
        Some(b'[') => !(0x20..=0x3f).contains(byte),
        _ => !(0x20..=0x2f).contains(byte),
    };
    match body.iter().skip(skip).position(ends) {
        None => true,
        // An escape ends one sequence and begins the next; any other byte belongs to this one.
        Some(end) if body[skip + end] == 0x1b => ends_inside(&body[skip + end..]),
        Some(end) => ends_inside(&body[skip + end + 1..]),
    }
}

/// Bytes that form sequences, whole and broken, much more often than chance would.
fn log_bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => prop::sample::select(&b"\x1b\x1b[]_P(K12;m\\\x07\n\r\x18"[..]),
        1 => any::<u8>(),
    ];
    prop::collection::vec(byte, 0..200)
}

proptest! {
    #[test]
    fn marks_change_nothing_else_and_break_nothing(
        pieces in prop::collection::vec((log_bytes(), 0u64..3000), 0..8),
    ) {
        let (mut marks, mut now_ms) = (Timestamper::default(), FIRST_MS);
        let (mut plain, mut log) = (Vec::new(), Vec::new());
        for (bytes, passed) in &pieces {
            now_ms += passed;
            marks.push(bytes, now_ms, &mut log);
            plain.extend_from_slice(bytes);
        }
        let (without, places) = unmarked(&log);
        prop_assert_eq!(&without, &plain);
        for place in places {
            prop_assert!(!ends_inside(&plain[..place]), "inside at {}: {:?}", place, plain);
        }
    }

    #[test]
    fn how_a_log_is_cut_into_pieces_does_not_matter_at_one_time(
        bytes in log_bytes(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut whole = Vec::new();
        Timestamper::default().push(&bytes, FIRST_MS, &mut whole);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        cuts.push(bytes.len());
        let (mut marks, mut parts, mut from) = (Timestamper::default(), Vec::new(), 0);
        for to in cuts {
            marks.push(&bytes[from..to], FIRST_MS, &mut parts);
            from = to;
        }
        prop_assert_eq!(parts, whole);
    }
}

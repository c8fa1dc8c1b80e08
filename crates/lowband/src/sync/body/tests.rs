//! What counts as content, and bodies that are none.

use super::*;

fn holds_news(members: &str) -> bool {
    let body = format!(r#"{{"next_batch":"s",{members}}}"#);
    let summary = Summary::parse(body.as_bytes()).expect("a body");
    assert_eq!(summary.next_batch, "s");
    summary.has_news
}

#[test]
fn empty_sections_are_no_news() {
    for section in SECTIONS {
        let empty = [
            "null",
            "{}",
            " { } ",
            "[]",
            r#"{"events":[]}"#,
            r#"{"join":{},"invite":{ },"leave":null,"knock":[ ]}"#,
            r#"{"changed":[],"left":[]}"#,
        ];
        for value in empty {
            let member = format!("\"{section}\":{value}");
            assert!(!holds_news(&member), "{member}");
        }
    }
}

#[test]
fn sections_that_hold_anything_are_news() {
    for section in SECTIONS {
        let full = [
            "0",
            "-1",
            "0.5",
            "false",
            "\"\"",
            "[0]",
            r#"{"events":[{}]}"#,
            r#"{"events":[null]}"#,
            r#"{"join":{"!r":{}}}"#,
            r#"{"join":{"!r":null}}"#,
            r#"{"join":{},"invite":{"!r":{}},"leave":{}}"#,
            r#"{"changed":[],"left":["@a:b"]}"#,
            r#"{"new":0}"#,
            r#"{"new":""}"#,
            r#"{"new":false}"#,
        ];
        for value in full {
            let member = format!("\"{section}\":{value}");
            assert!(holds_news(&member), "{member}");
        }
    }
}

#[test]
fn unknown_members_are_news_even_when_empty() {
    assert!(holds_news(r#""groups":{}"#));
    assert!(holds_news(r#""":null"#));
}

#[test]
fn names_are_compared_without_their_escapes() {
    assert!(!holds_news(r#""r\u006foms":{}"#));
    let summary = Summary::parse(br#"{"next\u005fbatch":"\u0061"}"#).expect("a body");
    assert_eq!(summary.next_batch, "a");
}

#[test]
fn of_members_of_the_same_name_the_last_one_is_meant() {
    assert!(!holds_news(r#""rooms":{"join":{"!r":{}}},"rooms":{}"#));
    assert!(holds_news(r#""rooms":{},"rooms":{"join":{"!r":{}}}"#));
    assert!(holds_news(r#""rooms":{"join":{"!r":{}}},"presence":{}"#));
    let body = br#"{"next_batch":"a","next_batch":"b","device_one_time_keys_count":{"a":1},"device_one_time_keys_count":{}}"#;
    let summary = Summary::parse(body).expect("a body");
    assert_eq!(summary.next_batch, "b");
    assert_eq!(summary.counts, Counts::default());
    let body = br#"{"next_batch":"a","next_batch":1}"#;
    assert_eq!(Summary::parse(body), Err(Unusable::NoNextBatch));
}

#[test]
fn counts_that_are_not_there_and_empty_ones_are_the_same() {
    for value in ["{}", "[]", "null", "{ }", "[\n]"] {
        let body = format!(
            r#"{{"next_batch":"a","device_one_time_keys_count":{value},"device_unused_fallback_key_types":{value}}}"#
        );
        let summary = Summary::parse(body.as_bytes()).expect("a body");
        assert_eq!(summary.counts, Counts::default());
        assert!(!summary.has_news);
    }
}

#[test]
fn counts_are_compared_as_they_are_written() {
    let counts = |value: &str| {
        let body = format!(r#"{{"next_batch":"a","device_one_time_keys_count":{value}}}"#);
        Summary::parse(body.as_bytes())
            .expect("a body")
            .counts
            .to_owned()
    };
    assert_eq!(counts(r#" {"a":1} "#), counts(r#"{"a":1}"#));
    assert_ne!(counts(r#"{"a":1}"#), counts(r#"{"a":2}"#));
    assert_ne!(counts(r#"{"a":1}"#), counts("{}"));
}

#[test]
fn of_counts_that_are_too_long_a_hash_is_remembered() {
    let counts = |len: usize, last: &str| {
        let count = format!("\"{}{last}\"", "x".repeat(len));
        let body = format!(r#"{{"next_batch":"a","device_one_time_keys_count":{count}}}"#);
        Summary::parse(body.as_bytes())
            .expect("a body")
            .counts
            .to_owned()
    };
    for len in [LONGEST_COUNT - 3, LONGEST_COUNT] {
        assert_eq!(counts(len, "a"), counts(len, "a"));
        assert_ne!(counts(len, "a"), counts(len, "b"));
        assert_ne!(counts(len, "a"), Counts::default());
        let mut json = String::new();
        counts(len, "a").write_members(&mut json);
        assert_eq!(json.is_empty(), len == LONGEST_COUNT);
    }
}

#[test]
fn what_is_no_object_is_of_no_use() {
    let bodies: [&[u8]; 12] = [
        b"",
        b" ",
        b"<html>",
        b"null",
        b"[]",
        b"\"next_batch\"",
        b"{",
        b"{\"next_batch\":\"a\"",
        b"{\"next_batch\":\"a\"}x",
        b"{\"next_batch\":\"a\",}",
        b"{\"next_batch\":\"a\",\"x\":\"\xff\"}",
        b"{\"next_batch\":\"a\",\"rooms\":{\"join\":{]}}",
    ];
    for body in bodies {
        assert_eq!(Summary::parse(body), Err(Unusable::NotAnObject), "{body:?}");
    }
}

#[test]
fn without_a_place_to_go_on_a_body_is_of_no_use() {
    let long = format!(r#"{{"next_batch":"{}"}}"#, "x".repeat(LONGEST_TOKEN + 1));
    for body in [
        "{}",
        r#"{"next_batch":null}"#,
        r#"{"next_batch":{}}"#,
        r#"{"next_batch":""}"#,
        &long,
    ] {
        assert_eq!(Summary::parse(body.as_bytes()), Err(Unusable::NoNextBatch));
    }
}

#[test]
fn every_truncation_is_of_no_use() {
    let body = r#"{"rooms":{"join":{"!r":{"x":[1,2.5e3,"\u00e9",true,null]}}},"next_batch":"a","device_one_time_keys_count":{"a":1}}"#;
    for end in 0..body.len() {
        let parsed = Summary::parse(&body.as_bytes()[..end]);
        assert_eq!(parsed, Err(Unusable::NotAnObject), "{end}");
    }
    assert!(Summary::parse(body.as_bytes()).is_ok());
}

#[test]
fn depth_is_passed_over_without_recursion() {
    for name in [
        "unknown",
        "rooms",
        "next_batch",
        "device_one_time_keys_count",
    ] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let (open, close) = (open.repeat(100_000), close.repeat(100_000));
            let body = format!("{{\"{name}\":{open}0{close}}}");
            assert_eq!(
                Summary::parse(body.as_bytes()),
                Err(Unusable::NoNextBatch),
                "{name}"
            );
            let cut = &body.as_bytes()[..body.len() / 2];
            assert_eq!(Summary::parse(cut), Err(Unusable::NotAnObject), "{name}");
        }
    }
}

//! A homeserver in trouble.

use http::StatusCode;

use super::*;

const FORBIDDEN: &str = r#"{"errcode":"M_FORBIDDEN","error":"no"}"#;

#[test]
fn final_errors_end_the_observation_with_status_and_body() {
    for status in [400, 401, 403, 404, 405, 410, 413, 431] {
        let (mut lab, poll) = Lab::polling("a");
        lab.answers_with(&poll, status, None, FORBIDDEN);
        let action = lab.action();
        assert!(matches!(action, Some(Action::EndWith(_))), "{action:?}");
        assert_eq!(status_of(action), (status, FORBIDDEN.to_owned()));
        assert!(lab.observation.is_over());
    }
}

#[test]
fn an_error_that_is_not_json_is_replaced() {
    let long = format!(r#"{{"errcode":"{}"}}"#, "M".repeat(70_000));
    let deep = format!(r#"{{"errcode":"M_A","a":{}"#, "[".repeat(50_000));
    for body in [
        "<html>",
        "",
        "[]",
        "[\"M_A\"]",
        "{}",
        r#"{"errcode":1}"#,
        &long,
        &deep,
    ] {
        let (mut lab, poll) = Lab::polling("a");
        lab.answers_with(&poll, 403, None, body);
        let (status, body) = status_of(lab.action());
        assert_eq!(status, 403);
        assert!(
            body.starts_with(r#"{"errcode":"M_UNKNOWN","error":""#),
            "{body}"
        );
    }
}

#[test]
fn passing_trouble_is_told_to_nobody_and_waits_grow() {
    let troubles: [(u16, &str); 9] = [
        (500, FORBIDDEN),
        (502, "<html>"),
        (503, ""),
        (429, FORBIDDEN),
        (302, ""),
        (204, ""),
        (200, "<html>"),
        (200, "{}"),
        (200, "{\"next_batch\":1}"),
    ];
    for (status, body) in troubles {
        let (mut lab, mut poll) = Lab::polling("a");
        for least in [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0] {
            lab.answers_with(&poll, status, None, body);
            assert_eq!(lab.action(), None);
            let (wait, action) = lab.next();
            assert!((least..=least * 1.25).contains(&wait), "{wait} {least}");
            let Some(Action::Poll(next)) = action else {
                panic!("{action:?}");
            };
            assert_eq!(next.query, ["since=a", "timeout=30000"]);
            poll = next;
        }
        // A success lets them begin anew.
        lab.answers(&poll, r#"{"next_batch":"a"}"#);
        poll = lab.next_poll();
        lab.answers_with(&poll, status, None, body);
        let (wait, _) = lab.next();
        assert!((5.0..=6.25).contains(&wait), "{wait}");
    }
}

#[test]
fn failures_without_an_answer_are_passing_trouble() {
    for failure in [PollFailure::TimedOut, PollFailure::Unreachable] {
        let (mut lab, poll) = Lab::polling("a");
        lab.fails(&poll, failure);
        assert_eq!(lab.action(), None);
        let (wait, _) = lab.next();
        assert!((5.0..=6.25).contains(&wait), "{wait}");
    }
}

#[test]
fn a_homeserver_that_wants_to_be_left_alone_is() {
    for (asked, least) in [(0, 5.0), (3, 5.0), (1000, 1000.0), (u64::MAX, 3600.0)] {
        let (mut lab, poll) = Lab::polling("a");
        lab.answers_with(&poll, 429, Some(asked), FORBIDDEN);
        let (wait, _) = lab.next();
        assert!((least..=least * 1.25).contains(&wait), "{wait} {least}");
    }
}

#[test]
fn a_register_is_told_all_trouble() {
    let cases: [(u16, &str, u16); 8] = [
        (401, FORBIDDEN, 401),
        (429, FORBIDDEN, 429),
        (500, FORBIDDEN, 500),
        (503, "<html>", 503),
        (302, "", 502),
        (999, "", 502),
        (200, "<html>", 502),
        (200, "{}", 502),
    ];
    for (status, body, expected) in cases {
        let mut lab = Lab::new();
        let poll = lab.register(&["since=a"]);
        lab.answers_with(&poll, status, Some(7), body);
        let action = lab.action();
        assert!(
            matches!(action, Some(Action::RefuseRegister(_))),
            "{action:?}"
        );
        assert_eq!(status_of(action).0, expected);
        assert!(lab.observation.is_over());
        assert_eq!(lab.observation.poll_timeout(), None);
    }
    for (failure, expected) in [
        (PollFailure::TimedOut, 504),
        (PollFailure::Unreachable, 502),
        (PollFailure::TooLarge, 502),
    ] {
        let mut lab = Lab::new();
        let poll = lab.register(&["since=a"]);
        lab.fails(&poll, failure);
        assert_eq!(status_of(lab.action()).0, expected);
    }
}

#[test]
fn a_register_is_told_how_long_to_wait() {
    let mut lab = Lab::new();
    let poll = lab.register(&["since=a"]);
    lab.answers_with(&poll, 429, Some(7), FORBIDDEN);
    match lab.action() {
        Some(Action::RefuseRegister(refusal)) => {
            assert_eq!(refusal.retry_after, Some(Duration::from_secs(7)));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_time_to_wait_is_read_from_header_and_body_and_told_in_seconds() {
    let limited = r#"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":6500}"#;
    let cases = [
        (429, Some("3"), limited, Some(7)),
        (429, Some("3"), FORBIDDEN, Some(3)),
        (503, Some(" 30 "), "<html>", Some(30)),
        (503, None, limited, None),
        (429, Some("Wed, 21 Oct 2015 07:28:00 GMT"), "", None),
        (500, Some("3"), "", None),
    ];
    for (status, header, body, expected) in cases {
        let status = StatusCode::from_u16(status).expect("a status");
        let answer = Answer::new(status, header, body.to_owned().into());
        assert_eq!(answer.status, status);
        assert_eq!(answer.retry_after, expected.map(Duration::from_secs));
        let refusal = Refusal {
            status: answer.status,
            retry_after: answer
                .retry_after
                .map(|wait| wait - Duration::from_millis(1)),
            body: answer.body,
        };
        let expected = expected.map(|seconds| seconds.to_string());
        assert_eq!(refusal.retry_after_header(), expected);
    }
}

#[test]
fn a_register_that_is_refused_ends_what_was_observed_before() {
    let (mut lab, _) = Lab::polling("a");
    let poll = lab.register(&["since=a"]);
    lab.answers_with(&poll, 500, None, "");
    assert!(matches!(lab.action(), Some(Action::RefuseRegister(_))));
    assert!(lab.observation.is_over());
}

#[test]
fn a_body_that_is_too_large_ends_the_observation_with_advice() {
    let settings = Settings {
        max_body: SILENCE.len(),
        ..Settings::default()
    };
    let mut lab = Lab::with(settings);
    let poll = lab.register(&["since=a"]);
    lab.answers(&poll, SILENCE);
    lab.action();
    let poll = lab.next_poll();
    lab.answers(&poll, &format!("{SILENCE} "));
    let (status, body) = status_of(lab.action());
    assert_eq!(status, 502);
    assert!(
        body.contains("M_TOO_LARGE") && body.contains("HTTP"),
        "{body}"
    );

    let (mut lab, poll) = Lab::polling("a");
    lab.fails(&poll, PollFailure::TooLarge);
    assert_eq!(status_of(lab.action()).0, 502);
}

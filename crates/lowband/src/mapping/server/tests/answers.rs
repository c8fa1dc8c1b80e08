use super::*;
use crate::mapping::discovery::LowBandwidth;
use crate::mapping::{paths::PathError, policy::Denied, query::QueryError, token::TokenError};
use crate::transcode;

fn versions(gateway: &mut Gateway) -> HttpRequest {
    gateway.open(&Sent::get(VERSIONS)).unwrap()
}

fn sync(gateway: &mut Gateway) -> HttpRequest {
    gateway.open(&Sent::get(SYNC).token("t")).unwrap()
}

#[test]
fn an_answer_is_cbor_with_integers() {
    let mut gateway = Gateway::new();
    let request = sync(&mut gateway);
    let response = gateway.close(&request, 200, r#"{"event_id":"$something"}"#);
    assert_eq!(response.code, Code::CONTENT);
    assert_eq!(response.payload[..], b"\xa1\x01\x6a$something"[..]);
    let options: Vec<_> = response.options.iter().collect();
    assert_eq!(options, [(OptionNumber::CONTENT_FORMAT, &[60][..])]);
}

#[test]
fn json_for_who_wants_it() {
    let mut gateway = Gateway::new();
    let request = gateway
        .open(&Sent::get(VERSIONS).uint(OptionNumber::ACCEPT, 50))
        .unwrap();
    let response = gateway.close(&request, 200, " {\"a\": 1.0}\n");
    assert_eq!(
        response.options.uint(OptionNumber::CONTENT_FORMAT),
        Some(50)
    );
    assert_eq!(response.payload[..], b"{\"a\": 1.0}"[..]);
    let response = gateway.close(&request, 502, "<html>");
    assert_eq!(
        response.payload[..],
        br#"{"errcode":"M_UNKNOWN","error":"the homeserver's answer is not JSON"}"#[..]
    );
}

/// Clients written in Go do not survive an empty body.
#[test]
fn an_empty_answer_is_an_empty_map() {
    let mut gateway = Gateway::new();
    let request = sync(&mut gateway);
    for (status, code) in [
        (200, Code::CONTENT),
        (204, Code::CHANGED),
        (404, Code::NOT_FOUND),
    ] {
        for empty in ["", " \r\n"] {
            let response = gateway.close(&request, status, empty);
            assert_eq!((response.code, &response.payload[..]), (code, &b"\xa0"[..]));
        }
    }
}

#[test]
fn an_answer_that_is_no_json_is_an_error_of_matrix() {
    let mut gateway = Gateway::new();
    let request = sync(&mut gateway);
    let expected = r#"{"errcode":"M_UNKNOWN","error":"the homeserver's answer is not JSON"}"#;
    for (status, code) in [
        (502, Code::BAD_GATEWAY),
        (503, Code::SERVICE_UNAVAILABLE),
        (404, Code::NOT_FOUND),
        (500, Code::INTERNAL_SERVER_ERROR),
        // Whatever was here, it was not the homeserver.
        (200, Code::BAD_GATEWAY),
    ] {
        for answer in ["<html>Bad Gateway</html>", "Forbidden", "{\"a\":"] {
            let response = gateway.close(&request, status, answer);
            assert_eq!(response.code, code);
            assert_eq!(body(&response), expected);
            assert_eq!(response.payload[..3], [0xa2, 0x18, 0x66]);
        }
    }
}

#[test]
fn redirections_are_not_followed() {
    let mut gateway = Gateway::new();
    let request = sync(&mut gateway);
    for status in [301, 302, 303, 307, 308, 304] {
        let response = gateway.close(&request, status, "");
        assert_eq!(response.code, Code::BAD_GATEWAY, "{status}");
        assert!(body(&response).contains("M_UNKNOWN"));
    }
}

/// No request asks the homeserver whether something has changed.
#[test]
fn not_modified_is_no_answer() {
    let mut gateway = Gateway::new();
    let sent = Sent::get(VERSIONS).option(OptionNumber::ETAG, "x");
    let request = gateway.open(&sent).unwrap();
    let response = gateway.close(&request, 304, "");
    assert_eq!(response.code, Code::BAD_GATEWAY);
    assert!(body(&response).contains("M_UNKNOWN"));
}

#[test]
fn an_answer_beyond_the_limits_is_left_to_http() {
    let mut gateway = Gateway::new();
    let request = sync(&mut gateway);
    let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(2 << 20));
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for answer in [large, deep] {
        let response = gateway.close(&request, 200, &answer);
        assert_eq!(response.code, Code::BAD_GATEWAY);
        assert!(body(&response).contains("use HTTP"));
    }
}

#[test]
fn what_the_client_must_authenticate_with_passes_intact() {
    let mut gateway = Gateway::new();
    let request = sync(&mut gateway);
    let flows = r#"{"flows":[{"stages":["m.login.password"]}],"params":{},"session":"x"}"#;
    let response = gateway.close(&request, 401, flows);
    assert_eq!(response.code, Code::UNAUTHORIZED);
    assert_eq!(body(&response), flows);
}

#[test]
fn when_to_ask_again() {
    let mut gateway = Gateway::new();
    let request = sync(&mut gateway);
    let limited = r#"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":1500}"#;
    let response = gateway.close(&request, 429, limited);
    assert_eq!(response.code, Code::TOO_MANY_REQUESTS);
    assert_eq!(response.options.uint(OptionNumber::MAX_AGE), Some(2));
    assert_eq!(body(&response), limited);
    // Also from a proxy in front of a homeserver that begins anew, which does not speak JSON.
    for (status, body, seconds) in [
        (503, "{}", Some(30)),
        (503, "<html>", Some(30)),
        (429, "<html>", Some(30)),
        (502, "<html>", None),
    ] {
        let upstream = Upstream {
            status: StatusCode::from_u16(status).unwrap(),
            retry_after: Some("30"),
            body: body.as_bytes(),
        };
        let response = close(&mut gateway.session, &gateway.settings, &request, &upstream);
        let max_age = response.options.uint(OptionNumber::MAX_AGE);
        assert_eq!(max_age, seconds, "{status} {body}");
    }
}

#[test]
fn versions_say_that_we_are_here() {
    let mut gateway = Gateway::new();
    let request = versions(&mut gateway);
    let answer = r#"{"versions":["v1.11"]}"#;
    assert_eq!(body(&gateway.close(&request, 200, answer)), answer);
    gateway.settings.advertisement = Some(Advertisement {
        port: 8008,
        is_stable: false,
    });
    let said = body(&gateway.close(&request, 200, answer));
    let low_bandwidth = LowBandwidth::parse(said.as_bytes()).unwrap();
    assert_eq!(low_bandwidth.dtls, Some(8008));
    assert_eq!(body(&gateway.close(&request, 404, answer)), answer);
    let other = sync(&mut gateway);
    assert_eq!(body(&gateway.close(&other, 200, answer)), answer);
}

#[test]
fn login_names_the_gateway() {
    let mut gateway = Gateway::new();
    gateway.settings.base_url = Some("https://lb.example.org".to_owned());
    let request = gateway.open(&Sent::new(Code::POST, "/1")).unwrap();
    let answer = r#"{"well_known":{"m.homeserver":{"base_url":"https://hs.example.org"}}}"#;
    let said = body(&gateway.close(&request, 200, answer));
    assert_eq!(said, answer.replace("hs.", "lb."));
}

#[test]
fn every_refusal_has_a_body_that_says_why() {
    let gateway = Gateway::new();
    let retry_after = Duration::from_millis(4_200);
    for (refusal, code, errcode) in [
        (Refusal::AnswerTooLarge, Code::BAD_GATEWAY, "M_UNKNOWN"),
        (Refusal::Unreachable, Code::BAD_GATEWAY, "M_UNKNOWN"),
        (Refusal::UpstreamTimeout, Code::GATEWAY_TIMEOUT, "M_UNKNOWN"),
        (
            Refusal::Overloaded { retry_after },
            Code::SERVICE_UNAVAILABLE,
            "M_UNKNOWN",
        ),
        (
            Refusal::TooManyRequests { retry_after },
            Code::TOO_MANY_REQUESTS,
            "M_LIMIT_EXCEEDED",
        ),
    ] {
        let response = gateway.refuse(&Sent::get(SYNC), refusal);
        assert_eq!(response.code, code);
        // As the clients written in Go need it.
        assert!(matches!(response.payload[..3], [0xa2 | 0xa3, 0x18, 0x66]));
        let expected = format!(r#"{{"errcode":"{errcode}","error":"{refusal}""#);
        assert!(
            body(&response).starts_with(&expected),
            "{}",
            body(&response)
        );
        let has_time = body(&response).contains(r#""retry_after_ms":4200"#);
        assert_eq!(
            response.options.uint(OptionNumber::MAX_AGE),
            has_time.then_some(5)
        );
    }
}

#[test]
fn a_refusal_has_the_format_that_the_client_wants() {
    let gateway = Gateway::negotiated();
    let json = Sent::get(SYNC).uint(OptionNumber::ACCEPT, 50);
    let response = gateway.refuse(&json, Refusal::Method);
    assert_eq!(
        response.options.uint(OptionNumber::CONTENT_FORMAT),
        Some(50)
    );
    let other = Sent::get(SYNC).uint(OptionNumber::ACCEPT, 0);
    let response = gateway.refuse(&other, Refusal::Accept);
    assert_eq!(
        response.options.uint(OptionNumber::CONTENT_FORMAT),
        Some(60)
    );
    assert!(response.payload.starts_with(b"\xa2\x67errcode"));
}

#[test]
fn integers_are_for_those_who_know_them() {
    let keys = |gateway: &mut Gateway, sent: &Sent| match gateway.open(sent).unwrap().format {
        Format::Cbor(keys) => keys,
        Format::Json => panic!("not asked for"),
    };
    let sent = Sent::get(VERSIONS);
    assert_eq!(keys(&mut Gateway::new(), &sent), Keys::V1);
    assert_eq!(keys(&mut Gateway::negotiated(), &sent), Keys::None);
    // Who says it, says it once.
    for (mut gateway, version, expected) in [
        (Gateway::negotiated(), 1, Keys::V1),
        (Gateway::negotiated(), 7, Keys::V1),
        (Gateway::negotiated(), 0, Keys::None),
        (Gateway::new(), 0, Keys::None),
    ] {
        let telling = sent.clone().uint(TABLE_VERSION, version);
        assert_eq!(keys(&mut gateway, &telling), expected);
        assert_eq!(keys(&mut gateway, &sent), expected);
    }
    // Who writes them knows them.
    let post = |payload: &[u8]| Sent::new(Code::POST, "/1").payload(payload);
    let mut gateway = Gateway::negotiated();
    let json = r#"{"type":"m.login.password","105":{"x":[1]}}"#;
    let texts = cbor(json, Keys::None);
    assert_eq!(keys(&mut gateway, &post(&texts)), Keys::None);
    assert_eq!(keys(&mut gateway, &post(b"\xa1\x18\x69\x01")), Keys::None);
    let integers = cbor(json, Keys::V1);
    assert_eq!(keys(&mut gateway, &post(&integers)), Keys::V1);
    assert_eq!(keys(&mut gateway, &sent), Keys::V1);
}

#[test]
fn names_of_refusals_are_complete() {
    let retry_after = Duration::ZERO;
    let error = transcode::Error {
        reason: transcode::Reason::Bignum,
        offset: 0,
    };
    let names = [
        Refusal::Accept,
        Refusal::AnswerTooLarge,
        Refusal::Body(error),
        Refusal::ContentFormat,
        Refusal::Denied(Denied::Admin),
        Refusal::Leaving { retry_after },
        Refusal::Method,
        Refusal::MissingToken,
        Refusal::NotJson,
        Refusal::Overloaded { retry_after },
        Refusal::Path(PathError::TooFewParameters),
        Refusal::Query(QueryError::Escape),
        Refusal::Redirect,
        Refusal::TableVersion,
        Refusal::Token(TokenError::TooLong),
        Refusal::TooManyRequests { retry_after },
        Refusal::Unreachable,
        Refusal::UpstreamTimeout,
    ]
    .map(Refusal::name);
    assert_eq!(names, Refusal::NAMES);
}
